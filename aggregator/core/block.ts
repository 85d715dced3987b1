/**
 * What the passes over a block of halves hand to each other: columns of one value per half. Passes are small functions, each
 * doing one thing for all halves of the block, so that what one half waits for in memory others wait for with it.
 */
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

export class Block {
  /** Halves of the block. */
  count = 0;
  /** Those that passes take, in the order in which they do. Columns are of those, but for the last two. */
  readonly order = new Int32Array(blockMax);
  ordered = 0;
  readonly hash = new Int32Array(blockMax);
  /** The key. */
  readonly a = new Int32Array(blockMax);
  readonly b = new Int32Array(blockMax);
  readonly ports = new Int32Array(blockMax);
  readonly place = new Int32Array(blockMax);
  /** 0 = the half is end a, 1 = end b. */
  readonly side = new Int32Array(blockMax);
  /** Word of its cell in the index; -1 = none. */
  readonly cell = new Int32Array(blockMax);
  /** First word of its row; below 0 where it has none. */
  readonly first = new Int32Array(blockMax);
  /** Which of them have a key that was known before, and which are the first under theirs. */
  readonly known = new Int32Array(blockMax);
  knownCount = 0;
  readonly fresh = new Int32Array(blockMax);
  freshCount = 0;
  /** First words of rows that were taken for those. */
  readonly taken = new Int32Array(blockMax);
  /** Of each half of the block. */
  readonly row = new Int32Array(blockMax);
  readonly outcome = new Int32Array(blockMax);
  /** What was read ahead of its time, so that no compiler leaves the reading out. */
  fetched = 0;
}
