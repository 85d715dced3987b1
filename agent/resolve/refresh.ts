/**
 * When a cached answer about a thing of the kernel (a process, a namespace) is to be read again.
 *
 * Things that were first read together, as all processes are in a first scan, would all be read again together, in a scan
 * that takes several times as long as any other. So things that are many have turns: each has its own point of every period,
 * told by its number.
 */

/** The longest that a cached answer is believed. */
export const refreshIntervalMaxMs = 30_000;

/** Times on a monotonic clock. */
export interface Reading {
  readonly firstReadAtMs: number;
  readonly readAtMs: number;
}

/**
 * Young things change most: a process drops its privileges, a container gets its address after its first process
 * started. So an answer is believed for as long as the thing was known when it was read: 0, 1, 2, 4 ... intervals; but
 * never asked for twice in one scan, which has one time.
 */
export function isRefreshDue(reading: Reading, nowMs: number): boolean {
  return isOlderThan(Math.min(refreshIntervalMaxMs, knownMsOf(reading)), reading, nowMs);
}

/**
 * The same for one of many things: at the latest when isRefreshDue says so, and one after the other. A young one is read
 * again when half of its time is over or, as its turn is, up to all of it; an old one once in every refreshIntervalMaxMs.
 *
 * @param number of the thing among its like: a pid
 */
export function isRefreshTurn(reading: Reading, nowMs: number, number: number): boolean {
  const knownMs = knownMsOf(reading);
  if (knownMs < refreshIntervalMaxMs)
    return isOlderThan((knownMs * (1 + turnOf(number))) / 2, reading, nowMs);
  return nowMs >= turnAfter(reading.readAtMs, refreshIntervalMaxMs, number);
}

/** The first moment after `ms` at which it is the turn of a thing, as it is once in every period. On a monotonic clock. */
export function turnAfter(ms: number, periodMs: number, number: number): number {
  const firstMs = periodMs * turnOf(number);
  return firstMs + (Math.floor((ms - firstMs) / periodMs) + 1) * periodMs;
}

/** Part of a period, below 1. The factor (the golden ratio's) spreads numbers that are neighbours evenly. */
function turnOf(number: number): number {
  return (number * 0.6180339887) % 1;
}

function knownMsOf({ firstReadAtMs, readAtMs }: Reading): number {
  return readAtMs - firstReadAtMs;
}

function isOlderThan(limitMs: number, { readAtMs }: Reading, nowMs: number): boolean {
  const ageMs = nowMs - readAtMs;
  return ageMs > 0 && ageMs >= limitMs;
}
