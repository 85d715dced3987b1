/**
 * The rows of one namespace, kept from dump to dump: a socket that is as it was stays in its cell, so that a dump of a
 * quiet host makes no objects and touches none.
 *
 * The kernel walks its hash table in the same order each time, so the row to come is nearly always the one that followed
 * last time. It is believed only when all that a row is made of is equal; any other is found by its cookie.
 */
import type { Protocol } from '../../model/socket-state.ts';
import {
  type DiagIdentity,
  type DiagParser,
  type DiagRow,
  diagMessageBytes,
  expectWhole,
} from './inet-diag.ts';

/** Words of inet_diag_msg by their places in it: family and state; inet_diag_sockid, with its cookie; user and inode. */
const wordAt = { kind: 0, sockid: 1, cookie: 11, sockidEnd: 13, uid: 16, inode: 17 } as const;

/** Family and state are the first two bytes; the timers behind them differ from dump to dump. */
const kindMask = 0xffff;

/** Words kept of a row: kind and inet_diag_sockid at their places, then user and inode. */
const keptWords = 15;
const keptAt = { uid: 13, inode: 14 } as const;

const initialSlots = 256;

/** Stands before the first row, and for no row: a cell with it is of no keeper. */
export const noSlot = 0;

/** Where a row is kept. Whoever was told of the cell may put another value in its place. */
export interface Cell<T> {
  value: T;
  /** The keeper's own mark. */
  readonly slot: number;
}

/** Is told which cells there are. A row that changed is gone, and shown in a new cell. */
export interface CellWatcher<T> {
  shown(cell: Cell<T>): void;
  gone(cell: Cell<T>): void;
}

export class DiagRows<T> {
  readonly #parser: DiagParser;
  readonly #make: (row: DiagRow) => T;
  readonly #watcher: CellWatcher<T> | null;
  /** By cookie. */
  readonly #slots = new Map<CookieKey, number>();
  #freeSlots: number[] = [];
  #cells: (Cell<T> | undefined)[] = [undefined];
  /** By slot: the words of its row, the round in which it was shown last, and the slot that followed then. */
  #kept = new Uint32Array(initialSlots * keptWords);
  #shownIn = new Uint32Array(initialSlots);
  #followers = new Uint32Array(initialSlots);
  /** Slots in the order of this round; a torn table shows one twice. */
  #order: number[] = [];
  #round = 0;
  #shown = 0;
  #last = noSlot;

  /** @param make what is kept for a row */
  constructor(parser: DiagParser, make: (row: DiagRow) => T, watcher: CellWatcher<T> | null = null) {
    this.#parser = parser;
    this.#make = make;
    this.#watcher = watcher;
  }

  /** Begins a round: all dumps that together show every socket once. */
  begin(): void {
    this.#round++;
    this.#shown = 0;
    this.#order = [];
    this.#last = noSlot;
  }

  /** Rows taken in this round so far; for `rewind`. */
  get taken(): number {
    return this.#order.length;
  }

  /** Takes back what was taken since there were `taken` rows, because it will be taken again. */
  rewind(taken: number): void {
    this.#order.length = taken;
    this.#last = this.#order.at(-1) ?? noSlot;
  }

  /** What is kept for the rows of this round, in their order. */
  values(): T[] {
    return this.#order.map((slot) => this.#cells[slot]!.value);
  }

