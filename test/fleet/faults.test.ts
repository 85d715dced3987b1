/** A short form of `npm run faults`: some faults a few times each, on a small fleet of real processes beside its oracle. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoEbpf } from '../agent/bpf/live-kernel.ts';
import { allFaults } from '../support/fault-run/all-faults.ts';
import { FaultRig } from '../support/fault-run/rig.ts';
import { runFaultOn, warmUp } from '../support/fault-run/run-fault.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';

const obstacle = await whyNoEbpf();

/** In a whole run some are longer than a lease. */
const lastsMsMax = 1_500;

describe.skipIf(obstacle !== null || !canMakeNamespaces)('faults on real processes', () => {
  let rig: FaultRig;

  beforeAll(async () => {
    const load = { perSecond: 30, livesMs: [50, 500, 2_000, 20_000] };
    rig = await FaultRig.open({ hosts: 2, seed: 1, load, needs: { proxy: true } });
    await warmUp(rig);
  });
  afterAll(() => rig.close());

  test.each([
    ['kill-aggregator', 2],
    ['kill-agents', 3],
    ['partition', 1],
    ['truncate', 1],
  ])('%s, %i times', async (name, times) => {
    const before = rig.ledger.size;
    const fault = allFaults().find((each) => each.name === name)!;
    const short = {
      ...fault,
      lastsMs: () => lastsMsMax,
      restsMs: () => 0,
    };
    const plan = { times, seed: 1, recoveryEvery: 1, checkEvery: 100, log: () => {} };
    const figures = await runFaultOn(rig, short, plan);
    expect(figures.verdict.mistakes).toEqual([]);
    expect(figures.neverRecovered).toBe(0);
    expect(figures.times).toBeGreaterThanOrEqual(times);
    expect(figures.verdict.judged).toBeGreaterThan(before);
  });
});
