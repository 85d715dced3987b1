/** How often cached answers are read again, and when of many things. */
import { describe, expect, it } from 'vitest';
import {
  isRefreshDue,
  isRefreshTurn,
  type Reading,
  refreshIntervalMaxMs,
  turnAfter,
} from '../../../agent/resolve/refresh.ts';
import { fc } from '../../support/random-cases.ts';

/** As many as fit at an agent's default interval, first read at 0 and again when `isDue` says so: the seconds of it. */
function readingsIn(seconds: number, isDue: (reading: Reading, nowMs: number) => boolean): number[] {
  let reading: Reading = { firstReadAtMs: 0, readAtMs: 0 };
  const readings: number[] = [];
  for (let nowMs = 1000; nowMs <= seconds * 1000; nowMs += 1000) {
    if (!isDue(reading, nowMs)) continue;
    readings.push(nowMs / 1000);
    reading = { firstReadAtMs: 0, readAtMs: nowMs };
  }
  return readings;
}

it('is often while a thing is young, and every 30 s later', () => {
  expect(readingsIn(100, isRefreshDue)).toEqual([1, 2, 4, 8, 16, 32, 62, 92]);
});

it('is never twice at one time, when a thing is new either', () => {
  for (const isDue of [isRefreshDue, (reading: Reading, nowMs: number) => isRefreshTurn(reading, nowMs, 7)]) {
    expect(isDue({ firstReadAtMs: 500, readAtMs: 500 }, 500)).toBe(false);
    expect(isDue({ firstReadAtMs: 500, readAtMs: 500 }, 501)).toBe(true);
  }
});

describe('of many things', () => {
  const count = 300;
  const readings = Array.from({ length: count }, (_, number) =>
    readingsIn(130, (reading, nowMs) => isRefreshTurn(reading, nowMs, 4000 + number)),
  );

  it('each is read at its own second of every 30, once it is known for long', () => {
    for (const seconds of readings) {
      const later = seconds.filter((second) => second > 70);
      expect(later.length).toBe(2);
      expect(later[1]! - later[0]!).toBe(30);
    }
  });

  it('about as many are read in every second', () => {
    for (let second = 71; second <= 130; second++) {
      const read = readings.filter((seconds) => seconds.includes(second)).length;
      expect(read).toBeGreaterThanOrEqual(count / 30 - 3);
      expect(read).toBeLessThanOrEqual(count / 30 + 3);
    }
  });

  it('none is read later than a single one would be, nor much more often', () => {
    const times = fc.tuple(fc.nat(200_000), fc.nat(100_000), fc.integer({ min: 1, max: 60_000 }), fc.nat());
    fc.assert(
      fc.property(times, ([firstReadAtMs, knownMs, ageMs, number]) => {
        const reading = { firstReadAtMs, readAtMs: firstReadAtMs + knownMs };
        const nowMs = reading.readAtMs + ageMs;
        const isTurn = isRefreshTurn(reading, nowMs, number);
        if (isRefreshDue(reading, nowMs)) expect(isTurn).toBe(true);
        if (isTurn && knownMs < refreshIntervalMaxMs) expect(ageMs).toBeGreaterThanOrEqual(knownMs / 2);
      }),
    );
    for (const seconds of readings) expect(seconds.filter((second) => second <= 32).length).toBeLessThan(10);
  });

  it('the turn after a moment is within a period, and the same however often it is asked for', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(), (ms, number) => {
        const next = turnAfter(ms, 30_000, number);
        expect(next).toBeGreaterThan(ms);
        expect(next).toBeLessThanOrEqual(ms + 30_000);
        expect(turnAfter((ms + next) / 2, 30_000, number)).toBeCloseTo(next, 6);
      }),
    );
  });
});
