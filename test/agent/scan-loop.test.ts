/** The pace of scans, on fake timers. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Collector, Scan } from '../../agent/collector.ts';
import { type ScanOutcome, scanLoop } from '../../agent/scan-loop.ts';

const emptyScan: Scan = {
  startedAtMs: 0,
  finishedAtMs: 0,
  sockets: [],
  netns: [],
  scannedNetns: new Set(),
  malformed: [],
  malformedTotal: 0,
  cannotSee: [],
};

describe('scanLoop', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Runs the loop over scans of the given durations (negative = it fails) and notes when each began. */
  async function run(durationsMs: readonly number[], intervalMs: () => number) {
    const starts: number[] = [];
    const outcomes: ScanOutcome[] = [];
    const end = new AbortController();
    let running = 0;
    const collector: Collector = {
      name: 'test',
      close: () => undefined,
      scan: async () => {
        expect(++running).toBe(1);
        const durationMs = durationsMs[starts.length] ?? 0;
        starts.push(Date.now());
        await new Promise((resolve) => setTimeout(resolve, Math.abs(durationMs)));
        running--;
        if (starts.length === durationsMs.length) end.abort();
        if (durationMs < 0) throw new Error('no /proc');
        return emptyScan;
      },
    };
    const clock = { nowMs: () => Date.now(), monotonicMs: () => Date.now() };
    const loop = (async () => {
      for await (const outcome of scanLoop({ collector, intervalMs, clock, signal: end.signal })) {
        outcomes.push(outcome);
      }
    })();
    await vi.advanceTimersByTimeAsync(60_000);
    await loop;
    return { starts, outcomes };
  }

  test('starts scans an interval apart, whatever they take', async () => {
    const { starts, outcomes } = await run([100, 300, 0, 0], () => 1000);
    expect(starts).toEqual([0, 1000, 2000, 3000]);
    expect(outcomes.map((outcome) => outcome.kind === 'scanned' && outcome.overran)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  test('a scan longer than the interval delays the next, with a breath between them', async () => {
    const { starts, outcomes } = await run([2500, 0, 0], () => 1000);
    expect(starts).toEqual([0, 2520, 3520]);
    expect(outcomes[0]).toMatchObject({ kind: 'scanned', tookMs: 2500, overran: true });
  });

  test('a scan that fails is told, and the loop goes on', async () => {
    const { starts, outcomes } = await run([-100, 0], () => 1000);
    expect(starts).toEqual([0, 1000]);
    expect(outcomes[0]).toMatchObject({ kind: 'failed', startedAtMs: 0, error: { message: 'no /proc' } });
  });

  test('takes up a new interval with the next wait', async () => {
    let intervalMs = 1000;
    setTimeout(() => {
      intervalMs = 5000;
    }, 1500);
    const { starts } = await run([0, 0, 0, 0], () => intervalMs);
    expect(starts).toEqual([0, 1000, 2000, 7000]);
  });
});
