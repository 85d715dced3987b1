/**
 * Which connections were told as closed and may still be seen: TIME_WAIT shows a connection for a minute after its end.
 *
 * What is kept of each is a hash of its key, in two generations: the older one goes when the younger has grown up. So
 * each is remembered for one lifetime at least, and for two at most.
 */
import type { BoundedTable } from '../bounded-table.ts';

/** How long an end is remembered at least: TIME_WAIT lasts 60 s, and a scan may come late. */
export const endLifetimeMs = 75_000;

/** Ends of one generation; 6 MiB. One that finds it full is not remembered, and counted in `forgotten`. */
export const endsMax = 1 << 18;

export class ToldEnds {
  readonly #max: number;
  #young = new Set<number>();
  #old = new Set<number>();
  #youngSinceMs = 0;
  /** Ends that found no room, since the start. */
  forgotten = 0;

  constructor(max: number = endsMax) {
    this.#max = max;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Of the younger generation. */
  get table(): BoundedTable {
    return { name: 'told_ends', size: this.#young.size, limit: this.#max, refusedTotal: this.forgotten };
  }

  add(key: string, nowMs: number): void {
    this.expire(nowMs);
    if (this.#young.size >= this.#max) this.forgotten++;
    else this.#young.add(hashOf(key));
  }

  has(key: string): boolean {
    if (this.size === 0) return false;
    const hash = hashOf(key);
    return this.#young.has(hash) || this.#old.has(hash);
  }

  expire(nowMs: number): void {
    if (nowMs - this.#youngSinceMs < endLifetimeMs) return;
    this.#old = this.#young;
    this.#young = new Set();
    this.#youngSinceMs = nowMs;
  }
}

/** 52 bits by FNV-1a over two seeds: two of a million keys have the same one with a chance of 1 in 10,000. */
function hashOf(key: string): number {
  let low = 0x811c9dc5;
  let high = 0x2f0b4c47;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x01000193);
  }
  // Equal steps on both halves would keep them in step; this takes them apart.
  high = Math.imul(high ^ (high >>> 15), 0x85ebca6b);
  return (low >>> 0) + ((high >>> 12) & 0xfffff) * 2 ** 32;
}
