/** What may wait, over all streams: whose most waits is ended, and nobody else. */
import { expect, test } from 'vitest';
import { WaitingBudget } from '../../../aggregator/ingest/waiting-budget.ts';

test('the stream of which most waits is ended, until the rest is within the budget', () => {
  const budget = new WaitingBudget(100);
  const ended: string[] = [];
  const [one, two, three] = ['one', 'two', 'three'].map((name) => budget.begin(() => ended.push(name)));
  one!.came(40);
  two!.came(30);
  three!.came(30);
  expect([budget.bytes, ended]).toEqual([100, []]);
  one!.taken(15);
  three!.came(15);
  expect([budget.bytes, ended]).toEqual([100, []]);
  two!.came(1);
  expect([budget.bytes, budget.ended, ended]).toEqual([56, 1, ['three']]);
  three!.came(1000);
  three!.taken(5);
  three!.over();
  expect(budget.bytes).toBe(56);
  two!.over();
  two!.over();
  expect(budget.bytes).toBe(25);
});

test('one message larger than the budget ends its stream', () => {
  const budget = new WaitingBudget(10);
  let ends = 0;
  budget.begin(() => ends++).came(11);
  expect([budget.bytes, ends]).toEqual([0, 1]);
});
