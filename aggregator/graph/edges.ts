/**
 * The dependencies of the fleet, counted incrementally: client → server on one server port in one realm. A connection counts in
 * exactly one edge; when it is known better, its count moves.
 */
import type { Seen } from '../../model/document.ts';
import type { Protocol } from '../../model/socket-state.ts';

/** What tells edges apart. */
export interface EdgeName {
  readonly realm: string;
  readonly client: string;
  readonly server: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** What one connection says about one edge. */
export interface EdgeShare extends EdgeName {
  readonly open: boolean;
  readonly seen: Seen;
  readonly firstSeenAtMs: number;
  readonly lastSeenAtMs: number;
  /** As far as it was counted; null = not. */
  readonly bytesToServer: number | null;
  readonly bytesToClient: number | null;
}

/** An edge with its sums, which the core counts in as well (core/edge-counts.ts). */
export class Edge implements EdgeName {
  readonly realm: string;
  readonly client: string;
  readonly server: string;
  readonly port: number;
  readonly protocol: Protocol;
  open = 0;
  total = 0;
  firstSeenAtMs = Number.POSITIVE_INFINITY;
  lastSeenAtMs = Number.NEGATIVE_INFINITY;
  readonly seen = { both: 0, client: 0, server: 0 };
  /** Bytes; NaN where none of its connections was counted: see EdgeTally. */
  toServer = Number.NaN;
  toClient = Number.NaN;

  constructor({ realm, client, server, port, protocol }: EdgeName) {
    this.realm = realm;
    this.client = client;
    this.server = server;
    this.port = port;
    this.protocol = protocol;
  }

  /** null where none of its connections was counted. */
  get bytesToServer(): number | null {
    return numberOrNull(this.toServer);
  }

  get bytesToClient(): number | null {
    return numberOrNull(this.toClient);
  }
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** How many edges are kept at most. Beyond it a connection counts in none, and `refused` tells how often. */
export const edgesMax = 200_000;

export class Edges {
  readonly #edges = new Map<string, Edge>();
  readonly #vague = new Set<Edge>();
  readonly #max: number;
  /** Connections that counted in no edge because there were too many. */
  refused = 0;

  constructor(max: number = edgesMax) {
    this.#max = max;
  }

  get size(): number {
    return this.#edges.size;
  }

  /**
   * Counts a connection by `share`, in place of what it counted as before. `isNew` tells that it is the first of its
   * edge. Null when the table is full.
   */
  count(share: EdgeShare, before: EdgeShare | null): { readonly edge: Edge; readonly isNew: boolean } | null {
    const added = this.#add(share);
    if (before !== null) this.#takeBack(before, added?.edge ?? null, share);
    return added;
  }

  /** The edge of that name, which comes into being without a connection where there is none. Null when the table is full. */
  obtain(name: EdgeName): { readonly edge: Edge; readonly isNew: boolean } | null {
    const key = edgeKey(name);
    const known = this.#edges.get(key);
    if (known !== undefined) return { edge: known, isNew: false };
    if (this.#edges.size >= this.#max) {
      this.refused++;
      return null;
    }
    const edge = new Edge(name);
    this.#edges.set(key, edge);
    return { edge, isNew: true };
  }

  /** Forgets an edge that has never had a connection that still counts. */
  dropEmpty(edge: Edge): void {
    if (edge.total > 0) return;
    this.#edges.delete(edgeKey(edge));
    this.#vague.delete(edge);
  }

  #add(share: EdgeShare): { readonly edge: Edge; readonly isNew: boolean } | null {
    const obtained = this.obtain(share);
    if (obtained === null) return null;
    const { edge } = obtained;
    edge.open += share.open ? 1 : 0;
    edge.total++;
    edge.seen[share.seen]++;
    addBytes(edge, share, 1);
    edge.firstSeenAtMs = Math.min(edge.firstSeenAtMs, share.firstSeenAtMs);
    edge.lastSeenAtMs = Math.max(edge.lastSeenAtMs, share.lastSeenAtMs);
    return obtained;
  }

  /** Takes a count back. An edge that never had another connection goes with it. */
  uncount(share: EdgeShare): void {
    this.#takeBack(share, null, null);
  }

  /** @param now the edge in which its connection counts instead, by `share` */
  #takeBack(before: EdgeShare, now: Edge | null, share: EdgeShare | null): void {
    const edge = this.#edges.get(edgeKey(before));
    if (edge === undefined) return;
    edge.open -= before.open ? 1 : 0;
    edge.total--;
    edge.seen[before.seen]--;
    addBytes(edge, before, -1);
    const isStillSeen = edge === now && share!.firstSeenAtMs <= before.firstSeenAtMs;
    if (!isStillSeen && edge.firstSeenAtMs >= before.firstSeenAtMs) this.lessened(edge);
    this.dropEmpty(edge);
  }

  /** What it was seen first by may count in it no more. */
  lessened(edge: Edge): void {
    this.#vague.add(edge);
  }

  /** Edges of which it is to be found out anew since when they are there, as far as nothing that counts in them is forgotten. */
  get vague(): ReadonlySet<Edge> {
    return this.#vague;
  }

  /** Takes over since when a vague edge is there, by `count` connections. */
  settleFirstSeen(edge: Edge, count: number, firstSeenAtMs: number): void {
    this.#vague.delete(edge);
    if (edge.total === count) edge.firstSeenAtMs = firstSeenAtMs;
  }

  /** The share's connection is no longer open; it still counts in the totals. */
  settle(share: EdgeShare, lastSeenAtMs: number): void {
    const edge = this.#edges.get(edgeKey(share));
    if (edge === undefined) return;
    edge.open -= share.open ? 1 : 0;
    edge.lastSeenAtMs = Math.max(edge.lastSeenAtMs, lastSeenAtMs);
  }

  /** The share's connection was still there at that time. */
  touch(share: EdgeShare, seenAtMs: number): void {
    const edge = this.#edges.get(edgeKey(share));
    if (edge !== undefined) edge.lastSeenAtMs = Math.max(edge.lastSeenAtMs, seenAtMs);
  }

  find(name: EdgeName): Edge | undefined {
    return this.#edges.get(edgeKey(name));
  }

  all(): Iterable<Edge> {
    return this.#edges.values();
  }
}

function addBytes(edge: Edge, { bytesToServer, bytesToClient }: EdgeShare, sign: 1 | -1): void {
  if (bytesToServer !== null) edge.toServer = (edge.bytesToServer ?? 0) + sign * bytesToServer;
  if (bytesToClient !== null) edge.toClient = (edge.bytesToClient ?? 0) + sign * bytesToClient;
}

/** Names are foreign text and may hold any character, so they are told apart by length. */
function edgeKey({ protocol, port, realm, client, server }: EdgeName): string {
  return `${protocol}:${port}:${realm.length}:${client.length}:${realm}${client}${server}`;
}
