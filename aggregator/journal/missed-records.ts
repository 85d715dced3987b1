/**
 * The records without which later ones would mean something else, as long as it is not certain that they are on the disk:
 * ends of streams, leases that are over, gaps. When the disk fails, they are written with the next segment; messages are
 * not kept, since agents tell again what was not durable.
 */
import type { JournalRecord } from './journal-record.ts';

/** Beyond it the oldest is forgotten: then a host may be shown as stale after a restart, for some minutes, that was lost. */
const missedMax = 1 << 16;

export class MissedRecords {
  /** Since the last commit began. */
  #recent: JournalRecord[] = [];
  /** Of the commit that is under way. */
  #committing: readonly JournalRecord[] = [];

  note(record: JournalRecord): void {
    if (record.kind === 'message' || record.kind === 'stream') return;
    this.#recent.push(record);
    if (this.#recent.length > missedMax) this.#recent.shift();
  }

  /** What was noted is in it. */
  commitBegins(): void {
    this.#committing = this.#recent;
    this.#recent = [];
  }

  committed(): void {
    this.#committing = [];
  }

  /** What was noted will be on the disk, though nobody knows when. */
  written(): void {
    this.#recent = [];
  }

  /** All that is not on the disk, in order. */
  take(): readonly JournalRecord[] {
    const missed = [...this.#committing, ...this.#recent];
    this.#committing = [];
    this.#recent = [];
    return missed;
  }
}
