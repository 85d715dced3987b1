/**
 * What the passes over a block of halves hand to each other: columns of one value per half. Passes are small functions, each
 * doing one thing for all halves of the block, so that what one half waits for in memory others wait for with it.
 */
import { type Cells, homeOf, type MovingIndex } from './moving-index.ts';

/** Halves of one pass: few enough that what one pass fetched is in the nearest cache when the next one comes. */
export const blockMax = 256;

/** What became of a half. */
export const outcomes = {
  /** It is the first of its connection. */
  lone: 0,
  /** It completes one. */
  joined: 1,
  /** Its key, or what it meets there, is beyond plain: it belongs to the table of the unusual. */
  elsewhere: 2,
  /** There is no room for it. */
  refused: 3,
  /** Its slot is taken, or out of range; or, where a slot is to be told from another one, nothing has it. */
  badSlot: 4,
  /** The first of the next connection under its key. Becomes lone as soon as that has a row. */
  next: 5,
} as const;
export type Outcome = (typeof outcomes)[keyof typeof outcomes];

/** The halves order[from..to) of a block, which have their home in one table. */
export interface Group {
  readonly cells: Cells;
  readonly from: number;
  readonly to: number;
}

export class Block {
  /** Halves of the block. */
  count = 0;
  /** Those that passes take, in the order in which they do. */
  order = new Int32Array(blockMax);
  ordered = 0;
  #spare = new Int32Array(blockMax);
  readonly hash = new Int32Array(blockMax);
  /** The key. */
  readonly a = new Int32Array(blockMax);
  readonly b = new Int32Array(blockMax);
  readonly ports = new Int32Array(blockMax);
  readonly place = new Int32Array(blockMax);
  /** 0 = the half is end a, 1 = end b. */
  readonly side = new Int32Array(blockMax);
  /** Word of its cell in its index table; -1 = none. */
  readonly cell = new Int32Array(blockMax);
  readonly row = new Int32Array(blockMax);
  readonly outcome = new Int32Array(blockMax);
  /** What was read ahead of its time, so that no compiler leaves the reading out. */
  touched = 0;

  /** By the table in which they have their home; the order of halves of one key stays as it is. */
  groups({ current, next, boundary }: Pick<MovingIndex, 'current' | 'next' | 'boundary'>): readonly Group[] {
    const { ordered } = this;
    if (next === null) return [{ cells: current, from: 0, to: ordered }];
    const before = this.#split(current.shift, boundary);
    return [
      { cells: next, from: 0, to: before },
      { cells: current, from: before, to: ordered },
    ];
  }

  /** Puts those before the boundary first. @returns how many they are */
  #split(shift: number, boundary: number): number {
    const { order, hash, ordered } = this;
    const spare = this.#spare;
    let kept = 0;
    let put = 0;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      if (homeOf(hash[i]!, shift) < boundary) order[put++] = i;
      else spare[kept++] = i;
    }
    for (let k = 0; k < kept; k++) order[put + k] = spare[k]!;
    return put;
  }
}
