/** What plain connections count in their edges beyond the core: when they were seen, and their bytes. */
import { bytesDouble, edgeWord, facts, factsWord, rowShift } from '../core/connection-row.ts';
import type { ConnectionRows } from '../core/connection-rows.ts';
import type { EdgeCounts } from '../core/edge-counts.ts';
import type { Edge } from '../graph/edges.ts';
import type { PlainRows } from './plain-rows.ts';
import { doubleOf, type SocketColumns } from './socket-columns.ts';

export interface EdgeParts {
  readonly core: ConnectionRows;
  readonly rows: PlainRows;
  readonly edges: EdgeCounts<Edge>;
}

/** What it counts in; null where that is nothing. */
export function edgeOf({ core, edges }: EdgeParts, row: number): Edge | null {
  const number = core.words[(row << rowShift) + edgeWord]! - 1;
  return number < 0 ? null : edges.tallyOf(number);
}

/** Its edge was seen for as long as it is there. */
export function touchEdge(parts: EdgeParts, row: number): void {
  const { rows } = parts;
  const edge = edgeOf(parts, row);
  if (edge === null) return;
  edge.firstSeenAtMs = Math.min(edge.firstSeenAtMs, rows.openedAtMs(row));
  edge.lastSeenAtMs = Math.max(edge.lastSeenAtMs, rows.lastSeenAtMs(row));
}

/** Counts in its edge what both ends have counted since it did so last. */
export function countBytes({ core, rows, edges }: EdgeParts, row: number): void {
  const first = row << rowShift;
  const { words, doubles } = core;
  const isTurned = (words[first + factsWord]! & facts.clientIsB) !== 0;
  const { columns } = rows.sockets;
  const client = (row << 1) | (isTurned ? 1 : 0);
  const server = client ^ 1;
  if (!columns.isCounted(client) && !columns.isCounted(server)) return;
  // As trafficBetween has it; who was not counted has 0.
  const dialed = Math.max(0, bytesOf(columns, client, doubleOf.sent) - 1);
  const bytesToServer = Math.max(dialed, bytesOf(columns, server, doubleOf.received));
  const bytesToClient = Math.max(
    bytesOf(columns, server, doubleOf.sent),
    bytesOf(columns, client, doubleOf.received),
  );
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

function bytesOf(columns: SocketColumns, half: number, column: number): number {
  return columns.isCounted(half) ? columns.double(half, column) : 0;
}
