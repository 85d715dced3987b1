/** However many gaps a host declares, the answers say of every moment of them that nobody watched. */
import { describe, expect, test } from 'vitest';
import { withGap } from '../../../aggregator/ingest/host-gaps.ts';

function gap(fromMs: number, toMs: number, lostEvents = 0, reason = 'restart') {
  return { fromMs, toMs, reason, lostEvents };
}

describe('gaps of a host', () => {
  test('stand by when they began, whenever they were told', () => {
    const gaps = withGap(withGap(withGap([], gap(50, 60)), gap(10, 20)), gap(30, 40));
    expect(gaps.map(({ fromMs }) => fromMs)).toEqual([10, 30, 50]);
  });

  test('when they are too many, the nearest two become one', () => {
    const three = [gap(0, 10), gap(100, 110), gap(115, 120)];
    expect(withGap(three, gap(500, 510), 3)).toEqual([gap(0, 10), gap(100, 120), gap(500, 510)]);
  });

  test('one within another stays within it', () => {
    expect(withGap([gap(0, 100)], gap(20, 30), 1)).toEqual([gap(0, 100)]);
  });

  test('events are counted where both counts are known, and reasons kept where they are one', () => {
    expect(withGap([gap(0, 1, 5)], gap(2, 3, 7), 1)).toEqual([gap(0, 3, 12)]);
    expect(withGap([gap(0, 1, 5)], gap(2, 3, 0), 1)).toEqual([gap(0, 3, 0)]);
    expect(withGap([gap(0, 1)], gap(2, 3, 0, 'full'), 1)).toEqual([gap(0, 3, 0, 'several losses')]);
  });

  test('a thousand restarts: every one is covered', () => {
    const told = Array.from({ length: 1000 }, (_, i) => gap(i * 2_000, i * 2_000 + 500 + (i % 7) * 100));
    let gaps: ReturnType<typeof withGap> = [];
    for (const each of told) gaps = withGap(gaps, each);
    expect(gaps).toHaveLength(64);
    const uncovered = told.filter(
      ({ fromMs, toMs }) => !gaps.some((whole) => whole.fromMs <= fromMs && whole.toMs >= toMs),
    );
    expect(uncovered).toEqual([]);
  });
});
