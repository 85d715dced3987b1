/** The first of many rows are those that a sort of all would put first. */
import { expect, test } from 'vitest';
import { FirstRows } from '../../../aggregator/serve/first-rows.ts';
import { fc } from '../../support/random-cases.ts';

test('the first rows, in order, whatever the order in which they come and how often some stay', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.integer({ min: 1, max: 12 }), (rows, max) => {
      const first = new FirstRows<number>(
        max,
        (a, b) => a - b,
        (row) => row,
      );
      for (const [n, row] of rows.entries()) {
        first.add(row);
        if (n % 3 === 0) first.hold();
      }
      expect(first.rows()).toEqual(rows.toSorted((a, b) => a - b).slice(0, max));
      expect(first.total).toBe(rows.length);
    }),
  );
});

test('what stays is what was made of the row', () => {
  const first = new FirstRows<{ at: number }>(
    2,
    (a, b) => a.at - b.at,
    ({ at }) => ({ at }),
  );
  const rows = [{ at: 3 }, { at: 1 }, { at: 2 }];
  for (const row of rows) first.add(row);
  first.hold();
  for (const row of rows) row.at = 9;
  expect(first.rows()).toEqual([{ at: 1 }, { at: 2 }]);
});
