/**
 * Claim: however fast pids are used again, no rung tells a wrong owner. Processes take over each other's pids by the
 * hundreds per second, all rungs scan without a pause, and every owner that is told is compared with what the processes
 * wrote down. One wrong owner fails the soak, and is printed.
 *
 *     npm run soak pid-storm -- --minutes 60 [--rungs sockdiag,procfs]
 */
import { parseArgs } from 'node:util';
import { printMachine } from '../bench/support/report.ts';
import { chooseRungs } from '../test/support/choose-rungs.ts';
import { type StormReport, weatherStorm } from '../test/support/faults/pid-storm.ts';

/** Each round has new namespaces and collectors, and its log fits in memory. */
const roundMs = 20_000;

/** How many of the wrong ones are printed. */
const wrongPrintedMax = 20;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, rungs: { type: 'string', default: '' } },
});

interface Total {
  scans: number;
  judged: number;
  wrong: number;
}

const totals = new Map<string, Total>();

function add({ rungs }: StormReport): void {
  for (const { collector, scans, judged, wrong } of rungs) {
    const total = totals.get(collector) ?? { scans: 0, judged: 0, wrong: 0 };
    totals.set(collector, total);
    total.scans += scans;
    total.judged += judged;
    total.wrong += wrong.length;
    for (const text of wrong.slice(0, wrongPrintedMax)) console.log(`${collector}: wrong: ${text}`);
  }
}

printMachine({ perl: ['perl', '-e', 'print $^V'] });
const rungs = await chooseRungs(values.rungs);
const endMs = performance.now() + Number(values.minutes) * 60_000;
let processes = 0;
while (performance.now() < endMs) {
  const report = await weatherStorm(rungs, Math.min(roundMs, endMs - performance.now()));
  processes += report.processes;
  add(report);
  const leftS = Math.max(0, Math.round((endMs - performance.now()) / 1000));
  console.error(`${processes} processes so far, ${leftS} s left`);
}
console.log(`processes: ${processes}, some hundreds of pids`);
for (const [collector, { scans, judged, wrong }] of totals) {
  console.log(`${collector}: ${scans} scans, ${judged} owners told, ${wrong} wrong`);
}
process.exitCode = [...totals.values()].some(({ wrong }) => wrong > 0) ? 1 : 0;
