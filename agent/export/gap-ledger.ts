/**
 * The gaps that an agent has to declare: intervals it did not watch, and events it had to drop. A gap stays here until
 * the aggregator has acknowledged the message that carried it.
 */

import type { Gap } from '../../wire/agent-batch.ts';
import { gapsPerMessageMax } from '../../wire/agent-limits.ts';
import type { BoundedTable } from '../bounded-table.ts';

/** Gaps that wait to be told; beyond it the two oldest become one. */
export const gapsPendingMax = gapsPerMessageMax;

/** Losses for one reason within this time are one gap. */
export const gapMergeMs = 60_000;

/** Reasons that are counted apart; whatever comes after them is counted as `other`. */
export const reasonsMax = 32;

type NewGap = Omit<Gap, 'id'>;

export class GapLedger {
  /** Not told yet. */
  #pending: NewGap[] = [];
  #lastId = 0;
  /** Told on an earlier stream and not acknowledged: told again word for word, so that the aggregator knows them. */
  #resend: readonly Gap[] = [];
  #unacknowledged: { readonly seq: number; readonly gaps: readonly Gap[] }[] = [];
  #lostEvents = 0;
  readonly #lostByReason = new Map<string, number>();
  readonly #gapsByReason = new Map<string, number>();
  #mergedTotal = 0;

  /** Events lost since the agent started. */
  get lostEvents(): number {
    return this.#lostEvents;
  }

  get pendingCount(): number {
    return this.#resend.length + this.#pending.length;
  }

  /** Events lost since the agent started, why. */
  get lostByReason(): ReadonlyMap<string, number> {
    return this.#lostByReason;
  }

  /** How often something was lost or not watched since the agent started, and why. */
  get gapsByReason(): ReadonlyMap<string, number> {
    return this.#gapsByReason;
  }

  get tables(): readonly BoundedTable[] {
    const { length: size } = this.#pending;
    return [{ name: 'gaps_to_tell', size, limit: gapsPendingMax, refusedTotal: this.#mergedTotal }];
  }

  /** One event (or `count`) was dropped. Unix milliseconds, both inclusive. */
  lose(reason: string, fromUnixMs: number, toUnixMs: number, count = 1): void {
    this.#lostEvents += count;
    addTo(this.#lostByReason, reason, count);
    this.#add({ reason, fromUnixMs, toUnixMs, lostEvents: count });
  }

  /** Nobody looked during this interval; how much happened in it is unknown. */
  unwatched(reason: string, fromUnixMs: number, toUnixMs: number): void {
    this.#add({ reason, fromUnixMs, toUnixMs, lostEvents: 0 });
  }

  #add(gap: NewGap): void {
    addTo(this.#gapsByReason, gap.reason, 1);
    const at = this.#pending.findLastIndex((known) => isOneLoss(known, gap));
    if (at >= 0) this.#pending[at] = merge(this.#pending[at]!, gap, gap.reason);
    else this.#pending.push(gap);
    this.#bound();
  }

  /** Hands out what is to be told, at most gapsPerMessageMax, to travel in message `seq`. */
  take(seq: number): readonly Gap[] {
    const fresh = this.#pending.map((gap) => ({ ...gap, id: ++this.#lastId }));
    const waiting = [...this.#resend, ...fresh];
    const gaps = waiting.slice(0, gapsPerMessageMax);
    if (gaps.length === 0) return gaps;
    this.#resend = waiting.slice(gapsPerMessageMax);
    this.#pending = [];
    this.#unacknowledged.push({ seq, gaps });
    return gaps;
  }

  acknowledge(durableSeq: number): void {
    this.#unacknowledged = this.#unacknowledged.filter((entry) => entry.seq > durableSeq);
  }

  /** A new snapshot tells again whatever was not acknowledged. */
  restart(): void {
    this.#resend = [...this.#unacknowledged.flatMap((entry) => entry.gaps), ...this.#resend];
    this.#unacknowledged = [];
  }

  #bound(): void {
    while (this.#pending.length > gapsPendingMax) {
      const [first, second, ...rest] = this.#pending;
      this.#mergedTotal++;
      this.#pending = [merge(first!, second!, 'several losses'), ...rest];
    }
  }
}

function addTo(counts: Map<string, number>, reason: string, count: number): void {
  const key = counts.has(reason) || counts.size < reasonsMax ? reason : 'other';
  counts.set(key, (counts.get(key) ?? 0) + count);
}

function isOneLoss(known: NewGap, gap: NewGap): boolean {
  return known.reason === gap.reason && gap.fromUnixMs - known.toUnixMs < gapMergeMs;
}

function merge(a: NewGap, b: NewGap, reason: string): NewGap {
  return {
    reason,
    fromUnixMs: Math.min(a.fromUnixMs, b.fromUnixMs),
    toUnixMs: Math.max(a.toUnixMs, b.toUnixMs),
    lostEvents: a.lostEvents + b.lostEvents,
  };
}
