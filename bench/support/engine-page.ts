/**
 * docs/benchmarks-engine.md: what `npm run bench engine -- --write` measured, and on what. A section for each part, which stays
 * as it is until that part is measured again.
 */
import { tableRow } from './benchmark-page.ts';
import { type Goal, verdictOf } from './goal.ts';
import { median } from './report.ts';

/** One line of a table: the median of the rounds, and the least and greatest among them. */
export interface EngineFigure {
  readonly what: string;
  readonly goal: Goal;
  /** Of each round; none where it was not measured. */
  readonly ratios: readonly number[];
  /** What the ratio is made of, or why there is none. */
  readonly values: string;
}

/** A part that was measured. */
export interface PartRun {
  readonly name: string;
  readonly figures: readonly EngineFigure[];
  /** Such as `10,000,000 halves, 3 rounds`. */
  readonly sizes: string;
  readonly minutes: number;
}

const sectionMark = '\n## ';

/** As pageWithPart, for the engine. @param machine as machineLines, of this run */
export function enginePage(
  before: string,
  run: PartRun,
  names: readonly string[],
  commit: string,
  machine: readonly string[],
): string {
  return pageWithPart(before, run, names, commit, headOf(machine));
}

/**
 * The page with another section for one part.
 * @param before the page as it is; empty where there is none
 * @param names of all parts: sections stand in their order, and those of none are left out
 * @param head of the page
 */
export function pageWithPart(
  before: string,
  run: PartRun,
  names: readonly string[],
  commit: string,
  head: readonly string[],
): string {
  const sections = new Map(
    before
      .split(sectionMark)
      .slice(1)
      .map((text) => [text.slice(0, text.indexOf('\n')), text.trimEnd()]),
  );
  sections.set(run.name, sectionOf(run, commit));
  const kept = names.map((name) => sections.get(name)).filter((section) => section !== undefined);
  return [head.join('\n'), ...kept].join(`\n${sectionMark}`).concat('\n');
}

function headOf(machine: readonly string[]): readonly string[] {
  return [
    '# Benchmarks of the engine',
    '',
    'Written by `npm run bench engine -- --write`, or with `--part PART` for a part alone: each section is of the commit that it',
    'names. The machine is that of the part that was written last:',
    '',
    ...machine.map((line) => `- ${line}`),
    '',
    'Times are of CPU, each peer in a process of its own, in turns; medians of the rounds, and the least and greatest in brackets.',
    'See `bench/engine.ts` for what each does and leaves out.',
  ];
}

function sectionOf({ name, figures, sizes, minutes }: PartRun, commit: string): string {
  const measured = [`commit ${commit}`, ...(sizes === '' ? [] : [sizes]), `${minutes.toFixed(1)} minutes`];
  return [name, '', `${measured.join('; ')}.`, '', ...engineTable(figures)].join('\n');
}

export function engineTable(figures: readonly EngineFigure[]): string[] {
  return [
    tableRow(['what', 'goal', 'measured', '', '']),
    tableRow(['---', '---', '---', '---', '---']),
    ...figures.map(engineRow),
  ];
}

function engineRow({ what, goal, ratios, values }: EngineFigure): string {
  const value = ratios.length === 0 ? null : median(ratios);
  const spread = `(${formatRatio(Math.min(...ratios))}-${formatRatio(Math.max(...ratios))})`;
  const measured = value === null ? 'not measured' : `**${formatRatio(value)}** ${spread}`;
  return tableRow([what, goal, measured, verdictOf(goal, value), values]);
}

/** Three digits or more. */
function formatRatio(ratio: number): string {
  return ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3);
}
