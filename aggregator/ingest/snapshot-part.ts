/**
 * One message of a snapshot, until the snapshot is complete: rows as objects, and simple rows as columns of its own. What is
 * found out of a simple row meanwhile decides what becomes of it: most are opened as columns, those that are kept already
 * and say nothing new are passed over, and for the few others objects are made.
 */
import type { SocketCounters } from '../../model/socket-counters.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { CountedColumns } from '../correlate/report.ts';
import type { OpenedRow } from './opened-row.ts';
import { CountedRows } from './row-findings.ts';
import type { MessageRows } from './rows.ts';
import type { SimpleOpens } from './simple-opens.ts';

/** Rows [from, to) of columns. */
export interface SimpleRun {
  readonly simple: SimpleOpens;
  readonly from: number;
  readonly to: number;
}

/** What becomes of a simple row. */
const fates = { opened: 0, passedOver: 1, object: 2 } as const;

export class SnapshotPart {
  readonly simple: SimpleOpens | null;
  /** Of the simple rows; a copy. */
  readonly counted: CountedColumns;
  readonly #opened: readonly OpenedRow[];
  readonly #simpleBefore: readonly number[];
  readonly #fates: Uint8Array;
  /** Those that are made of simple rows, by the place of these. */
  readonly #made = new Map<number, OpenedRow>();
  /** null until the first of them is made. */
  #countersBySlot: ReadonlyMap<number, SocketCounters> | null = null;

  /** Takes `rows.simple` over. Throws WireError for counters of a slot that the message does not open. */
  constructor({ simple, opened, simpleBefore, counted }: MessageRows) {
    this.simple = simple;
    this.#opened = opened;
    this.#simpleBefore = simpleBefore;
    this.#fates = new Uint8Array(simple?.count ?? 0);
    this.counted = counted.absolute();
    if (counted.length > 0) this.#checkCounted();
  }

  #checkCounted(): void {
    const { slot } = this.counted.counters;
    const simple = new Set(this.simple?.slot.subarray(0, this.simple.count));
    for (let row = 0; row < slot.length; row++) {
      if (simple.has(slot[row]!)) continue;
      throw new WireError('out-of-place', 'a snapshot opens sockets, it does not update them');
    }
  }

  /** Nothing is told of the simple row at that place but its counters. */
  passOver(at: number): void {
    this.#fates[at] = fates.passedOver;
  }

  /** An object stands for the simple row at that place from now on, unless it is passed over. */
  makeObject(at: number, closedAtMs: number | null): void {
    if (this.#fates[at] !== fates.opened) return;
    this.#fates[at] = fates.object;
    const row = this.simple!.rowAt(at);
    row.counters = this.#countersOf(row.slot);
    row.closedAtMs = closedAtMs === null ? null : Math.max(row.openedAtMs, closedAtMs);
    this.#made.set(at, row);
  }

  #countersOf(slot: number): SocketCounters | null {
    this.#countersBySlot ??= new Map(
      new CountedRows(this.counted).only(null).map((row) => [row.slot, row.counters]),
    );
    return this.#countersBySlot.get(slot) ?? null;
  }

  /** In the order in which the agent saw them: objects, and runs of simple rows that are opened as columns. */
  *steps(): Iterable<OpenedRow | SimpleRun> {
    let next = 0;
    for (const [n, open] of this.#opened.entries()) {
      yield* this.#simpleSteps(next, this.#simpleBefore[n]!);
      next = this.#simpleBefore[n]!;
      yield open;
    }
    yield* this.#simpleSteps(next, this.#fates.length);
  }

  *#simpleSteps(from: number, to: number): Iterable<OpenedRow | SimpleRun> {
    const simple = this.simple!;
    let first = from;
    for (let at = from; at < to; at++) {
      if (this.#fates[at] === fates.opened) continue;
      if (first < at) yield { simple, from: first, to: at };
      const made = this.#made.get(at);
      if (made !== undefined) yield made;
      first = at + 1;
    }
    if (first < to) yield { simple, from: first, to };
  }
}
