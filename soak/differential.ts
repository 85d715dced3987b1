/**
 * Claim: every rung shows the same sockets with the same owners, and ss agrees. All rungs side by side on namespaces that
 * churn; a difference that nothing explains fails the soak, and its rows are printed.
 *
 *     npm run soak differential -- --snapshots 10000 [--rungs sockdiag,procfs] [--seed 1] [--namespaces 2] [--ss-every 1]
 */
import { parseArgs } from 'node:util';
import { printMachine } from '../bench/support/report.ts';
import { chooseRungs } from '../test/support/choose-rungs.ts';
import { runSideBySide, type SideBySideReport } from '../test/support/differential/side-by-side.ts';

/** From one line about the progress to the next. */
const progressEveryMs = 30_000;

const { values } = parseArgs({
  options: {
    snapshots: { type: 'string', default: '10000' },
    rungs: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    namespaces: { type: 'string', default: '2' },
    'ss-every': { type: 'string', default: '1' },
  },
});

/** Tells of what is not explained at once, and of the progress now and then. */
function tellProgress(startedMs: number): (report: SideBySideReport) => boolean {
  let nextMs = progressEveryMs;
  let told = 0;
  return ({ snapshots, compared, unexplained }) => {
    for (; told < unexplained.length; told++) console.error(`unexplained: ${unexplained[told]}`);
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < nextMs) return false;
    nextMs += progressEveryMs;
    const seconds = Math.round(elapsedMs / 1000);
    console.error(
      `${seconds} s: ${snapshots} snapshots, ${compared} sockets compared, ${unexplained.length} unexplained`,
    );
    return false;
  };
}

function printReport({ snapshots, compared, explained, unexplained }: SideBySideReport): void {
  console.log(`snapshots: ${snapshots}, of each rung and of ss; ${compared} sockets compared`);
  for (const [pair, kinds] of explained) {
    console.log(`explained: ${pair}: ${[...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')}`);
  }
  console.log(`unexplained: ${unexplained.length}`);
  for (const line of unexplained) console.log(`  ${line}`);
}

const rungs = await chooseRungs(values.rungs);
const firstSeed = Number(values.seed);
const seeds = Array.from({ length: Number(values.namespaces) }, (_, i) => firstSeed + i);
printMachine({ ss: ['ss', '-V'] });
console.log(
  `side by side: ${rungs.join(', ')} and ss; ${seeds.length} namespaces, seeds ${seeds.join(', ')}`,
);
const report = await runSideBySide({
  rungs,
  seeds,
  snapshots: Number(values.snapshots),
  ssEvery: Number(values['ss-every']),
  isEnough: tellProgress(performance.now()),
});
printReport(report);
process.exitCode = report.unexplained.length === 0 ? 0 : 1;
