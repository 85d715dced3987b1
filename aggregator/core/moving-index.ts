/**
 * From hashes to rows: open addressing that grows in place, without a pause.
 *
 *     cell     2 words   hash, row + 1 (0 = free)
 *     home     hash >>> shift: the high bits, so that a table of twice the size has the same order
 *     probe    linear, never round the end: a tail of cells follows the last home
 *     delete   by shifting back what stands behind; there are no tombstones
 *
 * Memory is reserved for the largest size at once, and taken as cells are first written to. To double, a boundary moves down
 * from the last home to the first, some cells per step. What has its home before it stands where it stood, all else where
 * it belongs in the table of twice the size: at twice its home, or one further.
 *
 *     0 ........... boundary ........... 2 * boundary ........................... 2 * homes
 *     homes as they were    free, but for     homes of the doubled table
 *                           the end of a run
 *
 * So each lookup looks at one place, and no table is ever thrown away. The boundary always lies behind a free cell, so all
 * that is moved from there on has its home there.
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

/** Of its homes this share may be taken before the table grows. */
const loadMax = 0.75;

/** Of the smallest table. */
const shiftMax = 22;

/** Homes that one step of growth moves, and those of the run that they begin in; in the last step of a doubling, twice that. */
export const homesPerStep = 4096;

export class MovingIndex {
  readonly words: Int32Array;
  /** Of a hash, to its home before the boundary. */
  shift = shiftMax;
  /** Homes from here on are doubled; all homes while it does not grow. */
  boundary = homesOf(shiftMax);
  /** Rows that stand in it. */
  size = 0;
  /** Of the longest way from a home to its cell so far, in words: no search need look further. */
  reach = 0;
  readonly #shiftMin: number;

  /**
   * @param max rows at most: for more it does not grow
   * @param words indexWords of them; all are 0
   */
  constructor(max: number, words: Int32Array = alignedWords(indexWords(max))) {
    this.#shiftMin = shiftFor(max);
    this.words = words;
  }

  get isGrowing(): boolean {
    return this.boundary < homesOf(this.shift);
  }

  /** First word of the cell where that hash belongs. */
  homeOf(hash: number): number {
    return homeOf(hash, this.shift, this.boundary);
  }

  /**
   * Puts a row into the first free cell of its run.
   * @returns whether there was one near enough
   */
  insert(hash: number, row: number): boolean {
    const { words } = this;
    const home = this.homeOf(hash);
    for (let at = home; at <= home + 2 * reachMax; at += 2) {
      if (words[at + 1] !== 0) continue;
      words[at] = hash;
      words[at + 1] = row + 1;
      this.reached(at - home);
      this.size++;
      return true;
    }
    return false;
  }

  /** A row stands, or is about to stand, so many words from its home. */
  reached(words: number): void {
    if (words > this.reach) this.reach = words;
  }

  /** @returns whether the row stood there */
  remove(hash: number, row: number): boolean {
    const at = this.#find(hash, row);
    if (at < 0) return false;
    this.#shiftBack(at);
    this.size--;
    return true;
  }

  /** Whether the row stands under that hash. */
  has(hash: number, row: number): boolean {
    return this.#find(hash, row) >= 0;
  }

  /** Begins to grow where that is due, and goes on with it. To be called between passes, once per block of 256 rows. */
  grow(): void {
    const homes = homesOf(this.shift);
    if (this.boundary === homes && (this.size <= homes * loadMax || this.shift === this.#shiftMin)) return;
    this.#moveStep();
    if (this.boundary > 0) return;
    this.shift--;
    this.boundary = 2 * homes;
  }

  /** Of the cells that were ever used. */
  get bytes(): number {
    const homes = homesOf(this.shift);
    const doubled = 2 * (homes - this.boundary);
    return Math.min(2 * homes, homes + doubled) * 8 + tailCells * 8;
  }

  /** @returns the word of its cell, or -1 */
  #find(hash: number, row: number): number {
    const { words } = this;
    const home = this.homeOf(hash);
    for (let at = home; at <= home + this.reach; at += 2) {
      const found = words[at + 1]!;
      if (found === row + 1) return at;
      if (found === 0) return -1;
    }
    return -1;
  }

  /** Frees a cell; what stands behind it and may stand nearer to its home moves up. */
  #shiftBack(cell: number): void {
    const { words, shift, boundary, reach } = this;
    let free = cell;
    // Beyond the reach of the free cell nothing has a home at or before it.
    for (let at = cell + 2; at <= free + reach; at += 2) {
      const row = words[at + 1]!;
      if (row === 0) break;
      const hash = words[at]!;
      if (homeOf(hash, shift, boundary) > free) continue;
      words[free] = hash;
      words[free + 1] = row;
      free = at;
    }
    words[free] = 0;
    words[free + 1] = 0;
  }

  /** Moves the homes of a step, and the run that they begin in. */
  #moveStep(): void {
    const { words } = this;
    let first = Math.max(0, this.boundary - homesPerStep);
    while (first > 0 && words[2 * first - 1] !== 0) first--;
    let end = this.boundary;
    while (words[2 * end + 1] !== 0) end++;
    // The last ones go where they stand themselves, so from a copy.
    if (2 * first < end) first = 0;
    const source = first === 0 ? words.slice(0, 2 * end) : words.subarray(2 * first, 2 * end);
    if (first === 0) words.fill(0, 0, 2 * end);
    this.boundary = first;
    this.reached(moveCells(source, words, this.shift - 1));
  }
}

/** First word of the cell where a hash belongs. Without branches, since a half of a growing table is as likely as the other. */
export function homeOf(hash: number, shift: number, boundary: number): number {
  const home = hash >>> shift;
  const isBefore = (home - boundary) >> 31;
  return ((home & isBefore) | ((hash >>> (shift - 1)) & ~isBefore)) << 1;
}

/** Words that an index of so many rows takes. */
export function indexWords(max: number): number {
  return 2 * (homesOf(shiftFor(max)) + tailCells);
}

function shiftFor(max: number): number {
  let shift = shiftMax;
  while (homesOf(shift) * loadMax < max) shift--;
  return shift;
}

function homesOf(shift: number): number {
  return 2 ** (32 - shift);
}

/** Moves cells to their homes by `shift`. Those of a run keep their order, so their way hardly grows. @returns the longest way */
function moveCells(source: Int32Array, words: Int32Array, shift: number): number {
  // The last cell stays free. Nothing comes near it while a row is put no further than reachMax from its home.
  const last = words.length - 2;
  let reach = 0;
  for (let from = 0; from < source.length; from += 2) {
    const row = source[from + 1]!;
    if (row === 0) continue;
    const hash = source[from]!;
    source[from] = 0;
    source[from + 1] = 0;
    const home = (hash >>> shift) << 1;
    let to = home;
    while (to < last && words[to + 1] !== 0) to += 2;
    if (to >= last) continue;
    words[to] = hash;
    words[to + 1] = row;
    if (to - home > reach) reach = to - home;
  }
  return reach;
}
