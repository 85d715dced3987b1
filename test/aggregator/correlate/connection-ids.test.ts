/** Ids of connections: numbers that only go up, and texts that only this run of the aggregator reads as its own. */
import { describe, expect, test } from 'vitest';
import { ConnectionIds } from '../../../aggregator/correlate/connection-ids.ts';
import { fc } from '../../support/random-cases.ts';

describe('ids of connections', () => {
  test('count from 1 on', () => {
    const ids = new ConnectionIds('s1');
    expect(ids.last).toBe(0);
    expect([ids.next(), ids.next(), ids.next()]).toEqual([1, 2, 3]);
    expect(ids.last).toBe(3);
  });

  test('are short texts', () => {
    expect([1, 35, 36, 2 ** 40].map((number) => new ConnectionIds('s1').format(number))).toEqual([
      's1-1',
      's1-z',
      's1-10',
      's1-e13wu1og',
    ]);
  });

  test('are read back', () => {
    const ids = new ConnectionIds('s1');
    fc.assert(
      fc.property(fc.maxSafeNat(), (number) => {
        expect(ids.parse(ids.format(number))).toBe(number);
      }),
    );
  });

  test.each(['', 's1', 's1-', 's2-1', 's1-1 ', 's1-01', 's1-Z', 's1--1', 's1-0', 's1-1.5', 's1-$', 'xs1-1'])(
    '%j is none of this run',
    (text) => {
      expect(new ConnectionIds('s1').parse(text)).toBeNaN();
    },
  );
});
