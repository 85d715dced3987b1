/**
 * Rows of a fixed number of words, by stable number: reserved at once for the largest number of them, of which only what was
 * ever used takes memory. Freed rows stand on a stack beside them and are used again first; a chain through the rows would
 * make each wait for the one before.
 */
import { alignedWords } from './aligned-words.ts';
import type { Block } from './block.ts';
import { fetchWords } from './fetch-words.ts';

export class RowStore {
  readonly words: Int32Array;
  /** Row number << shift is its first word. */
  readonly shift: number;
  readonly max: number;
  /** Rows ever used; those from here on are all 0. */
  top = 0;
  readonly #free: Int32Array;
  #freeCount = 0;

  /** @param shift log2 of the words of a row */
  constructor(max: number, shift: number) {
    this.max = max;
    this.shift = shift;
    this.words = alignedWords(max << shift);
    this.#free = new Int32Array(max);
  }

  get live(): number {
    return this.top - this.#freeCount;
  }

  /** @returns a row as its release left it, or -1 where there is none left */
  allocate(): number {
    if (this.#freeCount !== 0) return this.#free[--this.#freeCount]!;
    return this.top === this.max ? -1 : this.top++;
  }

  release(row: number): void {
    this.#free[this.#freeCount++] = row;
  }

  /** Fetches the freed rows that come next, up to `count`. */
  fetchFree(block: Block, count: number): void {
    const { first } = block;
    const { shift } = this;
    const free = this.#free;
    const from = Math.max(0, this.#freeCount - count);
    const fetched = this.#freeCount - from;
    for (let k = 0; k < fetched; k++) first[k] = free[from + k]! << shift;
    block.fetched ^= fetchWords(this.words, first, fetched);
  }

  /** Bytes of the rows ever used. */
  get bytes(): number {
    return (this.top << this.shift) * 4 + this.#freeCount * 4;
  }
}
