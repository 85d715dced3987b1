/**
 * What is told to one shard in one message, and its outcomes: one buffer, which is handed over and comes back to be used again.
 *
 *     2 words            halves, sections
 *     4 words/section    kind, agent, halves, tick: each section is what one agent tells in one way
 *     columns            those of halves.ts, one of outcomes, then two of doubles
 *
 * A section is what ConnectionCore takes as a block, blockMax halves at most, with columns like a message's.
 */

import { Halves, halfColumns } from '../core/halves.ts';

/** Halves of a batch: enough that a message costs some nanoseconds of each. */
export const batchMax = 4_096;
export const sectionsMax = 512;

const headWords = 2;
export const sectionWords = 4;
const wordsFrom = (headWords + sectionsMax * sectionWords) * 4;
const outcomesFrom = wordsFrom + halfColumns * batchMax * 4;
const doublesFrom = outcomesFrom + batchMax * 4;
const batchBytes = doublesFrom + 2 * batchMax * 8;

/** What a section tells. */
export const sectionKinds = { open: 0, close: 1, learn: 2, count: 3 } as const;
export type SectionKind = (typeof sectionKinds)[keyof typeof sectionKinds];

export class ShardBatch {
  readonly buffer: ArrayBuffer;
  readonly sections: Int32Array;
  /** Of a section that closes, `opened` has ticks of closing. */
  readonly halves: Halves;
  /** Filled by the shard: of block.ts. */
  readonly outcome: Int32Array;
  readonly sent: Float64Array;
  readonly received: Float64Array;
  readonly #head: Int32Array;

  constructor(buffer = new ArrayBuffer(batchBytes)) {
    this.buffer = buffer;
    this.#head = new Int32Array(buffer, 0, headWords);
    this.sections = new Int32Array(buffer, headWords * 4, sectionsMax * sectionWords);
    this.halves = new Halves(batchMax, new Int32Array(buffer, wordsFrom, halfColumns * batchMax));
    this.outcome = new Int32Array(buffer, outcomesFrom, batchMax);
    this.sent = new Float64Array(buffer, doublesFrom, batchMax);
    this.received = new Float64Array(buffer, doublesFrom + batchMax * 8, batchMax);
  }

  /** Halves. */
  get count(): number {
    return this.#head[0]!;
  }

  get sectionCount(): number {
    return this.#head[1]!;
  }

  clear(): void {
    this.#head.fill(0);
  }

  /** Whether a section of so many halves has room in it. */
  hasRoom(halves: number): boolean {
    return this.count + halves <= batchMax && this.sectionCount < sectionsMax;
  }

  /** What is added from now on belongs to this. There must be room for it. */
  begin(kind: SectionKind, agent: number, tick: number): void {
    this.sections.set([kind, agent, 0, tick], this.#head[1]! * sectionWords);
    this.#head[1]!++;
  }

  /** One half more of the last section. @returns its place in the columns */
  add(): number {
    this.sections[(this.#head[1]! - 1) * sectionWords + 2]!++;
    return this.#head[0]!++;
  }
}
