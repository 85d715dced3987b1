/** The page of the engine's benchmark: medians, spreads, what they say of the goals, and what each part keeps. */
import { describe, expect, test, vi } from 'vitest';
import { enginePage, engineTable, type PartRun } from '../../bench/support/engine-page.ts';
import { planLines, runParts } from '../../bench/support/engine-plan.ts';
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

const ingest = {
  what: 'ingest',
  goal: '>= 60',
  ratios: [59, 123.4, 61.25],
  values: '12 M / 0.2 M',
} as const;

test('a row is the median with its spread, and the verdict', () => {
  expect(engineTable([ingest])).toEqual([
    '| what | goal | measured |  |  |',
    '| --- | --- | --- | --- | --- |',
    '| ingest | >= 60 | **61.3** (59.0-123) | met | 12 M / 0.2 M |',
  ]);
});

test('what was not measured says why, and has not met its goal', () => {
  const figure = { what: 'two shards', goal: '>= 1.6', ratios: [], values: 'not built' } as const;
  expect(engineTable([figure]).at(-1)).toBe('| two shards | >= 1.6 | not measured | missed | not built |');
});

describe('the page', () => {
  const names = ['core', 'ingest', 'sql'];
  const run = (name: string, ratio: number): PartRun => ({
    name,
    figures: [{ ...ingest, what: name, ratios: [ratio] }],
    sizes: '3 rounds',
    minutes: 1.25,
  });
  const write = (before: string, part: PartRun, commit: string): string =>
    enginePage(before, part, names, commit, ['machine: this one', 'node: v20']);

  test('has a section for each part in their order, with its commit, and keeps the others as they are', () => {
    const first = write('', run('sql', 100), 'aaa');
    const second = write(first, run('core', 70), 'bbb');
    const third = write(second, run('sql', 200), 'ccc');
    expect(third.slice(third.indexOf('## ')).split('\n')).toEqual([
      '## core',
      '',
      'commit bbb; 3 rounds; 1.3 minutes.',
      '',
      '| what | goal | measured |  |  |',
      '| --- | --- | --- | --- | --- |',
      '| core | >= 60 | **70.0** (70.0-70.0) | met | 12 M / 0.2 M |',
      '',
      '## sql',
      '',
      'commit ccc; 3 rounds; 1.3 minutes.',
      '',
      '| what | goal | measured |  |  |',
      '| --- | --- | --- | --- | --- |',
      '| sql | >= 60 | **200** (200-200) | met | 12 M / 0.2 M |',
      '',
    ]);
    expect(third).toContain('\n- machine: this one\n- node: v20\n');
    expect(write(third, run('sql', 200), 'ccc')).toBe(third);
  });

  test('loses what stood there before in another form, and parts that are none any more', () => {
    const page = write('# Old\n\n| a table |\n', run('core', 70), 'bbb');
    expect(page).not.toContain('a table');
    const fewer = enginePage(page, run('sql', 1), ['sql'], 'ccc', []);
    expect(fewer).not.toContain('## core');
  });
});

describe('the parts of a run', () => {
  const sizes = { halves: 1000, rounds: 3, agents: 7 };
  const parts = {
    core: { minutes: 2, by: ['halves', 'rounds'], measure: () => [ingest] },
    bad: {
      minutes: 0.5,
      by: [],
      measure: () => {
        throw new Error('no such luck');
      },
    },
    fleet: { minutes: 1, by: ['agents'], measure: () => Promise.resolve([ingest]) },
  } as const;

  test('are told before, with how long they take', () => {
    expect(planLines(parts, ['core', 'bad'], sizes)).toEqual([
      'plan: 2 parts, 2.5 minutes at full size',
      '  core         2.0 min  1,000 halves, 3 rounds',
      '  bad          0.5 min',
    ]);
  });

  test('are each there as soon as they are measured, and one that fails keeps none from coming', async () => {
    const out = vi.spyOn(console, 'log').mockImplementation(() => {});
    const complained = vi.spyOn(console, 'error').mockImplementation(() => {});
    const done: string[] = [];
    const failed = await runParts(parts, ['core', 'bad', 'fleet'], sizes, ({ name, sizes: by }) =>
      done.push(`${name}: ${by}`),
    );
    expect(done).toEqual(['core: 1,000 halves, 3 rounds', 'fleet: 7 agents']);
    expect(failed).toEqual(['bad']);
    expect(complained).toHaveBeenCalledExactlyOnceWith('bad: failed: no such luck');
    out.mockRestore();
    complained.mockRestore();
  });
});
