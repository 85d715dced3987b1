/**
 * The plain connections of a fleet, in typed arrays: opened, counted and closed in blocks, found by their four-tuple or by an
 * agent's slot. It decides only what is beyond doubt; what is not leaves it (joining.ts).
 *
 * docs/engine.md has the design, connection-row.ts the layout of a row.
 */
import type { AgentSlots } from './agent-slots.ts';
import { Block, blockMax, type Outcome, outcomes } from './block.ts';
import { type Closing, hasNoSocket, markGone, settle } from './closing.ts';
import {
  bytesDouble,
  edgeWord,
  evidenceMask,
  facts,
  factsWord,
  lifeOf,
  listensA,
  openedWord,
  rowShift,
  turned,
} from './connection-row.ts';
import { ConnectionRows, type EndOfRows } from './connection-rows.ts';
import type { Halves } from './halves.ts';
import { learn } from './joining.ts';
import { forgetBlock } from './lingering.ts';
import { matchHalves, retainKey } from './match-halves.ts';
import { listenFor, placeAnew, placeJoined, type Surroundings } from './placing.ts';
import { isQueuedLife, queuedRow, RowQueue } from './row-queue.ts';
import { findSlots } from './slot-passes.ts';
import { makeStub, releaseStub, retainStub } from './stubs.ts';

/** Connections that one call of sweep lets go, and that it forgets, at most. */
const sweepMax = 16 * blockMax;

export interface CoreLimits {
  /** Rows at a time: open connections, those that linger, and stubs. */
  readonly rowsMax: number;
  /** How long a lone half waits for its other end before it leaves. */
  readonly graceTicks: number;
  /** How long a connection that is over stays in the live view. */
  readonly lingerTicks: number;
}

/** What is beyond plain, told in the midst of a block. */
export interface Elsewhere extends EndOfRows {
  /** @param words a copy of the row as it was; its slots now stand for a stub, which the table of the unusual knows by `row` */
  left(row: number, words: Int32Array): void;
}

export interface CoreOptions extends Surroundings {
  readonly limits: CoreLimits;
  readonly elsewhere: Elsewhere;
  /** Of the hash; drawn at start. */
  readonly seed: number;
}

/** Columns of counters: the kernel's totals, below 2^53. */
export interface CountColumns {
  readonly slot: Int32Array;
  readonly sent: Float64Array;
  readonly received: Float64Array;
}

export class ConnectionCore {
  readonly rows: ConnectionRows;
  readonly #options: CoreOptions;
  readonly #block: Block;
  /** For connections that are placed one at a time. */
  readonly #aside = new Block();
  /** Lone connections that are not placed, in the order of their first report. */
  readonly #waiting = new RowQueue();
  readonly #over = new RowQueue();
  readonly #closing: Closing;

  constructor(options: CoreOptions) {
    this.#options = options;
    const { limits, seed, addresses, elsewhere } = options;
    this.rows = new ConnectionRows(limits.rowsMax, seed, addresses, elsewhere);
    this.#block = this.rows.memory.block;
    this.#closing = { edges: options.edges, over: this.#over, evicted: 0 };
  }

  /** Rows in use. */
  get live(): number {
    return this.rows.store.live;
  }

  /** Connections that are over and linger. */
  get over(): number {
    return this.#over.size;
  }

  /** Connections that were forgotten before their time because there were too many. */
  get evicted(): number {
    return this.#closing.evicted;
  }

  get bytes(): number {
    return this.rows.store.bytes + this.rows.index.bytes + this.#waiting.bytes + this.#over.bytes;
  }

  /** What became of the half at `from + i` of the block that was told last. */
  outcomeOf(i: number): Outcome {
    return this.#block.outcome[i]! as Outcome;
  }

  /** The row in which it stands. */
  rowOf(i: number): number {
    return this.#block.row[i]!;
  }

