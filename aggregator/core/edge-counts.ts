/**
 * Edges by number, and what rows count in them: client → server on one server port in one scope.
 *
 *     key     client name, server name, port << 1 | 1 for UDP, scope
 *     count   rows that were counted and not taken back; with the last of them the number is free
 *
 * The sums themselves are objects of whoever keeps the edges of the fleet (EdgeKeeper), which may count there as well.
 */
import { KeyTable } from './key-table.ts';

/** Edges with a number at a time; beyond it a connection counts in none. */
export const edgeCountsMax = 1 << 18;

/** What is summed. Every connection of the core has both ends seen. */
export interface EdgeTally {
  open: number;
  total: number;
  readonly seen: { both: number };
  /**
   * Bytes; NaN where none of its connections was counted, and not null: V8 writes to a field that has only ever had
   * numbers in place, and makes an object of each number else.
   */
  toServer: number;
  toClient: number;
}

/** Who has the tallies. */
export interface EdgeKeeper<Tally extends EdgeTally = EdgeTally> {
  /** The tally of an edge that gets a number; null where there are too many. @param port as in the key */
  begin(client: number, server: number, port: number, scope: number): Tally | null;
  /** A count was taken back, and others are left. */
  lessened(tally: Tally): void;
  /** It has no number any more: nothing that was counted by it is left. */
  end(tally: Tally, client: number, server: number): void;
}

export class EdgeCounts<Tally extends EdgeTally = EdgeTally> {
  readonly #table: KeyTable;
  readonly #keeper: EdgeKeeper<Tally>;
  readonly #tallies: Tally[] = [];

  constructor(seed: number, keeper: EdgeKeeper<Tally>, max = edgeCountsMax) {
    this.#table = new KeyTable(max, seed);
    this.#keeper = keeper;
  }

  get size(): number {
    return this.#table.size;
  }

  get refused(): number {
    return this.#table.refused;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  hashOf(client: number, server: number, port: number, scope: number): number {
    return this.#table.hashOf(client, server, port, scope);
  }

  /** Fetches what `count` reads first. @returns what was read */
  touch(hash: number): number {
    return this.#table.touch(hash);
  }

  /** One open connection more. @param hash see hashOf. @returns the edge, or -1 where there are too many */
  count(hash: number, client: number, server: number, port: number, scope: number): number {
    const edge = this.#table.addHashed(hash, client, server, port, scope);
    if (edge < 0) return -1;
    if (this.#table.countOf(edge) === 1) {
      const begun = this.#keeper.begin(client, server, port, scope);
      if (begun === null) {
        this.#table.release(edge);
        return -1;
      }
      this.#tallies[edge] = begun;
    }
    const tally = this.#tallies[edge]!;
    tally.open++;
    tally.total++;
    tally.seen.both++;
    return edge;
  }

  /** One connection less, which is open or not. */
  uncount(edge: number, isOpen: boolean): void {
    const tally = this.#tallies[edge]!;
    tally.total--;
    tally.seen.both--;
    if (isOpen) tally.open--;
    const first = edge << 3;
    const [client, server] = [this.#table.words[first]!, this.#table.words[first + 1]!];
    if (this.#table.release(edge)) this.#keeper.end(tally, client, server);
    else this.#keeper.lessened(tally);
  }

  /** A connection of it was opened again (1) or is over (-1). */
  countOpen(edge: number, by: 1 | -1): void {
    this.#tallies[edge]!.open += by;
  }

  addBytes(edge: number, toServer: number, toClient: number): void {
    const tally = this.#tallies[edge]!;
    tally.toServer = Number.isNaN(tally.toServer) ? toServer : tally.toServer + toServer;
    tally.toClient = Number.isNaN(tally.toClient) ? toClient : tally.toClient + toClient;
  }

  tallyOf(edge: number): Tally {
    return this.#tallies[edge]!;
  }
}
