/**
 * Whatever becomes of the link and of the agent: each socket that is over is told once or lies in a declared gap, and what is
 * open is what the aggregator has open.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fc } from '../../support/random-cases.ts';
import { KeptRuns, scanMs } from './kept-runs.ts';

type Step =
  | { readonly do: 'open' | 'open-and-close'; readonly count: number }
  | { readonly do: 'close'; readonly pick: number }
  | { readonly do: 'to-server' | 'to-agent'; readonly count: number }
  | { readonly do: 'break' | 'kill' | 'stop' | 'full' | 'mended' }
  | { readonly do: 'wait'; readonly scans: number };

const openSome = fc.record({
  do: fc.constantFrom('open' as const, 'open-and-close' as const),
  count: fc.integer({ min: 1, max: 30 }),
});
const closeOne = fc.record({ do: fc.constant('close' as const), pick: fc.nat(1000) });
const move = fc.record({
  do: fc.constantFrom('to-server' as const, 'to-server' as const, 'to-agent' as const),
  count: fc.integer({ min: 1, max: 9 }),
});
const wait = fc.record({ do: fc.constant('wait' as const), scans: fc.integer({ min: 1, max: 20 }) });
const fault = fc.record({
  do: fc.constantFrom(
    'break' as const,
    'break' as const,
    'break' as const,
    'kill' as const,
    'stop' as const,
    'full' as const,
    'mended' as const,
  ),
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: openSome },
  { weight: 4, arbitrary: closeOne },
  { weight: 4, arbitrary: move },
  { weight: 4, arbitrary: wait },
  { weight: 2, arbitrary: fault },
);
const scripts = fc.array(steps, { minLength: 10, maxLength: 50, size: 'max' });

async function take(runs: KeptRuns, step: Step): Promise<void> {
  switch (step.do) {
    case 'open':
      for (let n = 0; n < step.count; n++) runs.open();
      return;
    case 'open-and-close':
      for (let n = 0; n < step.count; n++) runs.close(runs.open());
      return;
    case 'close': {
      const n = runs.live[step.pick % Math.max(1, runs.live.length)];
      if (n !== undefined) runs.close(n);
      return;
    }
    case 'to-server':
      return runs.link.deliverToServer(step.count);
    case 'to-agent':
      return runs.link.deliverToAgent(step.count);
    case 'break':
      return runs.link.break();
    case 'wait':
      return runs.wait(step.scans * scanMs);
    case 'full':
      runs.disk.failing = 'ENOSPC';
      return;
    case 'mended':
      runs.disk.failing = null;
      return;
    case 'kill':
    case 'stop':
      if (step.do === 'kill') runs.kill();
      else await runs.stop();
      runs.disk.failing = null;
      return runs.start();
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

async function play(script: readonly Step[], runs: KeptRuns): Promise<void> {
  await runs.start();
  for (const step of script) await take(runs, step);
  runs.disk.failing = null;
  await runs.settle();
  expect(runs.wrong).toEqual([]);
  expect(runs.copied).toEqual(runs.liveInodes);
  runs.kill();
}

test('each socket is told once, or lies in a gap', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, (script) => play(script, new KeptRuns())),
    { numRuns: 25 },
  );
});

test('so it is with a spool that is too small, and a table that is', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, (script) =>
      play(script, new KeptRuns({ maxBytes: 20_000, closedUnackedMax: 50 })),
    ),
    { numRuns: 25 },
  );
});
