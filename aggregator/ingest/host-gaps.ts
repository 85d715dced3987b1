/**
 * The gaps of one host, as many as its answers carry. A gap is never forgotten to make room: the two that are nearest to each
 * other become one, which says too much rather than too little.
 */
import { type HostGap, hostGapsMax } from '../correlate/report.ts';

/** What stands as the reason where two gaps of different ones became one. */
const severalReasons = 'several losses';

/** The gaps with one more, by when they began; at most `max`. */
export function withGap(gaps: readonly HostGap[], gap: HostGap, max = hostGapsMax): readonly HostGap[] {
  const after = gaps.findIndex(({ fromMs }) => fromMs > gap.fromMs);
  const all = gaps.toSpliced(after < 0 ? gaps.length : after, 0, gap);
  if (all.length <= max) return all;
  const at = nearestPair(all);
  return all.toSpliced(at, 2, joined(all[at]!, all[at + 1]!));
}

/** Where the first of the two stands that have the least time between them. */
function nearestPair(gaps: readonly HostGap[]): number {
  let [nearest, leastMs] = [0, Number.POSITIVE_INFINITY];
  for (let i = 0; i + 1 < gaps.length; i++) {
    const betweenMs = gaps[i + 1]!.fromMs - gaps[i]!.toMs;
    if (betweenMs < leastMs) [nearest, leastMs] = [i, betweenMs];
  }
  return nearest;
}

/** How many events were lost is known only where it is known of both. */
function joined(a: HostGap, b: HostGap): HostGap {
  return {
    fromMs: a.fromMs,
    toMs: Math.max(a.toMs, b.toMs),
    reason: a.reason === b.reason ? a.reason : severalReasons,
    lostEvents: a.lostEvents === 0 || b.lostEvents === 0 ? 0 : a.lostEvents + b.lostEvents,
  };
}
