/** How long things are let alone. */
import { describe, expect, it } from 'vitest';
import { Rests, restMostMs } from '../../../agent/counters/rests.ts';
import { fc } from '../../support/random-cases.ts';

/** When a thing is due that is never anything but still, in seconds from its first look. */
function dueSeconds(rests: Rests, place: number, seconds: number): number[] {
  rests.begin(place);
  rests.look(place, 0);
  const due: number[] = [];
  for (let second = 0; second <= seconds; second++) {
    if (!rests.isDue(place, second * 1000)) continue;
    due.push(second);
    rests.look(place, second * 1000);
  }
  return due;
}

describe('rests', () => {
  it('become longer up to the longest', () => {
    expect(dueSeconds(new Rests(60_000), 0, 200)).toEqual([0, 2, 5, 10, 18, 30, 48, 75, 116, 161]);
  });

  it('are none where the longest is none', () => {
    expect(dueSeconds(new Rests(0), 3, 5)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('go on after the seconds have gone round', () => {
    const rests = new Rests(600_000);
    const all = dueSeconds(rests, 7, 3 * 65_536);
    const gaps = all
      .slice(-300)
      .map((second, i, of) => (i === 0 ? 0 : second - of[i - 1]!))
      .slice(1);
    expect(new Set(gaps).size).toBe(1);
    expect(gaps[0]).toBeGreaterThanOrEqual(450);
    expect(gaps[0]).toBeLessThanOrEqual(600);
  });

  it('begin with a look that is nobody else’s to ask for', () => {
    const rests = new Rests(60_000);
    rests.begin(100);
    rests.wake(100);
    expect(rests.isDue(100, 0)).toBe(false);
    rests.look(100, 0);
    expect(rests.isDue(100, 0)).toBe(true);
  });

  it('are never longer than twice the time without a change, nor than the longest, nor than three quarters shorter', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(steps, fc.nat(100_000), (stillSeconds, place) => {
        const rests = new Rests(600_000);
        rests.begin(place);
        rests.look(place, 0);
        let second = 0;
        for (const still of stillSeconds) {
          second += still;
          rests.look(place, second * 1000);
          const most = Math.min(2 * still, 600);
          expect(rests.isDue(place, (second + most) * 1000)).toBe(true);
          expect(rests.isDue(place, (second + Math.ceil((most * 3) / 4) - 1) * 1000)).toBe(false);
          rests.wake(place);
          expect(rests.isDue(place, second * 1000)).toBe(true);
          rests.look(place, second * 1000);
        }
      }),
    );
  });

  it('have a longest that seconds can tell', () => {
    expect(() => new Rests(restMostMs + 1)).toThrow(RangeError);
  });
});
