/**
 * Which connections were told as closed and may still be seen: TIME_WAIT shows a connection for a minute after its end.
 *
 * Ends are kept as numbers (end-hash.ts), in two generations: the older one goes when the younger has grown up. So each is
 * remembered for one lifetime at least, and for two at most.
 */
import type { BoundedTable } from '../bounded-table.ts';
import { EndTimes } from './end-times.ts';

/** How long an end is remembered at least: TIME_WAIT lasts 60 s, and a scan may come late. */
export const endLifetimeMs = 75_000;

/**
 * Ends of one generation; 8 MiB. Where more ended, whatever looks like the remains of a connection is taken for those of
 * one that was told.
 */
export const endsMax = 1 << 18;

export class ToldEnds {
  readonly #max: number;
  #young: EndTimes;
  #old: EndTimes;
  #youngSinceMs = 0;
  /** Whether some found no room in them. */
  #isYoungFull = false;
  #isOldFull = false;
  /** Ends that found no room, since the start. */
  forgotten = 0;

  constructor(max: number = endsMax) {
    this.#max = max;
    this.#young = new EndTimes(max);
    this.#old = new EndTimes(max);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Of the younger generation. */
  get table(): BoundedTable {
    return { name: 'told_ends', size: this.#young.size, limit: this.#max, refusedTotal: this.forgotten };
  }

  /** @param end of end-hash.ts */
  add(end: number, nowMs: number): void {
    this.expire(nowMs);
    if (this.#young.set(end, nowMs)) return;
    this.#isYoungFull = true;
    this.forgotten++;
  }

  /** True for some that were not added, when there were more than have room. */
  has(end: number): boolean {
    return this.#isYoungFull || this.#isOldFull || this.#young.has(end) || this.#old.has(end);
  }

  expire(nowMs: number): void {
    if (nowMs - this.#youngSinceMs < endLifetimeMs) return;
    this.#old = this.#young;
    this.#isOldFull = this.#isYoungFull;
    this.#isYoungFull = false;
    this.#young = new EndTimes(this.#max);
    this.#youngSinceMs = nowMs;
  }
}
