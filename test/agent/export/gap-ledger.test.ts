/** Losses become gaps, and a gap stays until it is acknowledged. */
import { describe, expect, test } from 'vitest';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';

describe('GapLedger', () => {
  test('losses for one reason close to each other are one gap', () => {
    const gaps = new GapLedger();
    gaps.lose('full', 1000, 2000);
    gaps.lose('other', 1500, 1500);
    gaps.lose('full', 61_000, 61_500, 4);
    gaps.lose('full', 200_000, 200_000);
    expect(gaps.take(1)).toEqual([
      { id: 1, reason: 'full', fromUnixMs: 1000, toUnixMs: 61_500, lostEvents: 5 },
      { id: 2, reason: 'other', fromUnixMs: 1500, toUnixMs: 1500, lostEvents: 1 },
      { id: 3, reason: 'full', fromUnixMs: 200_000, toUnixMs: 200_000, lostEvents: 1 },
    ]);
    expect(gaps.lostEvents).toBe(7);
    expect(gaps.take(2)).toEqual([]);
  });

  test('a gap whose message was not acknowledged is told again word for word, before newer ones', () => {
    const gaps = new GapLedger();
    gaps.lose('full', 1000, 1000);
    const [first] = gaps.take(1);
    gaps.lose('full', 1500, 1500);
    gaps.acknowledge(0);
    gaps.restart();
    expect(gaps.pendingCount).toBe(2);
    expect(gaps.take(2)).toEqual([
      first,
      { id: 2, reason: 'full', fromUnixMs: 1500, toUnixMs: 1500, lostEvents: 1 },
    ]);
    gaps.acknowledge(2);
    gaps.restart();
    expect(gaps.pendingCount).toBe(0);
  });

  test('too many gaps become one, and no loss is forgotten', () => {
    const gaps = new GapLedger();
    for (let n = 0; n < 100; n++) gaps.lose(`reason ${n}`, n, n);
    const told = gaps.take(1);
    expect(told).toHaveLength(64);
    expect(told[0]).toEqual({ id: 1, reason: 'several losses', fromUnixMs: 0, toUnixMs: 36, lostEvents: 37 });
    expect(told.reduce((sum, gap) => sum + gap.lostEvents, 0)).toBe(100);
  });

  test('an interval that nobody watched counts no events', () => {
    const gaps = new GapLedger();
    gaps.unwatched('a scan failed', 1000, 5000);
    expect(gaps.lostEvents).toBe(0);
    expect(gaps.take(1)).toMatchObject([{ fromUnixMs: 1000, toUnixMs: 5000, lostEvents: 0 }]);
  });
});
