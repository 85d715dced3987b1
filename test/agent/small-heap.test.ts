/** What V8 does with code that is run often, before and after a first scan. */
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { expect, it } from 'vitest';
import { optimizeAfterMs, tuneV8 } from '../../agent/small-heap.ts';
import { until } from '../support/until.ts';

/** OptimizationStatus::kOptimized of V8's src/runtime/runtime.h. */
const optimizedBit = 16;

type Work = (value: number) => number;

/** A function that nobody has run yet. @param factor another one makes another function */
function newWork(factor: number): Work {
  return runInThisContext(`(value) => (value * ${factor} + 1) & 0xffff`) as Work;
}

/** Whether it is optimized by now, having been run often once more. */
function getsOptimized(work: Work): boolean {
  let value = 1;
  for (let i = 0; i < 200_000; i++) value = work(value);
  setFlagsFromString('--allow-natives-syntax');
  const status = runInThisContext('(work) => %GetOptimizationStatus(work)') as (work: Work) => number;
  const isOptimized = value >= 0 && (status(work) & optimizedBit) !== 0;
  setFlagsFromString('--no-allow-natives-syntax');
  return isOptimized;
}

it('optimizes nothing during a first scan that is short, and everything from then on', async () => {
  const during = newWork(3);
  tuneV8('firstScan');
  const sinceMs = performance.now();
  const isOptimized = getsOptimized(during);
  expect(isOptimized && performance.now() - sinceMs < optimizeAfterMs).toBe(false);
  tuneV8('laterScans');
  await until('it is optimized', () => getsOptimized(during));
});

it('optimizes after a while though the first scan is not over', async () => {
  const work = newWork(5);
  tuneV8('firstScan');
  await until('it is optimized', () => getsOptimized(work));
  tuneV8('laterScans');
});