  /**
   * Takes one inet_diag_msg. Throws DiagMessageError.
   *
   * @param words the same memory as `bytes`, and as far as it reaches
   * @param at offset in bytes of inet_diag_msg, a multiple of 4
   */
  take(bytes: Buffer, words: Uint32Array, at: number, end: number, protocol: Protocol): void {
    const word = at >> 2;
    let slot = end - at < diagMessageBytes ? noSlot : this.#followers[this.#last]!;
    if (slot === noSlot || !this.#isAsKept(slot, words, word)) {
      slot = this.#find(bytes, words, at, end, protocol);
    }
    this.#followers[this.#last] = slot;
    this.#last = slot;
    this.#order.push(slot);
    if (this.#shownIn[slot] === this.#round) return;
    this.#shownIn[slot] = this.#round;
    this.#shown++;
  }

  /** Family (AF_*) and inet_diag_sockid of a row, by which the kernel finds its socket again. */
  identity({ slot }: Cell<T>): DiagIdentity {
    const at = slot * keptWords;
    const words = this.#kept.slice(at + wordAt.sockid, at + wordAt.sockidEnd);
    return { family: this.#kept[at]! & 0xff, sockid: Buffer.from(words.buffer) };
  }

  /** Ends a round: forgets what was not shown. */
  end(): void {
    if (this.#shown === this.#slots.size) return;
    for (const [key, slot] of this.#slots) if (this.#shownIn[slot] !== this.#round) this.#forget(key, slot);
  }

  /** Forgets everything at once: one by one, 100,000 rows take 60 ms. */
  clear(): void {
    if (this.#watcher !== null) {
      for (const slot of this.#slots.values()) this.#watcher.gone(this.#cells[slot]!);
    }
    this.#slots.clear();
    this.#freeSlots = [];
    this.#cells = [undefined];
    this.#kept = new Uint32Array(initialSlots * keptWords);
    this.#shownIn = new Uint32Array(initialSlots);
    this.#followers = new Uint32Array(initialSlots);
    this.#order = [];
    this.#shown = 0;
    this.#last = noSlot;
  }

  #forget(key: CookieKey, slot: number): void {
    this.#slots.delete(key);
    this.#watcher?.gone(this.#cells[slot]!);
    this.#cells[slot] = undefined;
    this.#kept.fill(0, slot * keptWords, (slot + 1) * keptWords);
    this.#freeSlots.push(slot);
  }

  /** The slot of a row that is not where it was, or not as it was, or new. */
  #find(bytes: Buffer, words: Uint32Array, at: number, end: number, protocol: Protocol): number {
    expectWhole(at, end);
    const word = at >> 2;
    const key = cookieKey(words[word + wordAt.cookie]!, words[word + wordAt.cookie + 1]!);
    let slot = this.#slots.get(key) ?? noSlot;
    if (slot !== noSlot && this.#isAsKept(slot, words, word)) return slot;
    const value = this.#make(this.#parser.parse(bytes, at, protocol));
    if (slot === noSlot) slot = this.#newSlot(key);
    else this.#watcher?.gone(this.#cells[slot]!);
    const cell = { value, slot };
    this.#cells[slot] = cell;
    this.#keep(slot, words, word);
    this.#watcher?.shown(cell);
    return slot;
  }

  #isAsKept(slot: number, words: Uint32Array, word: number): boolean {
    const kept = this.#kept;
    const at = slot * keptWords;
    if (kept[at + wordAt.cookie] !== words[word + wordAt.cookie]) return false;
    if (kept[at] !== (words[word]! & kindMask)) return false;
    for (let i = wordAt.sockid; i < wordAt.sockidEnd; i++) if (kept[at + i] !== words[word + i]) return false;
    return (
      kept[at + keptAt.uid] === words[word + wordAt.uid] &&
      kept[at + keptAt.inode] === words[word + wordAt.inode]
    );
  }

  #keep(slot: number, words: Uint32Array, word: number): void {
    const kept = this.#kept;
    const at = slot * keptWords;
    kept[at] = words[word]! & kindMask;
    for (let i = wordAt.sockid; i < wordAt.sockidEnd; i++) kept[at + i] = words[word + i]!;
    kept[at + keptAt.uid] = words[word + wordAt.uid]!;
    kept[at + keptAt.inode] = words[word + wordAt.inode]!;
  }

  #newSlot(key: CookieKey): number {
    const slot = this.#freeSlots.pop() ?? this.#cells.length;
    if (slot >= this.#shownIn.length) this.#grow();
    this.#shownIn[slot] = 0;
    this.#followers[slot] = noSlot;
    this.#slots.set(key, slot);
    return slot;
  }

  #grow(): void {
    const slots = this.#shownIn.length * 2;
    this.#kept = larger(this.#kept, slots * keptWords);
    this.#shownIn = larger(this.#shownIn, slots);
    this.#followers = larger(this.#followers, slots);
  }
}

/** A number as long as it is exact; the kernel counts cookies up from 0, and a few down from 2^64. */
type CookieKey = number | bigint;

const exactHighMax = 1 << 21;

function cookieKey(low: number, high: number): CookieKey {
  return high < exactHighMax ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low);
}

function larger(words: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length);
  copy.set(words);
  return copy;
}
