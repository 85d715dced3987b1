/**
 * Which ports somebody listens on, by namespace: the strongest evidence of a direction, asked for both ends of each
 * connection.
 *
 *     netns, port << 1 | 1 for UDP, 0, 0          how many have that port; of them bound to 0.0.0.0 (5) and to :: (6)
 *     netns, port << 1 | 1 for UDP, address, 1    how many are bound to that address alone
 *
 * So one look is the whole answer for a port that nobody has, and for one that is bound to every address. A port that nobody
 * has anywhere, as most ports of clients, is known by a count of its own.
 */
import { KeyTable } from './key-table.ts';

/** Bound addresses and ports at a time, each counted once for itself and once for its port. */
export const listeningMax = 1 << 21;

/** What `::` is bound by; `0.0.0.0` is 0. It is none of the ids of addresses.ts. */
export const anyV6 = -1;

const portKeys = 1 << 17;
const rowShift = 3;
const anyV4Word = 5;
const anyV6Word = 6;

export class Listening {
  readonly #table: KeyTable;
  /** How many listen on a port in any namespace, by port << 1 | 1 for UDP. */
  readonly #counts = new Int32Array(portKeys);

  constructor(seed: number, max = listeningMax) {
    this.#table = new KeyTable(max, seed);
  }

  get bytes(): number {
    return this.#table.bytes + this.#counts.byteLength;
  }

  get size(): number {
    return this.#table.size;
  }

  add(netns: number, port: number, address: number): void {
    const row = this.#table.add(netns, port, 0, 0);
    if (row < 0) return;
    this.#counts[port]!++;
    this.#countBound(row, netns, port, address, 1);
  }

  /** What was added. */
  remove(netns: number, port: number, address: number): void {
    const row = this.#table.find(netns, port, 0, 0);
    if (row < 0) return;
    this.#counts[port]!--;
    this.#countBound(row, netns, port, address, -1);
    this.#table.release(row);
  }

  /** @param port port << 1 | 1 for UDP */
  has(netns: number, port: number, address: number, isV6: boolean): boolean {
    if (this.#counts[port] === 0) return false;
    const table = this.#table;
    const row = table.find(netns, port, 0, 0);
    if (row < 0) return false;
    const first = row << rowShift;
    if (table.words[first + anyV6Word]! > 0 || (!isV6 && table.words[first + anyV4Word]! > 0)) return true;
    return table.find(netns, port, address, 1) >= 0;
  }

  #countBound(row: number, netns: number, port: number, address: number, by: 1 | -1): void {
    const table = this.#table;
    const first = row << rowShift;
    if (address === 0) table.words[first + anyV4Word]! += by;
    else if (address === anyV6) table.words[first + anyV6Word]! += by;
    else if (by === 1) table.add(netns, port, address, 1);
    else table.release(table.find(netns, port, address, 1));
  }
}
