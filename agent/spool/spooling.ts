/**
 * What goes to the spool, and when; and up to when nothing would be missing if the agent died now.
 *
 * Closed sockets go there once one has waited for some seconds for its acknowledgement, or when there are many: all that wait,
 * so that few messages have to define the same processes. With an aggregator that answers, nothing does.
 */
import type { Clock, Timers } from '../../model/timers.ts';
import type { Gap } from '../../wire/agent-batch.ts';
import type { GapLedger } from '../export/gap-ledger.ts';
import type { SlotRecord } from '../export/slot-record.ts';
import type { SlotTable } from '../export/slot-table.ts';
import { sliceMs, TimeSlice } from '../procfs/time-slice.ts';
import type { Spool } from './spool.ts';
import { gapMessage, socketMessages } from './spool-messages.ts';
import type { WatchedFile } from './watched.ts';

/** How long a closed socket waits for its acknowledgement before it goes to the spool. */
export const spoolAfterMs = 3_000;

/** Closed sockets that wait in memory; beyond it they go to the spool at once: some kilobytes each. */
export const waitingMax = 1 << 10;

/** How long a disk that failed is left alone. */
const retryAfterMs = 5_000;

export interface SpoolingParts {
  readonly slots: SlotTable;
  readonly gaps: GapLedger;
  /** null = sockets are not kept on the disk. */
  readonly spool: Spool | null;
  readonly watched: WatchedFile;
  readonly epoch: number;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What was handed to the spool, and is not on the disk yet. */
interface Handed {
  readonly records: readonly SlotRecord[];
  readonly gaps: readonly Gap[];
}

export class Spooling {
  readonly #parts: SpoolingParts;
  #committing: Promise<void> | null = null;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  /** Start of the last scan, and of the one before. */
  #scannedMs = 0;
  #scannedBeforeMs = 0;
  /** Sockets that went to the spool since the start. */
  total = 0;

  constructor(parts: SpoolingParts) {
    this.#parts = parts;
  }

  /** What does not work, in a sentence each. */
  get cannotSee(): readonly string[] {
    const failure = this.#parts.spool?.failure ?? this.#parts.watched.failure;
    if (failure === null) return [];
    const { message } = failure;
    return [
      `what closes while no aggregator takes it is kept in memory only, and is missing where that is too small: ${message}`,
    ];
  }

  /** A scan was applied. What takes long goes on beside the next one. */
  tick(scanStartedAtMs: number): void {
    this.#scannedBeforeMs = this.#scannedMs;
    this.#scannedMs = scanStartedAtMs;
    const { spool, clock } = this.#parts;
    this.#noteWatched();
    if (spool === null) return;
    spool.tick();
    if (this.#committing !== null) return;
    const nowMs = clock.monotonicMs();
    if (spool.failure !== null && nowMs - this.#failedAtMs < retryAfterMs) return;
    this.#committing = this.#spoolDue(false).finally(() => {
      this.#committing = null;
    });
  }

  async #spoolDue(isAll: boolean): Promise<void> {
    const { spool, slots, gaps, clock } = this.#parts;
    if (spool!.failure !== null && (await spool!.retry()) !== null) {
      this.#failedAtMs = clock.monotonicMs();
      return;
    }
    const nowMs = clock.nowMs();
    const dueGaps = gaps.takeForSpool(nowMs, isAll);
    const areDue = isAll || this.#areDue(nowMs);
    if (!areDue && dueGaps.length === 0) return;
    await this.#commit(await this.#hand(areDue ? [...slots.unsafe] : [], dueGaps, nowMs));
  }

  #areDue(nowMs: number): boolean {
    const { unsafe } = this.#parts.slots;
    const [oldest] = unsafe;
    if (oldest === undefined) return false;
    const waitedMs = nowMs - oldest.closedAtMs!;
    // Below 0 when the clock was set back.
    return unsafe.size > waitingMax || waitedMs >= spoolAfterMs || waitedMs < 0;
  }

  /** As far as the spool takes it. */
  async #hand(records: readonly SlotRecord[], gaps: readonly Gap[], nowMs: number): Promise<Handed> {
    const { epoch, clock, timers } = this.#parts;
    const slice = new TimeSlice(sliceMs, { clock, timers });
    const spool = this.#parts.spool!;
    const handed: SlotRecord[] = [];
    for (const message of socketMessages(records, epoch, nowMs)) {
      if (!spool.append(message)) break;
      handed.push(...message.records);
      if (slice.isUsedUp()) await slice.rest();
    }
    const areGapsTaken = gaps.length > 0 && spool.append(gapMessage(gaps, epoch, nowMs));
    return { records: handed, gaps: areGapsTaken ? gaps : [] };
  }

  async #commit({ records, gaps }: Handed): Promise<void> {
    if (records.length + gaps.length === 0) return;
    const failure = await this.#parts.spool!.commit();
    if (failure !== null) {
      this.#failedAtMs = this.#parts.clock.monotonicMs();
      return;
    }
    this.total += records.length;
    this.#parts.slots.spooled(records);
    this.#parts.gaps.spooled(gaps);
  }

  /** A socket that is gone is told of by the second scan that misses it: so all that was over by the last but one is told. */
  #noteWatched(): void {
    const { slots, gaps, watched } = this.#parts;
    let unixMs = Math.min(this.#scannedBeforeMs, gaps.unsafeFromMs);
    for (const { closedAtMs } of slots.unsafe) if (closedAtMs! < unixMs) unixMs = closedAtMs!;
    watched.write(Math.floor(unixMs));
  }

  /** Everything that is not acknowledged goes to the spool. */
  async close(): Promise<void> {
    const { spool, watched } = this.#parts;
    await this.#committing;
    if (spool !== null) {
      // What the spool takes at a time is bounded.
      for (let left = Number.POSITIVE_INFINITY; this.#unsafeCount < left && spool.failure === null; ) {
        left = this.#unsafeCount;
        await this.#spoolDue(true);
      }
      await spool.close();
    }
    this.#noteWatched();
    await watched.close();
  }

  get #unsafeCount(): number {
    const { slots, gaps } = this.#parts;
    return slots.unsafe.size + (gaps.unsafeFromMs === Number.POSITIVE_INFINITY ? 0 : 1);
  }
}
