/**
 * Words, first in first out, in chunks: it grows without copying and gives back what is empty, but for one chunk, so that a
 * queue that keeps its length allocates nothing.
 */
import { uncountedWords } from './aligned-words.ts';

const chunkWords = 1 << 12;

export class WordQueue {
  readonly #chunks: Int32Array[];
  /** Of them, the one that is filled. */
  #last: Int32Array = uncountedWords(chunkWords);
  #spare: Int32Array | null = null;
  /** Words of the first chunk that were taken, and of the last that are filled. */
  #taken = 0;
  #filled = 0;
  size = 0;

  constructor() {
    this.#chunks = [this.#last];
  }

  push(word: number): void {
    if (this.#filled === chunkWords) {
      this.#last = this.#spare ?? uncountedWords(chunkWords);
      this.#spare = null;
      this.#chunks.push(this.#last);
      this.#filled = 0;
    }
    this.#last[this.#filled++] = word;
    this.size++;
  }

  /** The queue must not be empty, here and below. */
  get first(): number {
    return this.#chunks[0]![this.#taken]!;
  }

  get last(): number {
    return this.#last[this.#filled - 1]!;
  }

  /** Puts another word in place of the last. */
  replaceLast(word: number): void {
    this.#last[this.#filled - 1] = word;
  }

  /** Puts another word in place of the first. */
  replaceFirst(word: number): void {
    this.#chunks[0]![this.#taken] = word;
  }

  shift(): number {
    const word = this.first;
    this.#taken++;
    this.size--;
    if (this.size === 0) this.#filled = this.#taken = 0;
    else if (this.#taken === chunkWords) {
      this.#spare = this.#chunks.shift()!;
      this.#taken = 0;
    }
    return word;
  }

  /** All, the first first. */
  *words(): Iterable<number> {
    for (const [n, chunk] of this.#chunks.entries()) {
      const end = chunk === this.#last ? this.#filled : chunkWords;
      for (let at = n === 0 ? this.#taken : 0; at < end; at++) yield chunk[at]!;
    }
  }

  get bytes(): number {
    return (this.#chunks.length + (this.#spare === null ? 0 : 1)) * chunkWords * 4;
  }
}
