/** The queue of one watcher: order, bound, and that what is left out is counted where it would have been. */
import { describe, expect, test } from 'vitest';
import { watchDocument } from '../../../aggregator/serve/watch-document.ts';
import { WatchQueue } from '../../../aggregator/serve/watch-queue.ts';
import { fc } from '../../support/random-cases.ts';

const numbered = (n: number) => watchDocument('opened', `t${n}`);

describe('WatchQueue', () => {
  test('hands documents on in order', () => {
    const queue = new WatchQueue(3);
    queue.push(numbered(1));
    queue.push(numbered(2));
    expect([queue.take()?.asOf, queue.take()?.asOf, queue.take()]).toEqual(['t1', 't2', null]);
  });

  test('full, it leaves out the newest and says how many', () => {
    const queue = new WatchQueue(2);
    expect([1, 2, 3, 4].map((n) => queue.push(numbered(n)))).toEqual([true, true, false, false]);
    queue.take();
    queue.take();
    expect(queue.take()).toMatchObject({ kind: 'missed', missed: 2, asOf: 't4' });
    expect(queue.take()).toBeNull();
  });

  test('the count stands before the next document that fits', () => {
    const queue = new WatchQueue(3);
    for (const n of [1, 2, 3, 4]) queue.push(numbered(n));
    queue.take();
    queue.take();
    queue.push(numbered(5));
    expect([queue.take(), queue.take(), queue.take()]).toMatchObject([
      { asOf: 't3' },
      { kind: 'missed', missed: 1 },
      { asOf: 't5' },
    ]);
  });

  test('whatever the pace, every document is handed on or counted, and the bound holds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.array(fc.boolean(), { maxLength: 60 }),
        (limit, steps) => {
          const queue = new WatchQueue(limit);
          let pushed = 0;
          let accounted = 0;
          const take = (): boolean => {
            const document = queue.take();
            if (document !== null) accounted += document.kind === 'missed' ? document.missed : 1;
            return document !== null;
          };
          for (const isPush of steps) {
            if (isPush) queue.push(numbered(++pushed));
            else take();
          }
          let left = 0;
          while (take()) left += 1;
          expect(accounted).toBe(pushed);
          expect(left).toBeLessThanOrEqual(limit + 1);
        },
      ),
    );
  });
});
