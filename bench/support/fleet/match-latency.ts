/** Match latency as an aggregator's metrics tell it, between two looks. */

/** Counts of what took at most so many seconds, ascending; the last bound is Infinity. */
export type Buckets = readonly (readonly [boundSeconds: number, count: number])[];

/** @param text what /metrics answers */
export function parseMatchLatency(text: string): Buckets {
  const lines = text.matchAll(/^whotalks_match_latency_seconds_bucket\{le="([^"]+)"\} (\S+)$/gm);
  return Array.from(lines, ([, bound, count]) => [
    bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound),
    Number(count),
  ]);
}

/** The least bound that 99 of 100 kept between the two looks, in milliseconds; null where nothing was matched. */
export function latencyP99Ms(before: Buckets, after: Buckets): number | null {
  const counts = after.map(([bound, count], i) => [bound, count - (before[i]?.[1] ?? 0)] as const);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  return counts.find(([, count]) => count >= 0.99 * total)![0] * 1000;
}
