/** A table of numbers does what a Map does, up to its limit. */
import { describe, expect, test } from 'vitest';
import { EndTimes } from '../../../agent/watch/end-times.ts';
import { fc } from '../../support/random-cases.ts';

/** Few places, so that ends meet in them: the low bits are the same for many. */
const ends = fc.tuple(fc.nat(3), fc.nat(400)).map(([low, high]) => low + high * 2 ** 32);

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), end: ends, atMs: fc.nat(1000) }),
    fc.record({ kind: fc.constant('delete' as const), end: ends, atMs: fc.constant(0) }),
    fc.record({ kind: fc.constant('since' as const), end: fc.constant(0), atMs: fc.nat(500) }),
  ),
  { maxLength: 600, size: 'max' },
);

describe('times of ends', () => {
  test('are those of a Map, whatever is set, deleted and dropped', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        let times = new EndTimes(1 << 20);
        let expected = new Map<number, number>();
        for (const { kind, end, atMs } of taken) {
          if (kind === 'set') {
            times.set(end, atMs);
            expected.set(end, atMs);
          } else if (kind === 'delete') expect(times.delete(end)).toBe(expected.delete(end));
          else {
            times = times.since(atMs);
            expected = new Map([...expected].filter(([, at]) => at >= atMs));
          }
        }
        expect(times.size).toBe(expected.size);
        for (const [end, atMs] of expected) expect(times.get(end)).toBe(atMs);
        expect(times.get(2 ** 50)).toBeUndefined();
        expect(times.has(2 ** 50)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('grow with their number, and end at their limit', () => {
    const times = new EndTimes(5000);
    for (let end = 1; end <= 5000; end++) expect(times.set(end * 2 ** 20, end)).toBe(true);
    expect(times.set(7, 1)).toBe(false);
    expect(times.has(7)).toBe(false);
    // What is there already has its place.
    expect(times.set(2 ** 20, 9)).toBe(true);
    expect(times.get(2 ** 20)).toBe(9);
    expect(times.get(5000 * 2 ** 20)).toBe(5000);
    expect(times.size).toBe(5000);
    times.delete(2 ** 20);
    expect(times.set(7, 1)).toBe(true);
  });
});
