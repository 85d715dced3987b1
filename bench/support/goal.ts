/** What a figure is to reach, as the table has it: a comparison and a number, or nothing. */

const comparisons = {
  '<=': (value: number, bound: number) => value <= bound,
  '<': (value: number, bound: number) => value < bound,
  '>=': (value: number, bound: number) => value >= bound,
} as const;

/** A goal in words, such as `>= 20`; empty where a figure has none. */
export type Goal = `${keyof typeof comparisons} ${number}` | '';

/** How a figure stands to its goal. What was not measured has not met it. */
export type Verdict = 'met' | 'missed' | '';

/** @param value null = not measured */
export function verdictOf(goal: Goal, value: number | null): Verdict {
  if (goal === '') return '';
  const [comparison, bound] = goal.split(' ') as [keyof typeof comparisons, string];
  return value !== null && comparisons[comparison](value, Number(bound)) ? 'met' : 'missed';
}
