/**
 * What stands beside the core for each half of a plain connection, by half (row << 1 | end): what the core rounds or has no
 * use for. A half has a cache line of doubles and half a line of words; memory is taken by the chunk, as halves come up.
 *
 *     double 0   opened             ms, as ReportedSocket has it
 *            1   not before         ms; 0 = unknown
 *            2   accepted           ms of the clock that never steps
 *            3   closed             ms; NaN while it is there
 *            4   sent               bytes, as last counted
 *            5   received
 *            6   established until  ms, see lives.ts; NaN while nothing ended it. Of kept ones alone, as all that follows
 *            7   id                 the agent's number
 *     word   0   round trip         us, as last counted
 *            1   retransmits
 *            2   inode
 *            3   user
 *            4   fd                 of the one owner; noFd where it has none
 *            5   slot               the agent's
 *            6   epoch              number of the agent's epoch (plain-hosts.ts)
 *            7   marks              bits, below
 */
const doublesShift = 3;
const wordsShift = 3;

/** Halves of a chunk. */
const chunkShift = 13;
const inChunk = (1 << chunkShift) - 1;

export const doubleOf = {
  opened: 0,
  notBefore: 1,
  accepted: 2,
  closed: 3,
  sent: 4,
  received: 5,
  establishedUntil: 6,
  id: 7,
} as const;

export const wordOf = {
  rttUs: 0,
  retransmits: 1,
  inode: 2,
  uid: 3,
  fd: 4,
  slot: 5,
  epoch: 6,
  marks: 7,
} as const;

export const marks = {
  /** All of the socket is in these columns; else it is an object of whoever told it. */
  kept: 1 << 0,
  /** Somebody counted its bytes. */
  counted: 1 << 1,
  /** Conntrack of its host tells that it dialed, or that it was dialed; nothing is translated. */
  trackedClient: 1 << 2,
  trackedServer: 1 << 3,
} as const;

export const noFd = 0xffffffff;

export class SocketColumns {
  readonly #doubles: Float64Array[] = [];
  readonly #words: Uint32Array[] = [];

  /** Makes room for a half, which is all 0 then or what it was before. */
  ensure(half: number): void {
    const chunk = half >> chunkShift;
    while (this.#words.length <= chunk) {
      this.#doubles.push(new Float64Array(1 << (chunkShift + doublesShift)));
      this.#words.push(new Uint32Array(1 << (chunkShift + wordsShift)));
    }
  }

  /** @param column of doubleOf */
  double(half: number, column: number): number {
    return this.#doubles[half >> chunkShift]![((half & inChunk) << doublesShift) + column]!;
  }

  setDouble(half: number, column: number, value: number): void {
    this.#doubles[half >> chunkShift]![((half & inChunk) << doublesShift) + column] = value;
  }

  /** @param column of wordOf */
  word(half: number, column: number): number {
    return this.#words[half >> chunkShift]![((half & inChunk) << wordsShift) + column]!;
  }

  setWord(half: number, column: number, value: number): void {
    this.#words[half >> chunkShift]![((half & inChunk) << wordsShift) + column] = value;
  }

  has(half: number, mark: number): boolean {
    return (this.word(half, wordOf.marks) & mark) !== 0;
  }

  mark(half: number, mark: number): void {
    this.setWord(half, wordOf.marks, this.word(half, wordOf.marks) | mark);
  }

  unmark(half: number, mark: number): void {
    this.setWord(half, wordOf.marks, this.word(half, wordOf.marks) & ~mark);
  }
}
