/** The table of the engine's benchmark: medians, spreads, and what they say of the goals. */
import { describe, expect, test } from 'vitest';
import { engineTable } from '../../bench/support/engine-page.ts';
import { type Goal, verdictOf } from '../../bench/support/goal.ts';

describe('verdictOf', () => {
  test.each<[Goal, number | null, string]>([
    ['>= 20', 20, 'met'],
    ['>= 20', 19.99, 'missed'],
    ['<= 1.3', 1.3, 'met'],
    ['<= 1.3', 1.31, 'missed'],
    ['< 2', 2, 'missed'],
    ['< 2', 1.99, 'met'],
    ['>= 20', null, 'missed'],
    ['', 7, ''],
    ['', null, ''],
  ])('%s with %s: %s', (goal, value, verdict) => {
    expect(verdictOf(goal, value)).toBe(verdict);
  });
});

test('a row is the median with its spread, the verdict, and the part that measures it', () => {
  const figure = {
    what: 'ingest',
    goal: '>= 60',
    ratios: [59, 123.4, 61.25],
    values: '12 M / 0.2 M',
  } as const;
  expect(engineTable([{ name: 'ingest', figures: [figure] }])).toEqual([
    '| what | goal | measured |  |  | part |',
    '| --- | --- | --- | --- | --- | --- |',
    '| ingest | >= 60 | **61.3** (59.0-123) | met | 12 M / 0.2 M | `ingest` |',
  ]);
});

test('what was not measured says why, and has not met its goal', () => {
  const figure = { what: 'two shards', goal: '>= 1.6', ratios: [], values: 'not built' } as const;
  expect(engineTable([{ name: 'stretch', figures: [figure] }]).at(-1)).toBe(
    '| two shards | >= 1.6 | not measured | missed | not built | `stretch` |',
  );
});
