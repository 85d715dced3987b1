/**
 * Counters of kept sockets, as agents tell them: some hundred sockets of one host in a message, and four cache lines for each
 * (its own and the other end's columns, the row, the slot). So they go in blocks: slots to halves first, then all lines of
 * the block are fetched, and what is done with them finds them there.
 */
import type { CounterColumns, GrownColumns } from '../../wire/agent-batch.ts';
import type { AgentSlots } from '../core/agent-slots.ts';
import { blockMax } from '../core/block.ts';
import { facts, factsWord, rowShift } from '../core/connection-row.ts';
import { fetchWords } from '../core/fetch-words.ts';
import { countBytes, type EdgeParts } from './plain-edges.ts';
import type { CountedColumns } from './report.ts';
import { lineShift } from './socket-columns.ts';

export class PlainCounting {
  readonly #parts: EdgeParts;
  /** Of the block; below 0 where none is kept in a slot. */
  readonly #halves = new Int32Array(blockMax);
  /** First words of the lines of both ends, and of the rows. */
  readonly #lines = new Int32Array(2 * blockMax);
  readonly #rows = new Int32Array(blockMax);
  /** What was fetched: nobody needs it, but the compiler shall not leave it out. */
  fetched = 0;

  constructor(parts: EdgeParts) {
    this.#parts = parts;
  }

  /** As KeptSockets.countAll. @param slots of a host; undefined where it has none */
  countAll(slots: AgentSlots | undefined, { counters, grown }: CountedColumns): number[] {
    const rest: number[] = [];
    const absolute = counters.slot.length;
    for (let from = 0; from < absolute; from += blockMax) {
      const count = this.#find(slots, counters.slot, from);
      this.#setBlock(counters, from, count, rest);
    }
    for (let from = 0; from < grown.slot.length; from += blockMax) {
      const count = this.#find(slots, grown.slot, from);
      this.#growBlock(grown, from, count, absolute, rest);
    }
    return rest;
  }

  /** Fetches what is touched when those are closed one after the other. @param slots as above */
  fetch(slots: AgentSlots | undefined, closed: readonly { readonly slot: number }[]): void {
    const column = Uint32Array.from(closed, ({ slot }) => slot);
    for (let from = 0; from < column.length; from += blockMax) this.#find(slots, column, from);
  }

  /** Finds the halves of the next block and fetches what they stand in. @returns how many there are */
  #find(slots: AgentSlots | undefined, column: ArrayLike<number>, from: number): number {
    const count = Math.min(blockMax, column.length - from);
    const halves = this.#halves;
    const lines = this.#lines;
    for (let i = 0; i < count; i++) {
      const half = slots?.get(column[from + i]!) ?? -1;
      const known = Math.max(0, half);
      halves[i] = half;
      lines[2 * i] = known << lineShift;
      lines[2 * i + 1] = (known ^ 1) << lineShift;
      this.#rows[i] = ((known >> 1) << rowShift) + factsWord;
    }
    const { core, rows } = this.#parts;
    this.fetched ^= fetchWords(core.words, this.#rows, count);
    this.fetched ^= fetchWords(rows.sockets.columns.lines, lines, 2 * count);
    return count;
  }

  #setBlock(counters: CounterColumns, from: number, count: number, rest: number[]): void {
    const { columns } = this.#parts.rows.sockets;
    for (let i = 0; i < count; i++) {
      const half = this.#halves[i]!;
      const at = from + i;
      const [sent, received] = [counters.sent[at]!, counters.received[at]!];
      if (half < 0) rest.push(at);
      else if (columns.setCounts(half, sent, received, counters.rttUs[at]!, counters.retransmits[at]!))
        this.counted(half);
    }
  }

  /** @param before rows of the message's other section */
  #growBlock(grown: GrownColumns, from: number, count: number, before: number, rest: number[]): void {
    const { columns } = this.#parts.rows.sockets;
    for (let i = 0; i < count; i++) {
      const half = this.#halves[i]!;
      const at = from + i;
      if (half < 0) rest.push(before + at);
      else if (columns.grow(half, grown.sent[at]!, grown.received[at]!, grown.rttUs[at]!)) this.counted(half);
    }
  }

  /** The columns of a half have other counters. */
  counted(half: number): void {
    const { core } = this.#parts;
    const known = core.words[((half >> 1) << rowShift) + factsWord]!;
    if ((known & facts.placed) !== 0) countBytes(this.#parts, half >> 1);
  }
}
