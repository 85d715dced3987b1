/**
 * Finds things that have a number (a slot of some table) by what they are: a hash table of the numbers alone, which asks
 * its owner for the hash of a slot, and whether it is the one. A Map keeps the key besides, at 46 bytes for each
 * entry and as much again for a text or a large number; this is 8 on average.
 *
 *     #cells   Int32Array, open addressing with linear probing: slot + 1, or 0 where nothing is
 *
 * Nothing is marked as deleted: whatever stands behind a gap and may not stay there moves into it.
 */

/** Cells at first, a power of two. */
const cellsAtFirst = 64;

/** Of the cells that are taken. More makes long ways, less takes memory. */
const [fullest, emptiest] = [3 / 4, 1 / 8];

export class SlotIndex {
  readonly #hashOf: (slot: number) => number;
  #cells = new Int32Array(cellsAtFirst);
  #size = 0;

  /** @param hashOf any 32 bits, always the same ones while the slot is in here */
  constructor(hashOf: (slot: number) => number) {
    this.#hashOf = hashOf;
  }

  get size(): number {
    return this.#size;
  }

  /** A slot with that hash that `isIt` says yes to; -1 when there is none. */
  find(hash: number, isIt: (slot: number) => boolean): number {
    for (let cell = this.#home(hash); this.#cells[cell] !== 0; cell = this.#next(cell)) {
      const slot = this.#cells[cell]! - 1;
      if (isIt(slot)) return slot;
    }
    return -1;
  }

  /** @param slot is not in here yet */
  add(slot: number): void {
    if (this.#size >= this.#cells.length * fullest) this.#resize(this.#cells.length * 2);
    this.#put(slot);
    this.#size++;
  }

  /** To be called while its hash is still what it was when it was added. False when it was not in here. */
  delete(slot: number): boolean {
    let gap = this.#home(this.#hashOf(slot));
    while (this.#cells[gap] !== slot + 1) {
      if (this.#cells[gap] === 0) return false;
      gap = this.#next(gap);
    }
    for (let cell = this.#next(gap); this.#cells[cell] !== 0; cell = this.#next(cell)) {
      // What is found on its way from home to here by way of the gap would be cut off.
      const home = this.#home(this.#hashOf(this.#cells[cell]! - 1));
      if (this.#distance(home, cell) < this.#distance(gap, cell)) continue;
      this.#cells[gap] = this.#cells[cell]!;
      gap = cell;
    }
    this.#cells[gap] = 0;
    this.#size--;
    if (this.#cells.length > cellsAtFirst && this.#size < this.#cells.length * emptiest) {
      this.#resize(this.#cells.length / 2);
    }
    return true;
  }

  /** Neighbouring numbers, such as inodes, are spread by a multiplication (Knuth's); its upper bits are the good ones. */
  #home(hash: number): number {
    return (Math.imul(hash, 0x9e3779b1) >>> 0) >>> (Math.clz32(this.#cells.length) + 1);
  }

  #next(cell: number): number {
    return (cell + 1) & (this.#cells.length - 1);
  }

  #distance(from: number, to: number): number {
    return (to - from) & (this.#cells.length - 1);
  }

  #put(slot: number): void {
    let cell = this.#home(this.#hashOf(slot));
    while (this.#cells[cell] !== 0) cell = this.#next(cell);
    this.#cells[cell] = slot + 1;
  }

  #resize(cells: number): void {
    const before = this.#cells;
    this.#cells = new Int32Array(cells);
    for (const cell of before) if (cell !== 0) this.#put(cell - 1);
  }
}
