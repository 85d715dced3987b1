/**
 * Rows of a fixed number of words, by stable number: reserved at once for the largest number of them, of which only what was
 * ever used takes memory. Freed rows stand on a stack beside them and are used again first; a chain through the rows would
 * make each wait for the one before.
 */
import { alignedWords } from './aligned-words.ts';

export class RowStore {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** Row number << shift is its first word. */
  readonly shift: number;
  readonly max: number;
  /** Rows ever used; those from here on are all 0. */
  top = 0;
  readonly #free: Int32Array;
  #freeCount = 0;

  /**
   * @param shift log2 of the words of a row
   * @param words max << shift of them; all are 0
   */
  constructor(max: number, shift: number, words: Int32Array<SharedArrayBuffer> = alignedWords(max << shift)) {
    this.max = max;
    this.shift = shift;
    this.words = words;
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

  /** Takes up to `count` rows, as `allocate`. @param taken gets their first words @returns how many there were */
  takeAll(taken: Int32Array, count: number): number {
    const { shift } = this;
    const free = this.#free;
    const freed = Math.min(count, this.#freeCount);
    this.#freeCount -= freed;
    for (let i = 0; i < freed; i++) taken[i] = free[this.#freeCount + freed - 1 - i]! << shift;
    const all = Math.min(count, freed + this.max - this.top);
    for (let i = freed; i < all; i++) taken[i] = this.top++ << shift;
    return all;
  }

  /** Bytes of the rows ever used. */
  get bytes(): number {
    return (this.top << this.shift) * 4 + this.#freeCount * 4;
  }
}
