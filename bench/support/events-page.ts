/** docs/benchmarks-events.md: what `npm run bench events -- --write` measured, and on what. */
import { commit, tableRow } from './benchmark-page.ts';
import { machineLines } from './report.ts';

export function eventsPage(sections: readonly string[]): string {
  return [
    '# Benchmarks of events',
    '',
    'Written by `npm run bench events -- --write`; every figure is of that one run.',
    '',
    `- commit ${commit()}`,
    ...machineLines({}).map((line) => `- ${line}`),
    '',
    ...sections,
  ].join('\n');
}

/** Lines of a table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [tableRow(head), tableRow(head.map(() => '---')), ...rows.map(tableRow)];
}
