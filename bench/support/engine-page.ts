/** docs/benchmarks-engine.md: what `npm run bench engine -- --write` measured, and on what. */
import { execFileSync } from 'node:child_process';
import { machineLines, median } from './report.ts';

/** One line of the table: medians of the rounds, and the worst and best ratio among them. */
export interface EngineFigure {
  readonly what: string;
  /** In words: "at most 1.3 times its time". */
  readonly goal: string;
  /** Of each round. */
  readonly ratios: readonly number[];
  readonly values: string;
}

export interface EngineMeasured {
  readonly halves: number;
  readonly rounds: number;
  readonly figures: readonly EngineFigure[];
  readonly notes: readonly string[];
}

export function enginePage(
  measured: EngineMeasured,
  versions: Readonly<Record<string, readonly string[]>>,
): string {
  return [
    '# Benchmarks of the engine',
    '',
    'Written by `npm run bench engine -- --write`; every figure is of that one run.',
    '',
    `- commit ${commit()}`,
    ...machineLines(versions).map((line) => `- ${line}`),
    `- ${measured.halves.toLocaleString('en')} halves of ${(measured.halves / 2).toLocaleString('en')} connections of 4,000 hosts; ${measured.rounds} rounds, medians`,
    ...measured.notes.map((note) => `- ${note}`),
    '',
    'Times are of CPU, each peer in a process of its own, in turns. See `bench/engine.ts` for what each does and leaves out.',
    '',
    ...engineTable(measured),
    '',
  ].join('\n');
}

export function engineTable({ figures }: Pick<EngineMeasured, 'figures'>): string[] {
  return [
    '| what | goal | measured | |',
    '| --- | --- | --- | --- |',
    ...figures.map(({ what, goal, ratios, values }) => {
      const spread = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
      return `| ${what} | ${goal} | **${median(ratios).toFixed(2)}** (${spread}) | ${values} |`;
    }),
  ];
}

function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
  return `${git('rev-parse', '--short=12', 'HEAD')}${isChanged ? ', with changes' : ''}`;
}
