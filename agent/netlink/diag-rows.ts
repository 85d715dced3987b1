/**
 * The rows of one namespace, kept from dump to dump: a socket that is as it was stays in its cell, so that a dump of a
 * quiet host makes no objects and touches none.
 *
 * The kernel walks its hash table in the same order each time, so the row to come is nearly always the one that followed
 * last time. It is believed only when all that a row is made of is equal; any other is found by its cookie.
 */
import type { Protocol } from '../../model/socket-state.ts';
import { SlotIndex } from '../slot-index.ts';
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

/** Takes the rows of dumps. */
export interface RowTaker {
  /** Rows taken in this round so far. */
  readonly taken: number;
  /** What takes back whatever is taken from now on, because it will be taken again. */
  mark(): () => void;
  /**
   * Takes one inet_diag_msg. Throws DiagMessageError.
   *
   * @param words the same memory as `bytes`, and as far as it reaches
   * @param at offset in bytes of inet_diag_msg, a multiple of 4
   */
  take(bytes: Buffer, words: Uint32Array, at: number, end: number, protocol: Protocol): void;
}

/** Makes what is kept for a row. @param at where a whole inet_diag_msg begins. Throws DiagMessageError. */
export type MakeRow<T> = (parser: DiagParser, bytes: Buffer, at: number, protocol: Protocol) => T;

/** Everything that a row tells. */
export const wholeRow: MakeRow<DiagRow> = (parser, bytes, at, protocol) => parser.parse(bytes, at, protocol);

export class DiagRows<T> implements RowTaker {
  readonly #parser: DiagParser;
  readonly #make: MakeRow<T>;
  readonly #watcher: CellWatcher<T> | null;
  /** By the low word of the cookie, which few sockets share. */
  #byCookie = new SlotIndex();
  #freeSlots: number[] = [];
  #cells: (Cell<T> | undefined)[] = [undefined];
  /** By slot: the words of its row, the round in which it was shown last, and the slot that followed then. */
  #kept = new Uint32Array(initialSlots * keptWords);
  #shownIn = new Uint32Array(initialSlots);
  #followers = new Uint32Array(initialSlots);
  /** Slots in the order of this round, as many as were taken; a torn table shows one twice. */
  #order = new Uint32Array(initialSlots);
  #taken = 0;
  /** Those of sockets that were dropped; free from the next round on. */
  #dropped: number[] = [];
  #values: readonly T[] = [];
  #round = 0;
  #shown = 0;
  #last = noSlot;

  constructor(parser: DiagParser, make: MakeRow<T>, watcher: CellWatcher<T> | null = null) {
    this.#parser = parser;
    this.#make = make;
    this.#watcher = watcher;
  }

