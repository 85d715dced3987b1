/** docs/benchmarks-engine.md: what `npm run bench engine -- --write` measured, and on what. */
import { commit, tableRow } from './benchmark-page.ts';
import { type Goal, verdictOf } from './goal.ts';
import { machineLines, median } from './report.ts';

/** One line of the table: the median of the rounds, and the least and greatest among them. */
export interface EngineFigure {
  readonly what: string;
  readonly goal: Goal;
  /** Of each round; none where it was not measured. */
  readonly ratios: readonly number[];
  /** What the ratio is made of, or why there is none. */
  readonly values: string;
}

/** The figures of one part of the bench. */
export interface EnginePart {
  readonly name: string;
  readonly figures: readonly EngineFigure[];
}

export interface EngineMeasured {
  readonly halves: number;
  readonly rounds: number;
  readonly parts: readonly EnginePart[];
}

/** @param versions as printMachine */
export function enginePage(
  measured: EngineMeasured,
  versions: Readonly<Record<string, readonly string[]>>,
): string {
  return [
    '# Benchmarks of the engine',
    '',
    'Written by `npm run bench engine -- --write`; every figure is of that one run. A row alone: `npm run bench engine -- --part PART`.',
    '',
    `- commit ${commit()}`,
    ...machineLines(versions).map((line) => `- ${line}`),
    `- ${measured.halves.toLocaleString('en')} halves of ${(measured.halves / 2).toLocaleString('en')} connections of 4,000 hosts; ${measured.rounds} rounds, medians`,
    '',
    'Times are of CPU, each peer in a process of its own, in turns. See `bench/engine.ts` for what each does and leaves out.',
    '',
    ...engineTable(measured.parts),
    '',
  ].join('\n');
}

export function engineTable(parts: readonly EnginePart[]): string[] {
  return [
    tableRow(['what', 'goal', 'measured', '', '', 'part']),
    tableRow(['---', '---', '---', '---', '---', '---']),
    ...parts.flatMap(({ name, figures }) => figures.map((figure) => engineRow(figure, name))),
  ];
}

function engineRow({ what, goal, ratios, values }: EngineFigure, part: string): string {
  const value = ratios.length === 0 ? null : median(ratios);
  const spread = `(${formatRatio(Math.min(...ratios))}-${formatRatio(Math.max(...ratios))})`;
  const measured = value === null ? 'not measured' : `**${formatRatio(value)}** ${spread}`;
  return tableRow([what, goal, measured, verdictOf(goal, value), values, `\`${part}\``]);
}

/** Three digits or more. */
function formatRatio(ratio: number): string {
  return ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3);
}
