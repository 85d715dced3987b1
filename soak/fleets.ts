/**
 * Claim: whatever fleets do, the answer is the truth wherever what the agents told determines it. Random fleets whose
 * truth is known are watched over the real wire in simulated time. One conversation that is joined wrong, missed, doubled
 * or turned fails the soak, and is printed with the seed that shows it again.
 *
 *     npm run soak fleets -- --fleets 100000 [--seed 1]
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { printMachine } from '../bench/support/report.ts';
import { fleetPlan } from '../test/support/truth/fleet-plan.ts';
import { Tally } from '../test/support/truth/tally.ts';

/** Fleets that are drawn from one seed. */
const batch = 1_000;

const { values } = parseArgs({
  options: { fleets: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});

printMachine({ node: ['node', '--version'] });
const tally = new Tally();
const fleets = Number(values.fleets);
for (let seed = Number(values.seed); tally.fleets < fleets; seed++) {
  const numRuns = Math.min(batch, fleets - tally.fleets);
  for (const [n, plan] of fc.sample(fleetPlan, { seed, numRuns }).entries()) {
    for (const line of tally.watch(plan)) console.log(`seed ${seed}, fleet ${n}: ${line}`);
  }
  console.error(`${tally.fleets} of ${fleets} fleets, ${tally.faults} faults`);
}
console.log(tally.text);
process.exitCode = tally.faults > 0 ? 1 : 0;
