/**
 * Tells what is in the spool on the stream, one message after the other, and moves the cursor as they are acknowledged.
 *
 * An aggregator that takes them quickly has some on their way at a time. One that does not, as when a thousand agents are back, has
 * one of each, and the next one waits for a multiple of what that took too long: so it hears of what happens now meanwhile.
 */
import type { Place } from '../../disk/segments.ts';
import { numberedAs } from '../../wire/agent-message.ts';
import type { PastMessages } from '../export/past-messages.ts';
import type { Spool, SpoolLoss } from './spool.ts';
import type { ReadRecord } from './spool-reader.ts';

/** Messages that were told and are not acknowledged as durable. */
export const toldAheadMax = 64;

/** An aggregator that takes so long for a message has others to hear. */
export const usualMs = 500;

/** Messages that are on their way to one that takes less. */
export const onTheirWayMax = 4;

/** How long the next message waits, in times of what the last one took too long. */
const restFactor = 4;

interface Ahead {
  readonly seq: number;
  readonly end: Place;
  readonly toUnixMs: number;
  readonly sentMs: number;
}

export class SpoolTelling implements PastMessages {
  readonly #spool: Spool;
  readonly #lose: (loss: SpoolLoss) => void;
  /** Told and not durable, by ascending seq. */
  #ahead: Ahead[] = [];
  /** Those of them that have not taken effect yet. */
  #onTheirWay: readonly Ahead[] = [];
  /** What the last one took. */
  #tookMs = usualMs;
  /** When the next one may go, on the clock that never steps. */
  #dueMs = 0;
  /** Ends of messages that an aggregator refused, and that are not behind the cursor yet. */
  readonly #refused = new Set<string>();
  /** Messages told, and refused, since the start. */
  told = 0;
  refusedTotal = 0;

  constructor(spool: Spool, lose: (loss: SpoolLoss) => void) {
    this.#spool = spool;
    this.#lose = lose;
  }

  take(seq: number, nowMs: number): Buffer | null {
    if (!this.#mayGoOn || nowMs < this.#dueMs) return null;
    const next = this.#nextTold();
    if (next === null) {
      if (this.#ahead.length === 0) this.#spool.advanceToRead();
      return null;
    }
    const { end, toUnixMs, message } = next;
    const ahead = { seq, end, toUnixMs, sentMs: nowMs };
    this.#ahead.push(ahead);
    this.#onTheirWay = [...this.#onTheirWay, ahead];
    this.told++;
    return numberedAs(seq, message);
  }

  waitMs(nowMs: number): number | null {
    const isWaiting = this.#mayGoOn && this.#spool.hasAny && nowMs < this.#dueMs;
    return isWaiting ? this.#dueMs - nowMs : null;
  }

  get #mayGoOn(): boolean {
    const max = this.#tookMs < usualMs ? onTheirWayMax : 1;
    return this.#onTheirWay.length < max && this.#ahead.length < toldAheadMax;
  }

  /** The next one that was not refused; those that were go with the one before. */
  #nextTold(): ReadRecord | null {
    for (;;) {
      const next = this.#spool.next();
      if (next === null || !this.#refused.has(keyOf(next.end))) return next;
      const last = this.#ahead.at(-1);
      if (last === undefined) this.#advance(next);
      else this.#ahead.push({ ...last, end: next.end, toUnixMs: next.toUnixMs });
    }
  }

  acknowledge(appliedSeq: number, durableSeq: number, nowMs: number): void {
    const applied = this.#onTheirWay.findLast(({ seq }) => seq <= appliedSeq);
    if (applied !== undefined) {
      this.#tookMs = nowMs - applied.sentMs;
      this.#dueMs = nowMs + restFactor * Math.max(0, this.#tookMs - usualMs);
      this.#onTheirWay = this.#onTheirWay.filter(({ seq }) => seq > appliedSeq);
    }
    const kept = this.#ahead.findIndex(({ seq }) => seq > durableSeq);
    const done = this.#ahead.splice(0, kept < 0 ? this.#ahead.length : kept);
    const last = done.at(-1);
    if (last !== undefined) this.#advance(last);
  }

  #advance({ end, toUnixMs }: Pick<Ahead, 'end' | 'toUnixMs'>): void {
    for (const key of this.#refused) if (isBehind(key, end)) this.#refused.delete(key);
    this.#spool.advance(end, toUnixMs);
  }

  refused(seq: number, reason: string): void {
    const at = this.#ahead.findIndex((each) => each.seq === seq);
    if (at < 0) return;
    const { end, toUnixMs } = this.#ahead[at]!;
    this.#refused.add(keyOf(end));
    this.refusedTotal++;
    const fromUnixMs = this.#ahead[at - 1]?.toUnixMs ?? this.#spool.cursorUnixMs;
    this.#lose({
      reason: `the aggregator refused closed sockets: ${reason}`,
      fromUnixMs: Math.min(fromUnixMs, toUnixMs),
      toUnixMs,
      count: 0,
    });
  }

  restart(): void {
    this.#ahead = [];
    this.#onTheirWay = [];
    this.#tookMs = usualMs;
    this.#dueMs = 0;
    this.#spool.rewind();
  }
}

function keyOf({ segment, at }: Place): string {
  return `${segment}:${at}`;
}

function isBehind(key: string, { segment, at }: Place): boolean {
  const [keySegment, keyAt] = key.split(':').map(Number) as [number, number];
  return keySegment < segment || (keySegment === segment && keyAt <= at);
}
