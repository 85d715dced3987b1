/**
 * Finds things that have a number (a slot of some table) by what they are: a hash table of hashes and slots, which asks its
 * owner whether a slot is the one. A Map keeps the key besides, at 46 bytes for each entry and as much again
 * for a text or a large number; this takes 16 on average.
 *
 *     #cells   Int32Array, open addressing with linear probing; two words each: the hash, and slot + 1 or 0 for nothing
 *
 * The hash is kept so that growing goes through this memory alone: to look 100,000 things up for theirs takes 100 ms.
 * Nothing is marked as deleted: whatever stands behind a gap and may not stay there moves into it.
 */

/** Cells at first, a power of two. */
const cellsAtFirst = 64;

/** How many of the cells may be taken, and how few before there are fewer. More makes long ways, less takes memory. */
const [fullest, emptiest] = [3 / 4, 1 / 8];

export class SlotIndex {
  #cells = new Int32Array(2 * cellsAtFirst);
  /** Number of cells less one, and by how much a spread hash is shifted to be that of a cell. */
  #mask = cellsAtFirst - 1;
  #shift = Math.clz32(cellsAtFirst) + 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Makes room for so many in all at once: to grow step by step, everything is put in anew each time. */
  reserve(count: number): void {
    let cells = this.#mask + 1;
    while (count >= cells * fullest) cells *= 2;
    if (cells > this.#mask + 1) this.#resize(cells);
  }

  /** A slot with that hash that `isIt` says yes to; -1 when there is none. @param hash of 32 bits */
  find(hash: number, isIt: (slot: number) => boolean): number {
    const cells = this.#cells;
    for (let cell = this.#home(hash); cells[2 * cell + 1] !== 0; cell = (cell + 1) & this.#mask) {
      if (cells[2 * cell] !== (hash | 0)) continue;
      const slot = cells[2 * cell + 1]! - 1;
      if (isIt(slot)) return slot;
    }
    return -1;
  }

  /** @param slot is not in here yet */
  add(hash: number, slot: number): void {
    if (this.#size >= (this.#mask + 1) * fullest) this.#resize((this.#mask + 1) * 2);
    this.#put(hash | 0, slot + 1);
    this.#size++;
  }

  /** @param hash that it was added with. False when it is not in here. */
  delete(hash: number, slot: number): boolean {
    const cells = this.#cells;
    let gap = this.#home(hash);
    for (; cells[2 * gap + 1] !== slot + 1; gap = (gap + 1) & this.#mask) {
      if (cells[2 * gap + 1] === 0) return false;
    }
    for (let cell = (gap + 1) & this.#mask; cells[2 * cell + 1] !== 0; cell = (cell + 1) & this.#mask) {
      // What is found on its way from home to here by way of the gap would be cut off.
      const fromHome = (cell - this.#home(cells[2 * cell]!)) & this.#mask;
      if (fromHome < ((cell - gap) & this.#mask)) continue;
      cells.copyWithin(2 * gap, 2 * cell, 2 * cell + 2);
      gap = cell;
    }
    cells.fill(0, 2 * gap, 2 * gap + 2);
    this.#size--;
    const isSparse = this.#size < (this.#mask + 1) * emptiest;
    if (isSparse && this.#mask >= cellsAtFirst) this.#resize((this.#mask + 1) / 2);
    return true;
  }

  /** Neighbouring numbers, such as inodes, are spread by a multiplication (Knuth's); its upper bits are the good ones. */
  #home(hash: number): number {
    return Math.imul(hash, 0x9e3779b1) >>> this.#shift;
  }

  #put(hash: number, entry: number): void {
    const cells = this.#cells;
    const mask = this.#mask;
    let cell = this.#home(hash);
    while (cells[2 * cell + 1] !== 0) cell = (cell + 1) & mask;
    cells[2 * cell] = hash;
    cells[2 * cell + 1] = entry;
  }

  #resize(cells: number): void {
    const before = this.#cells;
    this.#cells = new Int32Array(2 * cells);
    this.#mask = cells - 1;
    this.#shift = Math.clz32(cells) + 1;
    for (let at = 0; at < before.length; at += 2)
      if (before[at + 1] !== 0) this.#put(before[at]!, before[at + 1]!);
  }
}