  /** Begins a round: all dumps that together show every socket once. */
  begin(): void {
    this.#round++;
    this.#shown = 0;
    this.#taken = 0;
    this.#last = noSlot;
    for (const slot of this.#dropped) this.#freeSlots.push(slot);
    this.#dropped = [];
  }

  get taken(): number {
    return this.#taken;
  }

  /** How many sockets are kept. */
  get size(): number {
    return this.#byCookie.size;
  }

  mark(): () => void {
    const { taken } = this;
    return () => {
      this.#taken = taken;
      this.#last = taken === 0 ? noSlot : this.#order[taken - 1]!;
    };
  }

  /** What is kept for the rows of this round, in their order; the same array as before when it holds the same. */
  values(): readonly T[] {
    const cells = this.#cells;
    const values = this.#values;
    let count = 0;
    for (let i = 0; i < this.#taken; i++) {
      const cell = cells[this.#order[i]!];
      if (cell === undefined) continue;
      if (values[count] !== cell.value) return this.#renewValues();
      count++;
    }
    return count === values.length ? values : this.#renewValues();
  }

  #renewValues(): readonly T[] {
    // With all of its room at once: on its way to 20,000 an empty list is copied twenty times.
    const values: T[] = [];
    values.length = this.#taken;
    let count = 0;
    for (let i = 0; i < this.#taken; i++) {
      const cell = this.#cells[this.#order[i]!];
      if (cell !== undefined) values[count++] = cell.value;
    }
    values.length = count;
    this.#values = values;
    return values;
  }

  /** True for a row that is new, or not as it was. */
  take(bytes: Buffer, words: Uint32Array, at: number, end: number, protocol: Protocol): boolean {
    const word = at >> 2;
    let slot = end - at < diagMessageBytes ? noSlot : this.#followers[this.#last]!;
    let isNews = false;
    if (slot === noSlot || !this.#isAsKept(slot, words, word)) {
      expectWhole(at, end);
      slot = this.#slotOf(words, word);
      isNews = slot === noSlot || !this.#isAsKept(slot, words, word);
      if (isNews) slot = this.#place(slot, this.#make(this.#parser, bytes, at, protocol), words, word);
    }
    this.#followers[this.#last] = slot;
    this.#last = slot;
    if (this.#taken === this.#order.length) this.#order = larger(this.#order, this.#taken * 2);
    this.#order[this.#taken++] = slot;
    if (this.#shownIn[slot] !== this.#round) {
      this.#shownIn[slot] = this.#round;
      this.#shown++;
    }
    return isNews;
  }

  /** Forgets the socket of a row that is kept elsewhere from now on. @param at as for `take`, of a whole inet_diag_msg */
  drop(words: Uint32Array, at: number): void {
    if (this.size === 0) return;
    const slot = this.#slotOf(words, at >> 2);
    if (slot === noSlot) return;
    if (this.#shownIn[slot] === this.#round) this.#shown--;
    this.#remove(slot);
    // This round's order may have it still.
    this.#dropped.push(slot);
  }

  /** Whether the cell is one of these, and its row as it was shown. */
  has(cell: Cell<T>): boolean {
    return this.#cells[cell.slot] === cell;
  }

  /** The cells of this round whose sockets have no inode. */
  cellsWithoutInode(): Cell<T>[] {
    const cells: Cell<T>[] = [];
    for (let i = 0; i < this.#taken; i++) {
      const slot = this.#order[i]!;
      if (this.#kept[slot * keptWords + keptAt.inode] !== 0) continue;
      const cell = this.#cells[slot];
      if (cell !== undefined) cells.push(cell);
    }
    return cells;
  }

  /** How many rows of this round show a state. @param state number of the kernel */
  countOf(state: number): number {
    let count = 0;
    for (let i = 0; i < this.#taken; i++)
      if (this.#kept[this.#order[i]! * keptWords]! >>> 8 === state) count++;
    return count;
  }

  /** Family (AF_*) and inet_diag_sockid of a row, by which the kernel finds its socket again. */
  identity({ slot }: Cell<T>): DiagIdentity {
    const at = slot * keptWords;
    const words = this.#kept.slice(at + wordAt.sockid, at + wordAt.sockidEnd);
    return { family: this.#kept[at]! & 0xff, sockid: Buffer.from(words.buffer) };
  }

  /** Ends a round: forgets what was not shown. */
  end(): void {
    if (this.#shown === this.size) return;
    for (let slot = noSlot + 1; slot < this.#cells.length; slot++) {
      if (this.#cells[slot] !== undefined && this.#shownIn[slot] !== this.#round) this.#forget(slot);
    }
  }

  /** Forgets everything at once: one by one, 100,000 rows take 60 ms. */
  clear(): void {
    if (this.#watcher !== null) {
      for (const cell of this.#cells) if (cell !== undefined) this.#watcher.gone(cell);
    }
    this.#byCookie = new SlotIndex();
    this.#freeSlots = [];
    this.#dropped = [];
    this.#cells = [undefined];
    this.#kept = new Uint32Array(initialSlots * keptWords);
    this.#shownIn = new Uint32Array(initialSlots);
    this.#followers = new Uint32Array(initialSlots);
    this.#order = new Uint32Array(initialSlots);
    this.#taken = 0;
    this.#values = [];
    this.#shown = 0;
    this.#last = noSlot;
  }

  #forget(slot: number): void {
    this.#remove(slot);
    this.#freeSlots.push(slot);
  }

  #remove(slot: number): void {
    this.#byCookie.delete(this.#kept[slot * keptWords + wordAt.cookie]!, slot);
    this.#watcher?.gone(this.#cells[slot]!);
    this.#cells[slot] = undefined;
    this.#kept.fill(0, slot * keptWords, (slot + 1) * keptWords);
  }

  /** Puts a row that is new, or not as it was, into a new cell. @param known slot of its socket, or noSlot */
  #place(known: number, value: T, words: Uint32Array, word: number): number {
    const slot = known === noSlot ? this.#newSlot(words[word + wordAt.cookie]!) : known;
    if (known !== noSlot) this.#watcher?.gone(this.#cells[slot]!);
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

  /** noSlot where the socket of a row is not kept. */
  #slotOf(words: Uint32Array, word: number): number {
    const low = words[word + wordAt.cookie]!;
    const high = words[word + wordAt.cookie + 1]!;
    const slot = this.#byCookie.find(low, (found) => {
      const at = found * keptWords + wordAt.cookie;
      return this.#kept[at] === low && this.#kept[at + 1] === high;
    });
    return slot < 0 ? noSlot : slot;
  }

  #newSlot(cookieLow: number): number {
    const slot = this.#freeSlots.pop() ?? this.#cells.length;
    if (slot >= this.#shownIn.length) this.#grow();
    this.#shownIn[slot] = 0;
    this.#followers[slot] = noSlot;
    this.#byCookie.add(cookieLow, slot);
    return slot;
  }

  #grow(): void {
    const slots = this.#shownIn.length * 2;
    this.#kept = larger(this.#kept, slots * keptWords);
    this.#shownIn = larger(this.#shownIn, slots);
    this.#followers = larger(this.#followers, slots);
  }
}

function larger(words: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length);
  copy.set(words);
  return copy;
}