  /** Halves [from, from + count) that one agent opens, at most blockMax. */
  open(half: Halves, from: number, count: number, slots: AgentSlots, tick: number): void {
    this.#begin(count);
    matchHalves(this.rows, half, from, slots, this.#leave);
    this.#placeOpened(tick);
    this.rows.index.grow();
  }

  /** Sockets that are gone, by slot. Ticks are those of their closing. */
  close(slot: Int32Array, closed: Int32Array, from: number, count: number, slots: AgentSlots): void {
    const block = this.#begin(count);
    findSlots(block, slot, from, slots, true);
    this.rows.memory.fetchRows();
    const { order, row, side, outcome, ordered } = block;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      outcome[i] = this.#closeEnd(row[i]!, side[k]!, closed[from + i]!);
    }
  }

  /** Sockets whose state or translation tells more than before. Evidence is as in halves.ts, and stands for all of it. */
  learn(
    slot: Int32Array,
    evidence: Int32Array,
    from: number,
    count: number,
    slots: AgentSlots,
    tick: number,
  ): void {
    const block = this.#begin(count);
    findSlots(block, slot, from, slots, false);
    this.rows.memory.fetchRows();
    const { order, row, side, outcome, ordered } = block;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      outcome[i] = this.#learnOf(row[i]!, side[k]!, evidence[from + i]!, tick);
    }
  }

  count(columns: CountColumns, from: number, count: number, slots: AgentSlots): void {
    const block = this.#begin(count);
    findSlots(block, columns.slot, from, slots, false);
    this.rows.memory.fetchRows();
    const { order, row, side, outcome, ordered } = block;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      outcome[i] = this.#countOf(row[i]!, side[k]!, columns.sent[from + i]!, columns.received[from + i]!);
    }
  }

  /** A listener came behind an end of a connection that is placed. */
  listenAnew(row: number): void {
    const first = row << rowShift;
    for (const side of [0, 1]) listenFor(this.rows.words, first, side, this.#options);
    this.#placeAnew(row);
  }

  /** A connection that is filed leaves. */
  leave(row: number): void {
    this.#leave(row);
    retainStub(this.rows, row);
    releaseStub(this.rows, row);
  }

  /** Rows of lone halves that wait for their other end. */
  *waiting(): Iterable<number> {
    for (const entry of this.#waiting.entries()) if (this.#isStillWaiting(entry)) yield queuedRow(entry);
  }

  /**
   * Lets lone halves go whose grace is over, and forgets what lingered long enough or is too much: as much as one slice of
   * time has room for.
   * @param lingerMax connections that linger at most
   * @returns whether there is more to do
   */
  sweep(tick: number, lingerMax: number): boolean {
    const { graceTicks, lingerTicks } = this.#options.limits;
    const waiting = this.#waiting;
    // Below 0 when the clock was set back: nobody knows how long it waited.
    const isOver = (waited: number): boolean => waited < 0 || waited >= graceTicks;
    const isDue = (): boolean => waiting.size > 0 && isOver(tick - waiting.tick);
    for (let left = 0; left < sweepMax && isDue(); left++) {
      const entry = waiting.shift();
      if (this.#isStillWaiting(entry)) this.leave(queuedRow(entry));
    }
    const limits = { lingerTicks, lingerMax };
    let isMore = true;
    for (let forgotten = 0; isMore && forgotten < sweepMax; forgotten += blockMax)
      isMore = forgetBlock(this.rows, this.#closing, limits, tick);
    this.rows.index.grow();
    return isMore || isDue();
  }

  /** The table of the unusual has something under that key, such as a translated half. @returns a stub, or -1 for want of room */
  retainKey(tuples: Halves, at: number): number {
    return retainKey(this.rows, tuples, at, this.#leave);
  }

  /** The reverse of retainKey. */
  releaseKey(stub: number): void {
    releaseStub(this.rows, stub);
  }

  #begin(count: number): Block {
    if (count > blockMax) throw new RangeError(`a block has at most ${blockMax} halves, not ${count}`);
    this.#block.count = count;
    return this.#block;
  }

  #placeOpened(tick: number): void {
    const { known, knownCount, fresh, freshCount } = this.#block;
    // Most that are joined were known, and most others not, so each loop takes one way.
    for (let j = 0; j < knownCount; j++) this.#settleOpened(known[j]!, tick);
    for (let j = 0; j < freshCount; j++) this.#settleOpened(fresh[j]!, tick);
    placeJoined(this.#block, this.rows, this.#options);
  }

  #settleOpened(k: number, tick: number): void {
    const { order, outcome, first, side } = this.#block;
    const { words } = this.rows;
    const made = outcome[order[k]!]!;
    const at = first[k]!;
    // It has left in the midst of the block.
    if (made > outcomes.joined || at < 0) return;
    const known = words[at + factsWord]!;
    if ((known & facts.elsewhere) !== 0) return;
    // All of one agent, so its listeners are near.
    listenFor(words, at, side[k]!, this.#options);
    if (made === outcomes.joined) this.#listenAgain(at, 1 - side[k]!);
    settle(this.rows, at >> rowShift, tick, this.#closing);
    if (made === outcomes.lone) this.#waiting.push(at >> rowShift, lifeOf(known), tick);
  }

  /** A listener may have come since that end was opened; one that has gone since then is evidence still. */
  #listenAgain(first: number, side: number): void {
    const isFound = (this.rows.words[first + factsWord]! & (listensA << side)) !== 0;
    if (!isFound) listenFor(this.rows.words, first, side, this.#options);
  }

  #placeAnew(row: number): void {
    placeAnew(this.#aside, this.rows, row, this.#options);
  }

  #closeEnd(row: number, side: number, closed: number): Outcome {
    const first = row << rowShift;
    const { words } = this.rows;
    const known = words[first + factsWord]!;
    if ((known & facts.elsewhere) !== 0) {
      releaseStub(this.rows, row);
      return outcomes.elsewhere;
    }
    const tick = Math.max(closed, words[first + openedWord + side]!);
    markGone(words, first, side, tick);
    if ((known & facts.forgotten) === 0) settle(this.rows, row, tick, this.#closing);
    else if (hasNoSocket(words, first)) this.rows.free(row);
    return outcomes.joined;
  }

  #learnOf(row: number, side: number, evidence: number, tick: number): Outcome {
    const at = (row << rowShift) + factsWord;
    const { words } = this.rows;
    const known = words[at]!;
    if ((known & facts.elsewhere) !== 0) return outcomes.elsewhere;
    if ((known & facts.forgotten) !== 0) return outcomes.joined;
    const rested = known & ~(facts.restingA << side);
    const told = evidence & evidenceMask;
    words[at] = learn(rested, side === 0 ? told : turned(told));
    settle(this.rows, row, tick, this.#closing);
    if ((known & facts.placed) !== 0) this.#placeAnew(row);
    return outcomes.joined;
  }

  #countOf(row: number, side: number, sent: number, received: number): Outcome {
    const first = row << rowShift;
    const { words, doubles } = this.rows;
    const known = words[first + factsWord]!;
    if ((known & facts.elsewhere) !== 0) return outcomes.elsewhere;
    const at = (first >> 1) + bytesDouble;
    const own = at + side;
    const other = at + 1 - side;
    const moreSent = Math.max(0, sent - doubles[own]!);
    const moreReceived = Math.max(0, received - doubles[other]!);
    doubles[own]! += moreSent;
    doubles[other]! += moreReceived;
    words[first + factsWord] = known | facts.counted;
    const edge = words[first + edgeWord]! - 1;
    if (edge < 0) return outcomes.joined;
    const isClient = side === (known & facts.clientIsB ? 1 : 0);
    const { edges } = this.#options;
    if (isClient) edges.addBytes(edge, moreSent, moreReceived);
    else edges.addBytes(edge, moreReceived, moreSent);
    return outcomes.joined;
  }

  /** With those that had its key before: who comes to it may be a rival of any of them. */
  readonly #leave = (row: number): void => {
    for (const older of this.rows.olderThan(row)) {
      this.#makeStub(older);
      // Nothing leads to it, neither a key nor a slot.
      this.rows.free(older);
    }
    this.#makeStub(row);
  };

  #makeStub(row: number): void {
    const words = makeStub(this.rows, row, this.#options.edges);
    if (words !== null) this.#options.elsewhere.left(row, words);
  }

  /** Whether what an entry names is still the lone connection that began to wait. */
  #isStillWaiting(entry: number): boolean {
    const known = this.rows.words[(queuedRow(entry) << rowShift) + factsWord]!;
    const not = facts.placed | facts.forgotten | facts.elsewhere;
    return isQueuedLife(entry, lifeOf(known)) && (known & (not | facts.filed)) === facts.filed;
  }
}
