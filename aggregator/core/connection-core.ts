/**
 * The plain connections of a fleet, in typed arrays: opened, counted and closed in blocks, found by their four-tuple or by an
 * agent's slot. It decides only what is beyond doubt; what is not leaves it (joining.ts).
 *
 * docs/engine.md has the design, connection-row.ts the layout of a row.
 */
import type { Addresses } from './addresses.ts';
import type { AgentSlots } from './agent-slots.ts';
import { Block, blockMax, type Outcome, outcomes } from './block.ts';
import { forget, hasNoSocket, markGone, settle } from './closing.ts';
import {
  bytesDouble,
  edgeWord,
  evidenceMask,
  facts,
  factsWord,
  holderWord,
  lifeOf,
  openedWord,
  rowShift,
  turned,
} from './connection-row.ts';
import { ConnectionRows } from './connection-rows.ts';
import { type HalfColumns, learn } from './joining.ts';
import { forgetBlock } from './lingering.ts';
import { matchHalves, retainKey } from './match-halves.ts';
import type { TupleColumns } from './open-passes.ts';
import { listenFor, place, placeJoined, type Surroundings } from './placing.ts';
import { isQueuedLife, queuedRow, RowQueue } from './row-queue.ts';
import { findSlots, touchRows } from './slot-passes.ts';
import { makeStub, releaseStub } from './stubs.ts';

/** Connections that one call of sweep places, and that it forgets, at most. */
const sweepMax = 16 * blockMax;

export interface CoreLimits {
  /** Rows at a time: open connections, those that linger, and stubs. */
  readonly rowsMax: number;
  /** How long a lone half waits for its other end before it is placed alone. */
  readonly graceTicks: number;
  /** How long a connection that is over stays in the live view, and how many of them do. */
  readonly lingerTicks: number;
  readonly lingerMax: number;
}

/** What is beyond plain, told in the midst of a block. */
export interface Elsewhere {
  /** @param words a copy of the row as it was; its slots now stand for a stub, which the table of the unusual knows by `row` */
  left(row: number, words: Int32Array): void;
}

export interface CoreOptions extends Surroundings {
  readonly limits: CoreLimits;
  readonly addresses: Addresses;
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
  readonly #block = new Block();
  /** For connections that are placed one at a time. */
  readonly #aside = new Block();
  /** Lone connections that are not placed, in the order of their first report. */
  readonly #waiting = new RowQueue();
  readonly #over = new RowQueue();
  readonly #closing: { readonly edges: CoreOptions['edges']; readonly over: RowQueue };

  constructor(options: CoreOptions) {
    this.#options = options;
    this.rows = new ConnectionRows(options.limits.rowsMax, options.seed, options.addresses);
    this.#closing = { edges: options.edges, over: this.#over };
  }

