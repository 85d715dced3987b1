/** Random fleets whose truth is known, over the real wire: the answer is the truth wherever what was told determines it. */
import { describe, expect, test } from 'vitest';
import { fc } from '../../support/random-cases.ts';
import { fleetPlan } from '../../support/truth/fleet-plan.ts';
import { situationNames } from '../../support/truth/situations.ts';
import { Tally } from '../../support/truth/tally.ts';

const fleets = Number(process.env['RUNS'] ?? 1_000);
/** The same fleets in every run, since what is asserted of their numbers is; `npm run soak fleets` takes others. */
const seed = Number(process.env['SEED'] ?? 1);
/** Of 1,000 fleets, at least so many show each situation. */
const leastOfEach = 2;

/** Seed and number of fleets that showed a fault. */
const onceWrong: readonly (readonly [seed: number, fleet: number])[] = [
  [33, 845],
  [1121, 37],
  [1222, 34],
];

describe('the answer', () => {
  test('is the truth, and every kind of situation was there', { timeout: 600_000 }, () => {
    const tally = new Tally();
    fc.assert(
      fc.property(fleetPlan, (plan) => {
        expect(tally.watch(plan)).toEqual([]);
      }),
      { seed, numRuns: fleets, endOnFailure: process.env['SHRINK'] === '0' },
    );
    if (fleets < 1_000) return;
    const rare = situationNames.filter((name) => (tally.situations.get(name) ?? 0) < leastOfEach);
    expect(rare).toEqual([]);
    // Nobody is left out: most conversations have two ends, and most of those are determined.
    expect(tally.right).toBeGreaterThan(tally.conversations * 0.35);
    // What clocks cannot tell apart is hardly ever joined wrong.
    expect(tally.undetermined.joinedWrong).toBeLessThan(tally.right * 0.004);
  });

  test.each(onceWrong)('is the truth of fleet %i.%i, where it was not once', (seedThen, n) => {
    const plan = fc.sample(fleetPlan, { seed: seedThen, numRuns: n + 1 })[n]!;
    expect(new Tally().watch(plan)).toEqual([]);
  });
});
