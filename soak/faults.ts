/**
 * Claim: whatever is done to agents, aggregator, network and disks, nothing is lost without a word. Real processes in
 * namespaces, beside an oracle that opens and closes real connections and keeps its own ledger. One connection that is missing
 * in the answers and in every gap, one that nobody opened, or one wrong process fails the run.
 *
 *     npm run faults -- [--only NAME]... [--rounds N] [--seed 1] [--write]
 *
 * Each fault has a fleet of its own. `--rounds` takes that many of each instead of what stands in the table of the docs, which
 * `--write` makes anew: docs/faults.md. Where eBPF is not to be had, short connections cannot be seen, and it says so.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { printMachine } from '../bench/support/report.ts';
import { whyNoEbpf } from '../test/agent/bpf/live-kernel.ts';
import { allFaults } from '../test/support/fault-run/all-faults.ts';
import type { Fault } from '../test/support/fault-run/fault.ts';
import { faultTable, isKept } from '../test/support/fault-run/fault-table.ts';
import { faultsPage } from '../test/support/fault-run/faults-page.ts';
import { type FaultFigures, runFault } from '../test/support/fault-run/run-fault.ts';
import { canMakeNamespaces } from '../test/support/fleet/namespace.ts';

/** Connections per second of the whole fleet, from those that no scan sees to those that outlive many rounds. */
const load = { perSecond: 20, livesMs: [50, 200, 1_000, 3_000, 10_000, 40_000, 120_000] } as const;

const hosts = 3;
/** Of rounds; of kills half a thousand are made, and the fleet comes back in a second or two. */
const recoveryEvery = 8;
const checkEvery = 100;
/** Lines about what is wrong. */
const mistakesPrintedMax = 20;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});

function refuse(why: string): never {
  console.error(`faults: ${why}`);
  process.exit(2);
}

function chosenFaults(): readonly Fault[] {
  const known = allFaults();
  const unknown = values.only.filter((name) => !known.some((fault) => fault.name === name));
  if (unknown.length > 0) {
    refuse(`no fault ${unknown.join(', ')}: there are ${known.map(({ name }) => name).join(', ')}`);
  }
  return values.only.length === 0 ? known : known.filter(({ name }) => values.only.includes(name));
}

async function runOne(fault: Fault): Promise<FaultFigures> {
  const times = values.rounds === undefined ? fault.times : Number(values.rounds);
  console.error(`${fault.name}: ${fault.what}, ${times} times`);
  const figures = await runFault(fault, {
    times,
    seed: Number(values.seed),
    hosts,
    load,
    needs: fault.needs,
    // Few rounds are all measured.
    recoveryEvery: times < 100 ? 1 : recoveryEvery,
    checkEvery,
    log: (line) => console.error(line),
  });
  const { mistakes } = figures.verdict;
  for (const line of mistakes.slice(0, mistakesPrintedMax)) console.error(`${fault.name}: ${line}`);
  console.error(`${fault.name}: ${mistakes.length} mistakes, ${figures.seconds.toFixed(0)} s`);
  return figures;
}

const obstacle = canMakeNamespaces ? await whyNoEbpf() : 'namespaces are for root alone';
if (obstacle !== null) refuse(`faults cannot be run here: ${obstacle}`);
const faults = chosenFaults();
printMachine({});
const figures: FaultFigures[] = [];
for (const fault of faults) figures.push(await runOne(fault));
console.log(faultTable(figures).join('\n'));
if (values.write) writeFileSync('docs/faults.md', faultsPage(figures, process.argv.slice(2)));
process.exitCode = figures.every(isKept) ? 0 : 1;
