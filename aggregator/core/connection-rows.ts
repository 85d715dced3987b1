/**
 * The rows of connections with the index over their keys and the IPv6 addresses that they use: what the passes read and
 * write. How a row comes and goes stands here; what it means, in the modules that use it.
 */
import { type Addresses, isInterned } from './addresses.ts';
import { facts, factsWord, lifeOf, lifeShift, rowShift } from './connection-row.ts';
import { hashKey } from './key-hash.ts';
import { indexWords, MovingIndex } from './moving-index.ts';
import { PassMemory } from './pass-memory.ts';
import { RowStore } from './row-store.ts';

/** Connections that had a key before and leave with the one that has it, at most: with that one as many as objects have under a key. */
export const olderMax = 63;

/** Of a connection that lingers after another has taken its key. */
const lingeringMask = facts.over | facts.filed | facts.forgotten | facts.elsewhere;

/** Who is told how connections end. Their words are still there. */
export interface EndOfRows {
  /** It lingered long enough, and is no part of the live view any more. */
  forgotten(row: number): void;
  /** Nothing stands for the row any more; it is about to be free. */
  freed(row: number): void;
}

export class ConnectionRows {
  readonly memory: PassMemory;
  readonly index: MovingIndex;
  readonly store: RowStore;
  readonly words: Int32Array<SharedArrayBuffer>;
  /** The same memory: see bytesDouble. */
  readonly doubles: Float64Array;
  readonly seed: number;
  readonly addresses: Addresses;
  readonly #told: EndOfRows;
  /**
   * By row, + 1, the one that had its key before. It is written as one succeeds another and never cleared, so it is a hint:
   * either row may be another connection's since.
   */
  readonly #older: Int32Array;

  constructor(max: number, seed: number, addresses: Addresses, told: EndOfRows) {
    this.#told = told;
    this.memory = new PassMemory(indexWords(max), max << rowShift);
    this.words = this.memory.rows;
    this.index = new MovingIndex(max, this.memory.cells);
    this.store = new RowStore(max, rowShift, this.words);
    this.doubles = new Float64Array(this.words.buffer, this.words.byteOffset, this.words.length / 2);
    this.seed = seed;
    this.addresses = addresses;
    this.#older = new Int32Array(max);
  }

  /** A row that just got a key. */
  begin(row: number): void {
    const first = row << rowShift;
    const { words } = this;
    words[first + factsWord] = (lifeOf(words[first + factsWord]!) << lifeShift) | facts.filed;
    this.useAddresses(first);
  }

  /** One more use of the addresses of the row of that first word. */
  useAddresses(first: number): void {
    const { words } = this;
    if (isInterned(words[first]!)) this.addresses.retainAgain(words[first]!);
    if (isInterned(words[first + 1]!)) this.addresses.retainAgain(words[first + 1]!);
  }

  /** A row without sockets and without a place in the index is free. */
  free(row: number): void {
    this.#told.freed(row);
    const first = row << rowShift;
    const { words } = this;
    const life = lifeOf(words[first + factsWord]!) + 1;
    this.addresses.release(words[first]!);
    this.addresses.release(words[first + 1]!);
    // Not fill, which costs more than the twelve words.
    for (let at = first + 4; at < first + (1 << rowShift); at++) words[at] = 0;
    words[first + factsWord] = life << lifeShift;
    this.store.release(row);
  }

  /** Its connection leaves the live view; it must be so in its facts. */
  forgot(row: number): void {
    this.#told.forgotten(row);
  }

  /** Its key finds it no longer. */
  unfile(row: number, hash = this.hashOf(row)): void {
    const at = (row << rowShift) + factsWord;
    const known = this.words[at]!;
    if ((known & facts.filed) === 0) return;
    this.words[at] = known & ~facts.filed;
    this.index.remove(hash, row);
  }

  hashOf(row: number): number {
    const first = row << rowShift;
    const { words } = this;
    return hashKey(this.seed, words[first]!, words[first + 1]!, words[first + 2]!, words[first + 3]!);
  }

  /** The row in `cell` has another one after it under its key. @returns that one, or -1 where there is no room */
  succeed(cell: number): number {
    const cells = this.index.words;
    const older = (cells[cell + 1]! - 1) << rowShift;
    const row = this.store.allocate();
    if (row < 0) return -1;
    const { words } = this;
    words.copyWithin(row << rowShift, older, older + 4);
    words[older + factsWord]! &= ~facts.filed;
    this.#older[row] = cells[cell + 1]!;
    cells[cell + 1] = row + 1;
    return row;
  }

  /** Rows of the connections that had its key before and linger, the oldest first. No socket stands for them. */
  olderThan(row: number): readonly number[] {
    const found: number[] = [];
    let older = this.#older[row]! - 1;
    while (found.length < olderMax && this.#hadKeyOf(row, older) && !found.includes(older)) {
      found.unshift(older);
      older = this.#older[older]! - 1;
    }
    return found;
  }

  #hadKeyOf(row: number, older: number): boolean {
    if (older < 0) return false;
    const { words } = this;
    const [own, other] = [row << rowShift, older << rowShift];
    for (let word = 0; word < 4; word++) if (words[own + word] !== words[other + word]) return false;
    return (words[other + factsWord]! & lingeringMask) === facts.over;
  }
}
