/**
 * Edges and what counts in them: client → server on one server port in one scope, by number.
 *
 *     key     client name, server name, port << 1 | 1 for UDP, scope
 *     count   connections in all; with the last one that is taken back the edge goes
 *     5       of them with both ends seen
 *     6       of them with only the client seen; the rest have only the server seen
 *
 * Beside them stand how many are open, and their bytes: to the server, to the client.
 */
import { KeyTable } from './key-table.ts';

const edgeShift = 3;
const bothWord = 5;
const clientWord = 6;

/** Edges at a time; beyond it a connection counts in none. */
export const edgeCountsMax = 1 << 20;

export interface EdgeSum {
  readonly client: number;
  readonly server: number;
  /** port << 1 | 1 for UDP. */
  readonly port: number;
  readonly scope: number;
  readonly open: number;
  readonly total: number;
  readonly seen: { readonly both: number; readonly client: number; readonly server: number };
  readonly bytesToServer: number;
  readonly bytesToClient: number;
}

/** Which ends of a connection were seen. */
export const seenEnds = { both: 0, client: 1, server: 2 } as const;
export type SeenEnds = (typeof seenEnds)[keyof typeof seenEnds];

export class EdgeCounts {
  readonly #table: KeyTable;
  readonly #open: Int32Array;
  readonly #bytes: Float64Array;

  constructor(seed: number, max = edgeCountsMax) {
    this.#table = new KeyTable(max, seed);
    this.#open = new Int32Array(max);
    this.#bytes = new Float64Array(2 * max);
  }

  get size(): number {
    return this.#table.size;
  }

  get refused(): number {
    return this.#table.refused;
  }

  get bytes(): number {
    return this.#table.bytes + this.#table.top * 20;
  }

  hashOf(client: number, server: number, port: number, scope: number): number {
    return this.#table.hashOf(client, server, port, scope);
  }

  /** Fetches what `count` reads first. @returns what was read */
  touch(hash: number): number {
    return this.#table.touch(hash);
  }

  /** One connection more. @param hash see hashOf. @returns the edge, or -1 where there are too many */
  count(hash: number, client: number, server: number, port: number, scope: number, seen: SeenEnds): number {
    const edge = this.#table.addHashed(hash, client, server, port, scope);
    if (edge < 0) return -1;
    if (this.#table.countOf(edge) === 1) this.#begin(edge);
    this.#countSeen(edge, seen, 1);
    this.#open[edge]! += 1;
    return edge;
  }

  /** One connection less, which is open or not. */
  uncount(edge: number, seen: SeenEnds, isOpen: boolean): void {
    this.#countSeen(edge, seen, -1);
    if (isOpen) this.#open[edge]! -= 1;
    this.#table.release(edge);
  }

  /** A connection of it was opened again (1) or is over (-1). */
  countOpen(edge: number, by: 1 | -1): void {
    this.#open[edge]! += by;
  }

  addBytes(edge: number, toServer: number, toClient: number): void {
    this.#bytes[2 * edge]! += toServer;
    this.#bytes[2 * edge + 1]! += toClient;
  }

  *all(): Iterable<EdgeSum> {
    for (let edge = 0; edge < this.#table.top; edge++)
      if (this.#table.countOf(edge) > 0) yield this.#sum(edge);
  }

  #begin(edge: number): void {
    this.#open[edge] = 0;
    this.#bytes[2 * edge] = 0;
    this.#bytes[2 * edge + 1] = 0;
  }

  #countSeen(edge: number, seen: SeenEnds, by: 1 | -1): void {
    if (seen === seenEnds.server) return;
    const word = (edge << edgeShift) + (seen === seenEnds.both ? bothWord : clientWord);
    this.#table.words[word]! += by;
  }

  #sum(edge: number): EdgeSum {
    const first = edge << edgeShift;
    const { words } = this.#table;
    const [total, both, client] = [words[first + 4]!, words[first + bothWord]!, words[first + clientWord]!];
    return {
      client: words[first]!,
      server: words[first + 1]!,
      port: words[first + 2]!,
      scope: words[first + 3]!,
      open: this.#open[edge]!,
      total,
      seen: { both, client, server: total - both - client },
      bytesToServer: this.#bytes[2 * edge]!,
      bytesToClient: this.#bytes[2 * edge + 1]!,
    };
  }
}
