/**
 * Rows that begin with a key of four words, found by it: what addresses, edges and listeners are kept in. One row at a
 * time; connections, which come in blocks, have passes of their own over the same memory (open-passes.ts).
 *
 *     0-3   the key
 *     4     how often it was added, less how often it was released
 *     5-7   the owner's own, 0 in a new row
 */
import { hashKey } from './key-hash.ts';
import { MovingIndex } from './moving-index.ts';
import { RowStore } from './row-store.ts';

const rowShift = 3;
const countWord = 4;

export class KeyTable {
  readonly #store: RowStore;
  readonly #index: MovingIndex;
  readonly #seed: number;
  /** Keys that found no place. */
  refused = 0;

  constructor(max: number, seed: number) {
    this.#index = new MovingIndex(max);
    this.#store = new RowStore(max, rowShift);
    this.#seed = seed;
  }

  get words(): Int32Array<SharedArrayBuffer> {
    return this.#store.words;
  }

  /** Keys that it has. */
  get size(): number {
    return this.#store.live;
  }

  /** Rows ever used. */
  get top(): number {
    return this.#store.top;
  }

  get bytes(): number {
    return this.#store.bytes + this.#index.bytes;
  }

  /** @returns its row, or -1 */
  find(w0: number, w1: number, w2: number, w3: number): number {
    return this.#find(hashKey(this.#seed, w0, w1, w2, w3), w0, w1, w2, w3);
  }

  /** One more use of a key. @returns its row, or -1 where there is no place for another one */
  add(w0: number, w1: number, w2: number, w3: number): number {
    return this.addHashed(hashKey(this.#seed, w0, w1, w2, w3), w0, w1, w2, w3);
  }

  hashOf(w0: number, w1: number, w2: number, w3: number): number {
    return hashKey(this.#seed, w0, w1, w2, w3);
  }

  /** Fetches the home of a hash. @returns what was read */
  touch(hash: number): number {
    return this.#index.words[this.#index.homeOf(hash)]!;
  }

  /** `add`, where the hash of the key is known. */
  addHashed(hash: number, w0: number, w1: number, w2: number, w3: number): number {
    const known = this.#find(hash, w0, w1, w2, w3);
    if (known >= 0) {
      this.words[(known << rowShift) + countWord]! += 1;
      return known;
    }
    this.#index.grow();
    const row = this.#store.allocate();
    if (row < 0 || !this.#index.insert(hash, row)) {
      if (row >= 0) this.#store.release(row);
      this.refused++;
      return -1;
    }
    const first = row << rowShift;
    const { words } = this;
    words[first] = w0;
    words[first + 1] = w1;
    words[first + 2] = w2;
    words[first + 3] = w3;
    words[first + countWord] = 1;
    words[first + 5] = 0;
    words[first + 6] = 0;
    words[first + 7] = 0;
    return row;
  }

  /** One more use of the key in that row. */
  addAgain(row: number): void {
    this.words[(row << rowShift) + countWord]! += 1;
  }

  /** One use less. @returns whether it was the last, with which the row is free */
  release(row: number): boolean {
    const first = row << rowShift;
    const { words } = this;
    words[first + countWord]! -= 1;
    if (words[first + countWord] !== 0) return false;
    const hash = hashKey(this.#seed, words[first]!, words[first + 1]!, words[first + 2]!, words[first + 3]!);
    this.#index.remove(hash, row);
    this.#store.release(row);
    return true;
  }

  /** Uses of the key in that row. */
  countOf(row: number): number {
    return this.words[(row << rowShift) + countWord]!;
  }

  #find(hash: number, w0: number, w1: number, w2: number, w3: number): number {
    const { words: cells, reach } = this.#index;
    const { words } = this;
    const home = this.#index.homeOf(hash);
    for (let at = home; at <= home + reach; at += 2) {
      const row = cells[at + 1]!;
      if (row === 0) return -1;
      if (cells[at] !== hash) continue;
      const first = (row - 1) << rowShift;
      const differs =
        (words[first]! ^ w0) | (words[first + 1]! ^ w1) | (words[first + 2]! ^ w2) | (words[first + 3]! ^ w3);
      if (differs === 0) return row - 1;
    }
    return -1;
  }
}
