/** What heartbeats tell about the agent's clock. */
import { describe, expect, test } from 'vitest';
import { ClockOffset } from '../../../aggregator/ingest/clock-offset.ts';
import { fc } from '../../support/random-cases.ts';

describe('ClockOffset', () => {
  test('before any heartbeat: none, unless the first message comes from another time', () => {
    expect(new ClockOffset(10_000, 11_500).offsetMs).toBe(0);
    // It may have been slow, but not have come before it was sent.
    expect(new ClockOffset(11_500, 10_000).offsetMs).toBe(1_500);
    const ahead = new ClockOffset(70_000, 10_000);
    expect([ahead.offsetMs, ahead.measuredMs, ahead.toOurs(70_500, 11_000)]).toEqual([60_000, null, 10_500]);
    expect(new ClockOffset(10_000, 70_000).offsetMs).toBe(-60_000);
    expect(new ClockOffset(0, 70_000).offsetMs).toBe(0);
  });

  test('a time told now is not after now, nor before time began', () => {
    const clock = new ClockOffset(0, 0);
    expect(clock.toOurs(Number.MAX_SAFE_INTEGER, 5_000)).toBe(5_000);
    expect(new ClockOffset(Number.MAX_SAFE_INTEGER, 5_000).toOurs(4_000, 5_000)).toBe(0);
  });

  test('a heartbeat counts with the round trip that the next one reports', () => {
    const clock = new ClockOffset(0, 0);
    clock.heartbeat(1100, 0, 1050);
    expect(clock.measuredMs).toBeNull();
    clock.heartbeat(11_100, 20, 11_050);
    // It left 10 ms before it arrived at 1050, when the agent's clock showed 1100.
    expect(clock.measuredMs).toBe(60);
  });

  test('the shortest of the last eight round trips says most', () => {
    const clock = new ClockOffset(0, 0);
    let nowMs = 0;
    const beat = (delayMs: number, roundTripOfLast: number): void => {
      nowMs += 10_000;
      clock.heartbeat(nowMs + 500, roundTripOfLast, nowMs + delayMs);
    };
    beat(300, 0);
    beat(2, 320);
    expect(clock.measuredMs).toBe(360);
    beat(150, 4);
    expect(clock.measuredMs).toBe(500);
    for (let n = 0; n < 7; n++) beat(150, 160);
    expect(clock.measuredMs).toBe(500);
    beat(150, 160);
    expect(clock.measuredMs).toBe(430);
  });

  test('one that waited in a queue says nothing against Hello, which did not', () => {
    // Half of the round trip is no guess for a heartbeat that waited on one way only.
    const clock = new ClockOffset(1_000_000 - 90_000, 1_000_020);
    clock.heartbeat(1_001_000 - 90_000, 0, 1_006_000);
    clock.heartbeat(1_011_000 - 90_000, 5_020, 1_011_020);
    expect(clock.measuredMs).toBe(-90_000);
  });

  test('the next stream of an agent goes on with what was measured, unless a clock was set', () => {
    const clock = new ClockOffset(1_900, 0);
    clock.heartbeat(2_900, 0, 1_000);
    clock.heartbeat(12_900, 2, 11_000);
    const next = clock.resumed(61_900, 60_500);
    expect(next.measuredMs).toBe(1_901);
    const set = clock.resumed(99_000, 60_500);
    expect([set.measuredMs, set.offsetMs]).toEqual([null, 38_500]);
    expect(new ClockOffset(1_900, 0).resumed(61_900, 60_500).measuredMs).toBeNull();
  });

  test('a stream whose first message waited somewhere goes on with what was measured', () => {
    const clock = new ClockOffset(1_900, 0);
    clock.heartbeat(2_900, 0, 1_000);
    clock.heartbeat(12_900, 2, 11_000);
    // Sent at 20,000, and 45 s under way.
    const late = clock.resumed(21_900, 65_000);
    expect([late.measuredMs, late.toOurs(21_900, 65_000)]).toEqual([1_901, 19_999]);
  });

  test('before a clock is measured, the first message that waited least says most', () => {
    // An hour ahead; the second stream's first message waits for 45 s, that of the third for none.
    const clock = new ClockOffset(3_600_000, 0);
    const late = clock.resumed(3_620_000, 65_000);
    expect([late.measuredMs, late.offsetMs]).toEqual([null, 3_600_000]);
    expect(late.resumed(3_670_000, 70_000).offsetMs).toBe(3_600_000);
    // The other way round the first one has waited.
    expect(new ClockOffset(3_600_000, 45_000).resumed(3_670_000, 70_000).offsetMs).toBe(3_600_000);
  });

  test('a clock that was set back between two streams is learned with the second heartbeat', () => {
    const clock = new ClockOffset(1_900, 0);
    clock.heartbeat(2_900, 0, 1_000);
    clock.heartbeat(12_900, 2, 11_000);
    const setBack = clock.resumed(50_000, 60_500);
    setBack.heartbeat(51_000, 0, 61_500);
    setBack.heartbeat(61_000, 2, 71_500);
    expect(setBack.measuredMs).toBe(-10_499);
  });

  test('a little drift is no contradiction: the narrowest bounds count', () => {
    const clock = new ClockOffset(0, 0);
    clock.heartbeat(1_100, 0, 1_000);
    clock.heartbeat(11_098, 2, 11_000);
    clock.heartbeat(21_095, 500, 21_500);
    // The second says 99 to 599, the first 100 to 102.
    expect(clock.measuredMs).toBe(101);
    clock.heartbeat(31_080, 504, 31_000);
    expect(clock.measuredMs).toBe(101);
  });

  test('a slow heartbeat says nothing against clocks that agree', () => {
    const clock = new ClockOffset(0, 0);
    clock.heartbeat(1000, 0, 2400);
    clock.heartbeat(11_000, 1400, 11_000);
    expect(clock.measuredMs).toBe(0);
  });

  test('after a step of a clock what was measured before is void', () => {
    const clock = new ClockOffset(0, 0);
    clock.heartbeat(1000, 0, 1001);
    clock.heartbeat(11_000, 2, 11_001);
    expect(clock.measuredMs).toBe(0);
    clock.heartbeat(81_000, 2, 21_001);
    clock.heartbeat(91_000, 4, 31_002);
    expect(clock.measuredMs).toBe(60_001);
  });

  test('what is measured may be wrong by half of what the narrowest round trips allow', () => {
    const clock = new ClockOffset(0, 0);
    clock.heartbeat(1100, 0, 1050);
    expect(clock.doubtMs).toBeNull();
    clock.heartbeat(11_100, 20, 11_050);
    expect([clock.measuredMs, clock.doubtMs]).toEqual([60, 10]);
    clock.heartbeat(21_056, 8, 21_000);
    expect([clock.measuredMs, clock.doubtMs]).toEqual([54, 4]);
    // Clocks that agree as far as anybody knows: each way may have taken all of the time.
    const same = new ClockOffset(0, 0);
    same.heartbeat(1000, 0, 1003);
    same.heartbeat(11_000, 10, 11_003);
    expect([same.measuredMs, same.doubtMs]).toEqual([0, 7]);
  });

  test('the error is at most the round trip', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.nat(500), fc.nat(500), (offset, there, back) => {
        const clock = new ClockOffset(0, 0);
        clock.heartbeat(1_000_000 + offset, 0, 1_000_000 + there);
        clock.heartbeat(1_010_000 + offset, there + back, 1_010_000);
        if (there + back === 0) return;
        expect(Math.abs(clock.measuredMs! - offset)).toBeLessThanOrEqual(there + back);
      }),
    );
  });
});
