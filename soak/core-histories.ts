/**
 * Claim: the core of typed arrays and its plain reference agree after every step of any history. The first history on which
 * they do not fails the soak; it is printed as short as it could be made, with the seed that shows it again.
 *
 *     npm run soak core-histories -- --histories 100000 [--seed 1]
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { printMachine } from '../bench/support/report.ts';
import { steps, tellBoth } from '../test/aggregator/core/core-history.ts';

/** Histories that are drawn from one seed. */
const batch = 1_000;

const { values } = parseArgs({
  options: { histories: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});

printMachine({ node: ['node', '--version'] });
const histories = Number(values.histories);
const startMs = performance.now();
for (let told = 0, seed = Number(values.seed); told < histories; seed++) {
  const numRuns = Math.min(batch, histories - told);
  const found = fc.check(fc.property(steps, tellBoth), { seed, numRuns });
  if (found.failed) {
    console.log(`seed ${seed}, history ${found.numRuns}: ${String(found.errorInstance)}`);
    console.log(JSON.stringify(found.counterexample, null, 1));
    process.exitCode = 1;
    break;
  }
  told += numRuns;
  const elapsedS = Math.round((performance.now() - startMs) / 1_000);
  console.error(`${told} of ${histories} histories agree, ${elapsedS} s`);
  if (told === histories) console.log(`${histories} histories, seeds ${values.seed} to ${seed}: all agree`);
}
