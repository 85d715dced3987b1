/** When heartbeats are due, and which round trip they report. */
import { describe, expect, test } from 'vitest';
import { Heartbeats } from '../../../agent/export/heartbeats.ts';

describe('Heartbeats', () => {
  test('the first is due at once, the second with the first answer, further ones every 10 s', () => {
    const beats = new Heartbeats(1000);
    expect(beats.isDue(1000)).toBe(true);
    expect(beats.send(1000)).toBe(0);
    expect(beats.isDue(1001)).toBe(false);
    beats.answered(1000, 1030);
    expect(beats.isDue(1030)).toBe(true);
    expect(beats.send(1030)).toBe(30);
    beats.answered(1030, 1031);
    expect([beats.isDue(11_029), beats.isDue(11_030)]).toEqual([false, true]);
  });

  test('a heartbeat reports the round trip of the one before it, or none', () => {
    const beats = new Heartbeats(0);
    beats.send(0);
    beats.answered(0, 5);
    beats.send(10);
    expect(beats.send(20)).toBe(0);
    // The late answer to another heartbeat than the last one is of no use.
    beats.answered(10, 21);
    expect(beats.send(30)).toBe(0);
    beats.answered(30, 30.2);
    expect(beats.send(40)).toBe(1);
  });

  test('an aggregator may ask for more heartbeats, not for fewer', () => {
    const beats = new Heartbeats(0);
    beats.setInterval(2000);
    beats.send(0);
    expect([beats.isDue(1999), beats.isDue(2000)]).toEqual([false, true]);
    beats.setInterval(0);
    beats.setInterval(3_600_000);
    beats.send(0);
    expect([beats.isDue(9999), beats.isDue(10_000)]).toEqual([false, true]);
  });

  test('four heartbeats without a word are silence', () => {
    const beats = new Heartbeats(1000);
    expect([beats.isSilent(40_999), beats.isSilent(41_000)]).toEqual([false, true]);
    beats.heard(41_000);
    expect(beats.isSilent(41_001)).toBe(false);
  });
});
