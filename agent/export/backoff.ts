/** How long to wait before the next try. */

/** The longest wait before the first retry, and before any. */
export const backoffFirstMs = 200;
export const backoffMaxMs = 10_000;

/**
 * Full jitter: anywhere between now and a bound that doubles with each failed attempt, so that a fleet that lost its
 * aggregator does not come back in one instant.
 * @param attempt 0 for the first retry
 * @param random 0 <= random < 1
 */
export function backoffMs(attempt: number, random: number): number {
  return random * Math.min(backoffMaxMs, backoffFirstMs * 2 ** attempt);
}

/** The wait before a repeated snapshot, by how many there were of late: the first at once, then 2 s up to a minute. */
export function snapshotDelayMs(recentSnapshots: number): number {
  return recentSnapshots === 0 ? 0 : Math.min(60_000, 1000 * 2 ** recentSnapshots);
}
