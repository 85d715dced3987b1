/** What plain connections count in their edges beyond the core: when they were seen, and their bytes. */
import { bytesDouble, edgeWord, facts, factsWord, rowShift } from '../core/connection-row.ts';
import type { ConnectionRows } from '../core/connection-rows.ts';
import type { EdgeCounts } from '../core/edge-counts.ts';
import type { Edge } from '../graph/edges.ts';
import type { PlainRows } from './plain-rows.ts';
import { trafficBetween } from './traffic.ts';

export interface EdgeParts {
  readonly core: ConnectionRows;
  readonly rows: PlainRows;
  readonly edges: EdgeCounts<Edge>;
}

/** Its edge was seen for as long as it is there. */
export function touchEdge({ core, rows, edges }: EdgeParts, row: number): void {
  const number = core.words[(row << rowShift) + edgeWord]! - 1;
  if (number < 0) return;
  const edge = edges.tallyOf(number);
  edge.firstSeenAtMs = Math.min(edge.firstSeenAtMs, rows.openedAtMs(row));
  edge.lastSeenAtMs = Math.max(edge.lastSeenAtMs, rows.lastSeenAtMs(row));
}

/** Counts in its edge what both ends have counted since it did so last. */
export function countBytes({ core, rows, edges }: EdgeParts, row: number): void {
  const first = row << rowShift;
  const { words, doubles } = core;
  const isTurned = (words[first + factsWord]! & facts.clientIsB) !== 0;
  const [a, b] = rows.socketsOf(row).map((socket) => socket?.counters ?? null);
  const { bytesToServer, bytesToClient } = isTurned ? trafficBetween(b!, a!) : trafficBetween(a!, b!);
  if (bytesToServer === null || bytesToClient === null) return;
  const toServer = (first >> 1) + bytesDouble + (isTurned ? 1 : 0);
  const toClient = (first >> 1) + bytesDouble + (isTurned ? 0 : 1);
  const edge = words[first + edgeWord]! - 1;
  if (edge >= 0) {
    edges.addBytes(edge, bytesToServer - doubles[toServer]!, bytesToClient - doubles[toClient]!);
  }
  words[first + factsWord]! |= facts.counted;
  doubles[toServer] = bytesToServer;
  doubles[toClient] = bytesToClient;
}
