/** Percentiles out of the histogram that an aggregator shows. */
import { expect, test } from 'vitest';
import { latencyP99Ms, parseMatchLatency } from '../../bench/support/fleet/match-latency.ts';

function metrics(...counts: readonly number[]): string {
  const bounds = ['0.01', '0.1', '+Inf'];
  return [
    '# TYPE whotalks_match_latency_seconds histogram',
    ...counts.map((count, i) => `whotalks_match_latency_seconds_bucket{le="${bounds[i]}"} ${count}`),
    'whotalks_match_latency_seconds_sum 1.5',
    `whotalks_match_latency_seconds_count ${counts.at(-1)}`,
  ].join('\n');
}

test('is that of what came between two looks', () => {
  const before = parseMatchLatency(metrics(500, 500, 700));
  expect(before).toEqual([
    [0.01, 500],
    [0.1, 500],
    [Number.POSITIVE_INFINITY, 700],
  ]);
  expect(latencyP99Ms(before, parseMatchLatency(metrics(1490, 1490, 1690)))).toBe(10);
  expect(latencyP99Ms(before, parseMatchLatency(metrics(1480, 1499, 1700)))).toBe(100);
  expect(latencyP99Ms(before, parseMatchLatency(metrics(500, 500, 701)))).toBe(Number.POSITIVE_INFINITY);
});

test('is not known where nothing was matched', () => {
  expect(latencyP99Ms([], [])).toBe(null);
  const same = parseMatchLatency(metrics(1, 2, 3));
  expect(latencyP99Ms(same, same)).toBe(null);
});
