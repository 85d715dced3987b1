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

/** A gap that losses are added to again and again is as it is after so long; what comes later is another one. */
export const gapSpanMaxMs = 5 * 60_000;

/** Reasons that are counted apart; whatever comes after them is counted as `other`. */
export const reasonsMax = 32;

type NewGap = Omit<Gap, 'id'>;

/**
 * A gap is pending while losses may be added to it, and has a number from then on: when it is told, or goes to the spool.
 */
export class GapLedger {
  /** Not told yet. */
  #pending: NewGap[] = [];
  #lastId = 0;
  /** Told on an earlier stream and not acknowledged: told again word for word, so that the aggregator knows them. */
  #resend: readonly Gap[] = [];
  #unacknowledged: { readonly seq: number; readonly gaps: readonly Gap[] }[] = [];
  /** Numbers of those that are in the spool, and not acknowledged. */
  readonly #spooled = new Set<number>();
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
    this.#number(() => true);
    const gaps = this.#resend.slice(0, gapsPerMessageMax);
    if (gaps.length === 0) return gaps;
    this.#resend = this.#resend.slice(gapsPerMessageMax);
    this.#unacknowledged.push({ seq, gaps });
    return gaps;
  }

  /** From then on they are told word for word, whenever they are told. */
  #number(isDue: (gap: NewGap) => boolean): void {
    const due = this.#pending.filter(isDue).map((gap) => ({ ...gap, id: ++this.#lastId }));
    if (due.length === 0) return;
    this.#resend = [...this.#resend, ...due];
    this.#pending = this.#pending.filter((gap) => !isDue(gap));
  }

  acknowledge(durableSeq: number): void {
    const done = this.#unacknowledged.filter((entry) => entry.seq <= durableSeq);
    if (done.length === 0) return;
    for (const { gaps } of done) for (const { id } of gaps) this.#spooled.delete(id);
    this.#unacknowledged = this.#unacknowledged.filter((entry) => entry.seq > durableSeq);
  }

  /**
   * Gaps for the spool: those that are neither acknowledged nor in it, a message full at most.
   * @param isAll also those that may still grow
   */
  takeForSpool(nowMs: number, isAll: boolean): readonly Gap[] {
    this.#number((gap) => isAll || hasSettled(gap, nowMs));
    return this.#numbered.filter(({ id }) => !this.#spooled.has(id)).slice(0, gapsPerMessageMax);
  }

  /** Those are in the spool, on the disk. What waits beyond a message full is told from there alone. */
  spooled(gaps: readonly Gap[]): void {
    for (const { id } of gaps) this.#spooled.add(id);
    const surplus = this.#resend.filter(({ id }) => this.#spooled.has(id)).slice(0, -gapsPerMessageMax);
    this.#resend = this.#resend.filter((gap) => !surplus.includes(gap));
    for (const { id } of surplus) this.#spooled.delete(id);
  }

  /** When the first of those begins that are neither acknowledged nor in the spool; Infinity where there is none. */
  get unsafeFromMs(): number {
    const unsafe: NewGap[] = this.#numbered.filter(({ id }) => !this.#spooled.has(id));
    return [...unsafe, ...this.#pending].reduce(
      (least, { fromUnixMs }) => Math.min(least, fromUnixMs),
      Number.POSITIVE_INFINITY,
    );
  }

  get #numbered(): readonly Gap[] {
    return [...this.#unacknowledged.flatMap(({ gaps }) => gaps), ...this.#resend];
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

function hasSettled({ fromUnixMs, toUnixMs }: NewGap, nowMs: number): boolean {
  return nowMs - toUnixMs >= gapMergeMs || nowMs - fromUnixMs >= gapSpanMaxMs;
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
