/** How often cached answers are read again. */
import { expect, it } from 'vitest';
import { isRefreshDue, type Reading } from '../../../agent/resolve/refresh.ts';

it('is often while a thing is young, and every 30 s later', () => {
  let reading: Reading = { firstReadAtMs: 0, readAtMs: 0 };
  const readings: number[] = [];
  for (let nowMs = 1000; nowMs <= 100_000; nowMs += 1000) {
    if (!isRefreshDue(reading, nowMs)) continue;
    readings.push(nowMs / 1000);
    reading = { firstReadAtMs: 0, readAtMs: nowMs };
  }
  expect(readings).toEqual([1, 2, 4, 8, 16, 32, 62, 92]);
});

it('is never twice at one time, when a thing is new either', () => {
  expect(isRefreshDue({ firstReadAtMs: 500, readAtMs: 500 }, 500)).toBe(false);
  expect(isRefreshDue({ firstReadAtMs: 500, readAtMs: 500 }, 501)).toBe(true);
});
