/** What an agent keeps from run to run, told to an aggregator: each socket once, or in a declared gap. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KeptRuns, scanMs } from './kept-runs.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an aggregator that is away', () => {
  test('is told what opened and closed meanwhile, from the disk', async () => {
    const runs = new KeptRuns();
    await runs.start();
    await runs.settle();
    runs.link.break();
    for (let n = 0; n < 500; n++) runs.close(runs.open());
    await runs.wait(5_000);
    expect(runs.hasSpool).toBe(true);
    expect(runs.run.agent.slots.closedCount).toBe(0);
    await runs.settle();
    expect(runs.wrong).toEqual([]);
    expect(runs.told.size).toBe(500);
    expect(runs.link.aggregator.ledger.past.size).toBe(500);
    expect(runs.link.aggregator.host.gaps).toEqual([]);
  });

  test('is told by another run of the agent what the first one kept', async () => {
    const runs = new KeptRuns();
    await runs.start();
    for (let n = 0; n < 300; n++) runs.close(runs.open());
    await runs.wait(5_000);
    runs.kill();
    await runs.start();
    await runs.settle();
    expect(runs.wrong).toEqual([]);
    expect(runs.told.size).toBe(300);
    const { gaps } = runs.link.aggregator.host;
    expect(gaps).toMatchObject([{ reason: 'the agent was not running', lostEvents: 0 }]);
    expect(gaps[0]!.toMs - gaps[0]!.fromMs).toBeLessThanOrEqual(2 * scanMs);
  });

  test('hears of what a run had closed before the stop that it could not hear of', async () => {
    const runs = new KeptRuns();
    await runs.start();
    await runs.wait(1_000);
    for (let n = 0; n < 10; n++) runs.close(runs.open());
    await runs.stop();
    await runs.start();
    await runs.settle();
    expect(runs.told.size).toBe(10);
    expect(runs.wrong).toEqual([]);
  });
});

test('what a kill takes along lies in the gap', async () => {
  const runs = new KeptRuns();
  await runs.start();
  await runs.settle();
  runs.link.break();
  await runs.wait(2_000);
  runs.close(runs.open());
  await runs.wait(1_000);
  runs.kill();
  await runs.wait(60_000);
  await runs.start();
  await runs.settle();
  expect(runs.told.size).toBe(0);
  expect(runs.wrong).toEqual([]);
});
