/**
 * The slots of one agent: which half its number for a socket stands for. An agent reaches rows through its slots alone, so
 * it cannot name another's.
 *
 *     entry    0 = free, -1 = claimed by a half that has no row yet, else (row << 1 | end) + 1
 */
import { uncountedWords } from './aligned-words.ts';
import { type Block, columnAt } from './block.ts';
import { rowShift } from './connection-row.ts';

const initialSlots = 256;
const isClaimed = -1;

/** Columns of the block. */
const orderAt = columnAt('order');
const sideAt = columnAt('side');
const firstAt = columnAt('first');

export class AgentSlots {
  /** Slots are below this. */
  readonly max: number;
  #entries = uncountedWords(initialSlots);
  used = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** (row << 1 | end) of a slot, or less than 0. Any number may be asked for. */
  get(slot: number): number {
    return (this.#entries[slot] ?? 0) - 1;
  }

  /** @returns whether the slot was free; it is no longer */
  claim(slot: number): boolean {
    if (slot < 0 || slot >= this.max || (this.#entries[slot] ?? 0) !== 0) return false;
    if (slot >= this.#entries.length) this.#widen(slot);
    this.#entries[slot] = isClaimed;
    this.used++;
    return true;
  }

  /** The slot must be claimed. */
  set(slot: number, row: number, side: number): void {
    this.#entries[slot] = ((row << 1) | side) + 1;
  }

  /** Frees a slot. @returns as get */
  take(slot: number): number {
    const entry = this.#entries[slot] ?? 0;
    if (entry === 0) return -1;
    this.#entries[slot] = 0;
    this.used--;
    return entry - 1;
  }

  /**
   * Claims those of the slots column[from, from + count) that are free.
   * @param claimed which of them, counted from 0
   * @returns how many
   */
  claimAll(column: Int32Array, from: number, count: number, claimed: Int32Array): number {
    const { max } = this;
    let entries = this.#entries;
    let found = 0;
    for (let i = 0; i < count; i++) {
      const slot = column[from + i]!;
      if (slot < 0 || slot >= max) continue;
      if (slot >= entries.length) entries = this.#widen(slot);
      if (entries[slot] !== 0) continue;
      entries[slot] = isClaimed;
      claimed[found++] = i;
    }
    this.used += found;
    return found;
  }

  /** A slot of a block in the making was taken: setAll, which has nothing to set there, counts it as freed once more. */
  willBeFreed(): void {
    this.used++;
  }

  /** What the claimed slots of a block stand for. Those of halves without a row are free again. */
  setAll(column: Int32Array, from: number, { words: own, ordered }: Block): void {
    const entries = this.#entries;
    let freed = 0;
    for (let k = 0; k < ordered; k++) {
      // No row is -1, and so is its half.
      const half = (own[firstAt + k]! >> (rowShift - 1)) | own[sideAt + k]!;
      entries[column[from + own[orderAt + k]!]!] = half + 1;
      if (half < 0) freed++;
    }
    this.used -= freed;
  }

  /**
   * `get` of the slots column[from, from + count).
   * @param frees they are free afterwards
   */
  getAll(column: Int32Array, from: number, count: number, frees: boolean, halves: Int32Array): void {
    const entries = this.#entries;
    const { length } = entries;
    let used = 0;
    for (let i = 0; i < count; i++) {
      const slot = column[from + i]!;
      const entry = slot >= 0 && slot < length ? entries[slot]! : 0;
      halves[i] = entry - 1;
      if (!frees || entry === 0) continue;
      entries[slot] = 0;
      used++;
    }
    this.used -= used;
  }

  /** Every slot that is used, ascending. They may be freed meanwhile. */
  *slots(): Iterable<number> {
    for (let slot = 0; slot < this.#entries.length; slot++) if (this.#entries[slot]! > 0) yield slot;
  }

  get bytes(): number {
    return this.#entries.byteLength;
  }

  #widen(slot: number): Int32Array<SharedArrayBuffer> {
    let count = this.#entries.length;
    while (count <= slot) count *= 2;
    const wider = uncountedWords(Math.min(count, this.max));
    wider.set(this.#entries);
    this.#entries = wider;
    return wider;
  }
}
