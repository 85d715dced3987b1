/** Pids that are used again at once: no way of reading sockets takes a process for the one that had its pid before. */
import { describe, expect, it } from 'vitest';
import { weatherStorm } from '../../support/faults/pid-storm.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { workingRungs } from '../collect/machine.ts';

/** The soak of the same name goes on for an hour. */
const stormMs = 5000;

/** Of each rung, which a busy machine takes longer to see. */
const ownersMin = 60;

describe.runIf(canMakeNamespaces)('in a storm of pids', () => {
  it(`${workingRungs.join(', ')} tell no wrong owner`, async () => {
    const { processes, pids, rungs } = await weatherStorm(workingRungs, stormMs, ownersMin);
    expect(rungs.map(({ collector, wrong }) => [collector, wrong])).toEqual(
      workingRungs.map((rung) => [rung, []]),
    );
    // Each rung saw many, and each pid was that of many.
    for (const { judged } of rungs) expect(judged).toBeGreaterThan(ownersMin / 3);
    expect(processes).toBeGreaterThan(2 * pids);
  }, 120_000);
});
