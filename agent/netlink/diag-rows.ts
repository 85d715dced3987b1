/**
 * The rows of one namespace, kept from dump to dump: a socket that is as it was gives the same value as before, so that
 * a dump of a quiet host makes no objects, and what it gave can be told apart by identity.
 *
 * A row is found by the low word of its cookie and believed only when all that a row is made of is equal.
 */
import type { Protocol } from '../../model/socket-state.ts';
import { type DiagParser, type DiagRow, diagMessageBytes } from './inet-diag.ts';

/** Words of inet_diag_msg by their places in it: family and state; ports and addresses; cookie; user and inode. */
const wordAt = { kind: 0, tuple: 1, tupleEnd: 10, cookie: 11, uid: 16, inode: 17 } as const;

/** Family and state are the first two bytes; the timers behind them differ from dump to dump. */
const kindMask = 0xffff;

/** Words kept of a row: kind, 9 of the tuple, 2 of the cookie, user, inode. */
const keptWords = 14;

const initialSlots = 256;

export class DiagRows<T> {
  readonly #parser: DiagParser;
  readonly #make: (row: DiagRow) => T;
  /** Low word of the cookie → slot. */
  readonly #slots = new Map<number, number>();
  readonly #freeSlots: number[] = [];
  #kept = new Uint32Array(initialSlots * keptWords);
  /** Round in which the row was shown last, by slot. */
  #shownIn = new Uint32Array(initialSlots);
  readonly #values: (T | undefined)[] = [];
  #round = 0;
  #shown = 0;

  /** @param make what is kept for a row, in place of it */
  constructor(parser: DiagParser, make: (row: DiagRow) => T) {
    this.#parser = parser;
    this.#make = make;
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Begins a round: all dumps that together show every socket once. */
  begin(): void {
    this.#round++;
    this.#shown = 0;
  }

  /**
   * The value of one inet_diag_msg. Throws DiagMessageError.
   *
   * @param words the same memory as `bytes`, and as far as it reaches
   * @param at offset in bytes of inet_diag_msg, a multiple of 4
   */
  take(bytes: Buffer, words: Uint32Array, at: number, end: number, protocol: Protocol): T {
    const isWhole = end - at >= diagMessageBytes;
    const word = at >> 2;
    const slot = isWhole ? this.#slots.get(words[word + wordAt.cookie]! | 0) : undefined;
    if (slot !== undefined && this.#isAsKept(slot, words, word)) {
      if (this.#shownIn[slot] !== this.#round) this.#show(slot);
      return this.#values[slot]!;
    }
    const value = this.#make(this.#parser.parse(bytes, at, end, protocol));
    this.#keep(slot ?? this.#newSlot(words[word + wordAt.cookie]! | 0), words, word, value);
    return value;
  }

  /** Ends a round: forgets what was not shown. A round that failed is not ended. */
  end(): void {
    if (this.#shown === this.#slots.size) return;
    for (const [key, slot] of this.#slots) {
      if (this.#shownIn[slot] === this.#round) continue;
      this.#slots.delete(key);
      this.#values[slot] = undefined;
      this.#freeSlots.push(slot);
    }
  }

  #isAsKept(slot: number, words: Uint32Array, word: number): boolean {
    const kept = this.#kept;
    const at = slot * keptWords;
    if (kept[at] !== (words[word]! & kindMask)) return false;
    for (let i = wordAt.tuple; i < wordAt.tupleEnd; i++) if (kept[at + i] !== words[word + i]) return false;
    return (
      kept[at + 10] === words[word + wordAt.cookie] &&
      kept[at + 11] === words[word + wordAt.cookie + 1] &&
      kept[at + 12] === words[word + wordAt.uid] &&
      kept[at + 13] === words[word + wordAt.inode]
    );
  }

  #keep(slot: number, words: Uint32Array, word: number, value: T): void {
    const kept = this.#kept;
    const at = slot * keptWords;
    kept[at] = words[word]! & kindMask;
    for (let i = wordAt.tuple; i < wordAt.tupleEnd; i++) kept[at + i] = words[word + i]!;
    kept[at + 10] = words[word + wordAt.cookie]!;
    kept[at + 11] = words[word + wordAt.cookie + 1]!;
    kept[at + 12] = words[word + wordAt.uid]!;
    kept[at + 13] = words[word + wordAt.inode]!;
    this.#values[slot] = value;
    if (this.#shownIn[slot] !== this.#round) this.#show(slot);
  }

  #show(slot: number): void {
    this.#shownIn[slot] = this.#round;
    this.#shown++;
  }

  #newSlot(key: number): number {
    const slot = this.#freeSlots.pop() ?? this.#values.length;
    if (slot >= this.#shownIn.length) this.#grow();
    this.#shownIn[slot] = 0;
    this.#slots.set(key, slot);
    return slot;
  }

  #grow(): void {
    const shownIn = new Uint32Array(this.#shownIn.length * 2);
    shownIn.set(this.#shownIn);
    const kept = new Uint32Array(shownIn.length * keptWords);
    kept.set(this.#kept);
    this.#shownIn = shownIn;
    this.#kept = kept;
  }
}
