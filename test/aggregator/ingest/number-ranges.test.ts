/** A set of numbers as ranges: what it has, and what it says when there are too many. */
import { expect, test } from 'vitest';
import { NumberRanges } from '../../../aggregator/ingest/number-ranges.ts';
import { fc } from '../../support/random-cases.ts';

test('has what was added, in as few ranges as there are', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 80 }), (numbers) => {
      const ranges = new NumberRanges(100);
      for (const number of numbers) ranges.add(number);
      const all = new Set(numbers);
      for (let n = 0; n <= 61; n++) expect([n, ranges.has(n)]).toEqual([n, all.has(n)]);
      const firsts = [...all].filter((n) => !all.has(n - 1));
      expect(ranges.size).toBe(firsts.length);
      expect(ranges.isUnsure(0)).toBe(false);
    }),
  );
});

test('what is too much closes the narrowest holes, and says up to where it is unsure', () => {
  const ranges = new NumberRanges(3);
  ranges.addAll([1, 3, 10, 20], 0, 4);
  expect(ranges.size).toBe(3);
  expect([1, 2, 3, 4, 10, 19, 20].map((n) => ranges.has(n))).toEqual([
    true,
    true,
    true,
    false,
    true,
    false,
    true,
  ]);
  expect([1, 2, 3].map((n) => ranges.isUnsure(n))).toEqual([true, true, false]);
});

test('a hole that is very wide is not closed: the lowest range is forgotten', () => {
  const ranges = new NumberRanges(2);
  for (const number of [1, 2 ** 51, 2 ** 52]) ranges.add(number);
  expect([1, 2 ** 51, 2 ** 51 + 1, 2 ** 52].map((n) => ranges.has(n))).toEqual([false, true, false, true]);
  expect(ranges.isUnsure(2 ** 51)).toBe(false);
});

test('it never forgets what it has, but for whole ranges', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { maxLength: 200 }), (numbers) => {
      const ranges = new NumberRanges(5);
      for (const number of numbers) ranges.add(number);
      for (const number of numbers) expect(ranges.has(number)).toBe(true);
      expect(ranges.size).toBeLessThanOrEqual(5);
    }),
  );
});