  /** Rows in use. */
  get live(): number {
    return this.rows.store.live;
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
  open(half: TupleColumns & HalfColumns, from: number, count: number, slots: AgentSlots, tick: number): void {
    matchHalves(this.#begin(count), this.rows, half, from, slots, this.#leave);
    this.#placeOpened(tick);
    this.rows.index.grow();
  }

  /** Sockets that are gone, by slot. Ticks are those of their closing. */
  close(slot: Int32Array, closed: Int32Array, from: number, count: number, slots: AgentSlots): void {
    const block = this.#begin(count);
    findSlots(block, slot, from, slots, true);
    touchRows(block, this.rows.words);
    const { order, row, side, outcome, ordered } = block;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      outcome[i] = this.#closeEnd(row[i]!, side[i]!, closed[from + i]!);
    }
  }

  /** Sockets whose state or translation tells more than before. Evidence is as in HalfColumns, and stands for all of it. */
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
    touchRows(block, this.rows.words);
    const { order, row, side, outcome, ordered } = block;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      outcome[i] = this.#learnOf(row[i]!, side[i]!, evidence[from + i]!, tick);
    }
  }

  count(columns: CountColumns, from: number, count: number, slots: AgentSlots): void {
    const block = this.#begin(count);
    findSlots(block, columns.slot, from, slots, false);
    touchRows(block, this.rows.words);
    const { order, row, side, outcome, ordered } = block;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      outcome[i] = this.#countOf(row[i]!, side[i]!, columns.sent[from + i]!, columns.received[from + i]!);
    }
  }

  /** Listeners of an agent came or went: looks anew behind all of its sockets. To be called once per message at most. */
  listen(slots: AgentSlots): void {
    const { words } = this.rows;
    for (const slot of slots.slots()) {
      const [row, side] = [slots.get(slot) >> 1, slots.get(slot) & 1];
      const known = words[(row << rowShift) + factsWord]!;
      if ((known & (facts.elsewhere | facts.forgotten)) !== 0) continue;
      const isChanged = listenFor(words, row << rowShift, side, this.#options);
      if (isChanged && (known & facts.placed) !== 0) this.#place(row);
    }
  }

  /** All sockets of an agent are taken back as if they had not been reported: its host is lost. */
  withdraw(slots: AgentSlots, tick: number): void {
    const { words } = this.rows;
    for (const slot of slots.slots()) {
      const entry = slots.take(slot);
      const [row, side] = [entry >> 1, entry & 1];
      const first = row << rowShift;
      if ((words[first + factsWord]! & facts.elsewhere) !== 0) releaseStub(this.rows, row);
      else if (words[first + holderWord + 1 - side] === 0) this.#forget(row, side);
      else this.#withdrawEnd(row, side, tick);
    }
  }

  /**
   * Places lone halves whose grace is over, and forgets what lingered long enough: as much as one slice of time has room for.
   * @returns whether there is more to do
   */
  sweep(tick: number): boolean {
    const { limits, edges } = this.#options;
    const waiting = this.#waiting;
    const isDue = (): boolean => waiting.size > 0 && tick - waiting.tick >= limits.graceTicks;
    for (let placed = 0; placed < sweepMax && isDue(); placed++) {
      const entry = waiting.shift();
      if (this.#isStillWaiting(entry)) this.#place(queuedRow(entry));
    }
    let isMore = true;
    for (let forgotten = 0; isMore && forgotten < sweepMax; forgotten += blockMax)
      isMore = forgetBlock(this.#block, this.rows, this.#over, limits, edges, tick);
    this.rows.index.grow();
    return isMore || isDue();
  }

  /** The table of the unusual has something under that key, such as a translated half. @returns a stub, or -1 for want of room */
  retainKey(tuples: TupleColumns, at: number): number {
    return retainKey(this.#block, this.rows, tuples, at, this.#leave);
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
    const { order, outcome, row, side, ordered } = this.#block;
    const { words } = this.rows;
    for (let k = 0; k < ordered; k++) {
      const i = order[k]!;
      const at = row[i]!;
      const known = words[(at << rowShift) + factsWord]!;
      if (outcome[i]! > outcomes.joined || (known & facts.elsewhere) !== 0) continue;
      // All of one agent, so its listeners are near.
      listenFor(words, at << rowShift, side[i]!, this.#options);
      settle(this.rows, at, tick, this.#closing);
      if (outcome[i] === outcomes.lone) this.#waiting.push(at, lifeOf(known), tick);
    }
    placeJoined(this.#block, this.rows, this.#options);
  }

  #place(row: number): void {
    place(this.#aside, this.rows, row, this.#options);
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
    if ((known & facts.placed) !== 0) this.#place(row);
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

  /** @param side the end that is withdrawn; -1 = none */
  #forget(row: number, side: number): void {
    const first = row << rowShift;
    this.rows.unfile(row);
    if (side >= 0) this.rows.words[first + factsWord]! |= facts.goneA << side;
    const isForgotten = (this.rows.words[first + factsWord]! & facts.forgotten) !== 0;
    if (!isForgotten) forget(this.rows, row, this.#options.edges);
    else if (hasNoSocket(this.rows.words, first)) this.rows.free(row);
  }

  #withdrawEnd(row: number, side: number, tick: number): void {
    const first = row << rowShift;
    const { words } = this.rows;
    words[first + holderWord + side] = 0;
    words[first + factsWord]! &= ~((facts.goneA | facts.restingA) << side);
    if ((words[first + factsWord]! & facts.forgotten) !== 0) {
      if (hasNoSocket(words, first)) this.rows.free(row);
      return;
    }
    settle(this.rows, row, tick, this.#closing);
    if ((words[first + factsWord]! & facts.placed) !== 0) this.#place(row);
  }

  readonly #leave = (row: number): void => {
    const words = makeStub(this.rows, row, this.#options.edges);
    if (words !== null) this.#options.elsewhere.left(row, words);
  };

  /** Whether what an entry names is still the lone connection that began to wait. */
  #isStillWaiting(entry: number): boolean {
    const known = this.rows.words[(queuedRow(entry) << rowShift) + factsWord]!;
    const not = facts.placed | facts.forgotten | facts.elsewhere;
    return isQueuedLife(entry, lifeOf(known)) && (known & (not | facts.filed)) === facts.filed;
  }
}
