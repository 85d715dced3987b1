/** Edges as they are kept beyond a run of the aggregator: what a connection counted that nobody tells of any more. */
import type { Protocol } from '../../model/socket-state.ts';
import type { Edge, Edges } from './edges.ts';

/** Plain for JSON. Without how many are open, which follows from what is told anew. */
export type SavedEdge = readonly [
  realm: string,
  client: string,
  server: string,
  port: number,
  protocol: Protocol,
  firstSeenAtMs: number,
  lastSeenAtMs: number,
  seenByBoth: number,
  seenByClient: number,
  seenByServer: number,
  bytesToServer: number | null,
  bytesToClient: number | null,
];

export function saveEdge(edge: Edge): SavedEdge {
  const { realm, client, server, port, protocol, firstSeenAtMs, lastSeenAtMs, seen } = edge;
  const { bytesToServer, bytesToClient } = edge;
  return [
    realm,
    client,
    server,
    port,
    protocol,
    firstSeenAtMs,
    lastSeenAtMs,
    seen.both,
    seen.client,
    seen.server,
    bytesToServer,
    bytesToClient,
  ];
}

/**
 * Brings edges up to what they were when they were saved. What counts in them now is a part of that: it was told again since.
 * No sum becomes less, since all that counts now may be taken back.
 * @returns how many did not find room
 */
export function settleEdges(edges: Edges, saved: readonly SavedEdge[]): number {
  let refused = 0;
  for (const [realm, client, server, port, protocol, ...sums] of saved) {
    const edge = edges.obtain({ realm, client, server, port, protocol })?.edge;
    if (edge === undefined) refused++;
    else settle(edge, sums);
  }
  return refused;
}

type Sums = SavedEdge extends readonly [string, string, string, number, Protocol, ...infer Rest]
  ? Rest
  : never;

function settle(edge: Edge, [firstMs, lastMs, both, client, server, toServer, toClient]: Sums): void {
  edge.firstSeenAtMs = Math.min(edge.firstSeenAtMs, firstMs);
  edge.lastSeenAtMs = Math.max(edge.lastSeenAtMs, lastMs);
  edge.seen.both = Math.max(edge.seen.both, both);
  edge.seen.client = Math.max(edge.seen.client, client);
  edge.seen.server = Math.max(edge.seen.server, server);
  edge.total = edge.seen.both + edge.seen.client + edge.seen.server;
  edge.toServer = larger(edge.bytesToServer, toServer);
  edge.toClient = larger(edge.bytesToClient, toClient);
}

/** As an edge has it: NaN where neither is known. */
function larger(one: number | null, other: number | null): number {
  if (one === null || other === null) return one ?? other ?? Number.NaN;
  return Math.max(one, other);
}
