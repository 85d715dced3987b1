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

/**
 * In the order in which they stand in memory. Of the halves that passes take, but for the last two:
 *
 *     order      which halves those are, in the order in which passes take them
 *     hash       of the key
 *     a, b, ports, place   the key
 *     side       0 = the half is end a, 1 = end b
 *     cell       word of its cell in the index; -1 = none
 *     first      first word of its row; below 0 where it has none
 *     known      which of them have a key that was known before
 *     fresh      which are the first under theirs
 *     taken      first words of rows that were taken for those
 *     row        of each half of the block
 *     outcome    the same
 */
const columnNames = [
  'order',
  'hash',
  'a',
  'b',
  'ports',
  'place',
  'side',
  'cell',
  'first',
  'known',
  'fresh',
  'taken',
  'row',
  'outcome',
] as const;
export type ColumnName = (typeof columnNames)[number];

/** The first word of a column. */
export function columnAt(name: ColumnName): number {
  return columnNames.indexOf(name) * blockMax;
}

/** Words that a block takes. */
export const blockWords = columnNames.length * blockMax;

export class Block {
  /** Halves of the block. */
  count = 0;
  /** Those that passes take. */
  ordered = 0;
  knownCount = 0;
  freshCount = 0;
  /** What was read ahead of its time, so that no compiler leaves the reading out. */
  fetched = 0;
  /** All columns: what reads or writes several of them in a loop looks up this one. */
  readonly words: Int32Array;
  readonly order: Int32Array;
  readonly hash: Int32Array;
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly ports: Int32Array;
  readonly place: Int32Array;
  readonly side: Int32Array;
  readonly cell: Int32Array;
  readonly first: Int32Array;
  readonly known: Int32Array;
  readonly fresh: Int32Array;
  readonly taken: Int32Array;
  readonly row: Int32Array;
  readonly outcome: Int32Array;

  /** @param words for its columns */
  constructor(words: Int32Array = new Int32Array(blockWords)) {
    this.words = words;
    const column = (name: ColumnName): Int32Array =>
      words.subarray(columnAt(name), columnAt(name) + blockMax);
    this.order = column('order');
    this.hash = column('hash');
    this.a = column('a');
    this.b = column('b');
    this.ports = column('ports');
    this.place = column('place');
    this.side = column('side');
    this.cell = column('cell');
    this.first = column('first');
    this.known = column('known');
    this.fresh = column('fresh');
    this.taken = column('taken');
    this.row = column('row');
    this.outcome = column('outcome');
  }
}
