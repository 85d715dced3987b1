/**
 * From hashes to rows: open addressing that grows without a pause.
 *
 *     cell     2 words   hash, row + 1 (0 = free)
 *     home     hash >>> shift: the high bits, so that a table of twice the size has the same order
 *     probe    linear, never round the end: a tail of cells follows the last home
 *     delete   by shifting back what stands behind; there are no tombstones
 *
 * It grows by a boundary that moves through the current table, a few cells per step: what has its home before it stands in
 * the next table, of twice the size, all else in the current one. So each lookup looks at one table. The boundary always
 * lies behind a free cell, so no run of cells crosses it.
 *
 * The same hash may stand for several rows. Who asks compares keys; this knows none.
 */
import { alignedWords } from './aligned-words.ts';

/**
 * How far from its home, in cells, a row is put at most. Keys that are evenly spread need some hundred at the highest load;
 * what needs more is refused, so that no choice of keys makes a lookup long.
 */
export const reachMax = 1024;

/** Cells behind the last home. The last of them stay free, where every search ends. */
const tailCells = 4 * reachMax;

/** Of its cells this share may be taken before the table grows. */
const loadMax = 0.75;

const shiftMax = 22;

/** Cells of the current table that one step of growth moves, and a run to its end. */
export const cellsPerStep = 4096;

/** One table. */
export interface Cells {
  readonly words: Int32Array;
  /** Of a hash, to its home. */
  readonly shift: number;
}

export class MovingIndex {
  current: Cells;
  /** null while it does not grow. */
  next: Cells | null = null;
  /** In words of `current`. */
  boundary = 0;
  /** Rows that stand in it. */
  size = 0;
  /** Of the longest way from a home to its cell in any table so far, in words: no search need look further. */
  reach = 0;

  constructor() {
    this.current = newCells(shiftMax);
  }

  /** The table in which that hash has its home. */
  cellsOf(hash: number): Cells {
    const { current, next } = this;
    if (next === null) return current;
    return homeOf(hash, current.shift) < this.boundary ? next : current;
  }

  /**
   * Puts a row into the first free cell of its run.
   * @returns whether there was one near enough
   */
  insert(hash: number, row: number): boolean {
    const { words, shift } = this.cellsOf(hash);
    const at = putInto(words, shift, hash, row + 1);
    if (at < 0) return false;
    this.tookCell(at - homeOf(hash, shift));
    return true;
  }

  /** One more cell is taken, so many words from its home. */
  tookCell(words: number): void {
    if (words > this.reach) this.reach = words;
    this.size++;
  }

  /** @returns whether the row stood there */
  remove(hash: number, row: number): boolean {
    const { words, shift } = this.cellsOf(hash);
    const at = findRow(words, homeOf(hash, shift), this.reach, row + 1);
    if (at < 0) return false;
    shiftBack(words, shift, at, this.reach);
    this.size--;
    return true;
  }

  /** Begins to grow where that is due, and goes on with it. To be called between passes, once per block of 256 rows. */
  grow(): void {
    if (this.next === null) {
      if (this.size <= (this.current.words.length / 2 - tailCells) * loadMax || this.current.shift === 4)
        return;
      this.next = newCells(this.current.shift - 1);
      this.boundary = 0;
    }
    const { current, next } = this;
    const { boundary, reach } = moveCells(current.words, this.boundary, next);
    this.boundary = boundary;
    if (reach > this.reach) this.reach = reach;
    if (boundary < current.words.length) return;
    this.current = next;
    this.next = null;
    this.boundary = 0;
  }

  get bytes(): number {
    return this.current.words.byteLength + (this.next?.words.byteLength ?? 0);
  }
}

/** First word of the cell where a hash belongs. */
export function homeOf(hash: number, shift: number): number {
  return (hash >>> shift) << 1;
}

function newCells(shift: number): Cells {
  return { words: alignedWords(2 * (2 ** (32 - shift) + tailCells)), shift };
}

/** @returns the word at which it put the row, or -1 where everything near is taken */
export function putInto(words: Int32Array, shift: number, hash: number, rowAnd1: number): number {
  const home = homeOf(hash, shift);
  const end = home + 2 * reachMax;
  for (let at = home; at <= end; at += 2) {
    if (words[at + 1] !== 0) continue;
    words[at] = hash;
    words[at + 1] = rowAnd1;
    return at;
  }
  return -1;
}

/** @returns the word of its cell, or -1 */
export function findRow(words: Int32Array, home: number, reach: number, rowAnd1: number): number {
  for (let at = home; at <= home + reach; at += 2) {
    const found = words[at + 1]!;
    if (found === rowAnd1) return at;
    if (found === 0) return -1;
  }
  return -1;
}

/** Frees a cell; what stands behind it and may stand nearer to its home moves up. */
export function shiftBack(words: Int32Array, shift: number, cell: number, reach: number): void {
  let free = cell;
  // Beyond the reach of the free cell nothing has a home at or before it.
  for (let at = cell + 2; at <= free + reach; at += 2) {
    const row = words[at + 1]!;
    if (row === 0) break;
    const hash = words[at]!;
    if (homeOf(hash, shift) > free) continue;
    words[free] = hash;
    words[free + 1] = row;
    free = at;
  }
  words[free] = 0;
  words[free + 1] = 0;
}

/** Moves a step's cells, and the run that it ends in. A cell's order within its run stays, so its way hardly grows. */
function moveCells(from: Int32Array, start: number, next: Cells): { boundary: number; reach: number } {
  const { words, shift } = next;
  const enough = Math.min(from.length, start + 2 * cellsPerStep);
  // The last cell stays free. Nothing comes near it while a row is put no further than reachMax from its home.
  const last = words.length - 2;
  let reach = 0;
  let at = start;
  for (; at < from.length; at += 2) {
    const row = from[at + 1]!;
    if (row === 0) {
      if (at + 2 < enough) continue;
      at += 2;
      break;
    }
    const hash = from[at]!;
    const home = homeOf(hash, shift);
    let to = home;
    while (to < last && words[to + 1] !== 0) to += 2;
    if (to >= last) continue;
    words[to] = hash;
    words[to + 1] = row;
    if (to - home > reach) reach = to - home;
  }
  return { boundary: at, reach };
}
