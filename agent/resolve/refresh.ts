/** When a cached answer about a thing of the kernel (a process, a namespace) is to be read again. */

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
  const knownMs = reading.readAtMs - reading.firstReadAtMs;
  const ageMs = nowMs - reading.readAtMs;
  return ageMs > 0 && ageMs >= Math.min(refreshIntervalMaxMs, knownMs);
}
