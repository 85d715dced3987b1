/** The pace of scans under a limit of CPU, in simulated time. */
import { describe, expect, test } from 'vitest';
import { beginPace, type Pace, type PaceLimits, paceAfterScan, paceIntervalMs } from '../../agent/pace.ts';
import { fc } from '../support/random-cases.ts';

interface Load {
  /** CPU of the scan that begins at this time. */
  readonly scanMs: (nowMs: number) => number;
  /** Part of a core that is used beside scans. */
  readonly besides?: number;
  /** CPU used before the first scan ends. */
  readonly startMs?: number;
}

const limits: PaceLimits = { intervalMs: 1000, cpuShareMax: 0.02 };

class Simulation {
  readonly #limits: PaceLimits;
  readonly #load: Load;
  nowMs = 0;
  cpuMs: number;
  pace: Pace;
  /** Every interval that was in force, once per change. */
  readonly intervals: number[] = [];

  constructor(load: Load, of: PaceLimits = limits) {
    this.#limits = of;
    this.#load = load;
    this.cpuMs = (load.startMs ?? 0) + load.scanMs(0);
    this.pace = beginPace(of, 0);
    this.intervals.push(this.intervalMs);
  }

  get intervalMs(): number {
    return paceIntervalMs(this.pace, this.#limits);
  }

  /** @returns part of a core that was used meanwhile */
  runUntil(endMs: number): number {
    const { nowMs: beganMs, cpuMs: before } = this;
    while (this.nowMs < endMs) {
      const { intervalMs } = this;
      this.nowMs += intervalMs;
      this.cpuMs += this.#load.scanMs(this.nowMs) + (this.#load.besides ?? 0) * intervalMs;
      this.pace = paceAfterScan(this.pace, { nowMs: this.nowMs, cpuMs: this.cpuMs }, this.#limits);
      if (this.intervalMs !== intervalMs) this.intervals.push(this.intervalMs);
    }
    return (this.cpuMs - before) / (this.nowMs - beganMs);
  }
}

const minute = 60_000;

describe('the interval stays as it was asked for', () => {
  test('where scans are cheap enough', () => {
    const host = new Simulation({ scanMs: () => 15, besides: 0.003 });
    expect(host.runUntil(10 * minute)).toBeCloseTo(0.018, 3);
    expect(host.intervals).toEqual([1000]);
  });

  test('without a limit, whatever scans cost', () => {
    const host = new Simulation({ scanMs: () => 900 }, { intervalMs: 1000, cpuShareMax: 0 });
    host.runUntil(10 * minute);
    expect(host.intervals).toEqual([1000]);
  });

  test('through an expensive start: loading, a first scan of everything, code that is not compiled yet', () => {
    const scanMs = (nowMs: number): number => (nowMs < 3000 ? 200 : nowMs < 15_000 ? 30 : 10);
    const host = new Simulation({ scanMs, startMs: 1500 });
    host.runUntil(5 * minute);
    expect(host.intervals).toEqual([1000]);
  });

  test('through a single expensive moment', () => {
    // A new snapshot of 100,000 sockets, for an aggregator that was restarted.
    const host = new Simulation({ scanMs: (nowMs) => (nowMs === 120_000 ? 250 : 12) });
    host.runUntil(5 * minute);
    expect(host.intervals).toEqual([1000]);
  });

  test('where it is longer than the longest of stretched ones', () => {
    const host = new Simulation({ scanMs: () => 60_000 }, { intervalMs: 60_000, cpuShareMax: 0.02 });
    host.runUntil(20 * minute);
    expect(host.intervals).toEqual([60_000]);
  });
});

describe('the interval is stretched', () => {
  test('to where the agent uses what it may', () => {
    const host = new Simulation({ scanMs: () => 80 });
    host.runUntil(3 * minute);
    expect(host.runUntil(10 * minute)).toBeLessThanOrEqual(0.0221);
    // 80 ms at 2 % of a core are 4 s.
    expect(host.intervalMs).toBeGreaterThanOrEqual(3700);
    expect(host.intervalMs).toBeLessThanOrEqual(4400);
    expect(host.intervals.length).toBeLessThan(10);
  });

  test('also for what is used beside scans', () => {
    const host = new Simulation({ scanMs: () => 30, besides: 0.01 });
    host.runUntil(5 * minute);
    // 30 ms per scan in the half of the share that is left are 3 s.
    expect(host.runUntil(15 * minute)).toBeLessThanOrEqual(0.0221);
    expect(host.intervalMs).toBeLessThanOrEqual(3600);
  });

  test('never beyond the longest, even where that is not enough', () => {
    const host = new Simulation({ scanMs: () => 5, besides: 0.05 });
    host.runUntil(30 * minute);
    expect(host.intervalMs).toBe(30_000);
    expect(host.pace).toMatchObject({ kind: 'measuring' });
    expect((host.pace as Extract<Pace, { kind: 'measuring' }>).share).toBeCloseTo(0.0502, 3);
  });

  test('by a heavy host within its first two minutes', () => {
    const host = new Simulation({ scanMs: () => 300 });
    host.runUntil(2 * minute);
    expect(host.runUntil(4 * minute)).toBeLessThan(0.025);
    expect(host.intervalMs).toBeGreaterThanOrEqual(13_000);
  });
});

test('the interval comes back when the load falls', () => {
  const host = new Simulation({ scanMs: (nowMs) => (nowMs < 5 * minute ? 400 : 10) });
  host.runUntil(4.5 * minute);
  expect(host.intervalMs).toBeGreaterThan(15_000);
  host.runUntil(8 * minute);
  expect(host.intervalMs).toBe(1000);
});

test('whatever the load, the interval is between what was asked for and the longest, and the average is kept', () => {
  const load = fc.record({
    scans: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 7 }),
    besides: fc.double({ min: 0, max: 0.005, noNaN: true }),
  });
  fc.assert(
    fc.property(load, ({ scans, besides }) => {
      const host = new Simulation({
        scanMs: (nowMs) => scans[Math.floor(nowMs / 1000) % scans.length]!,
        besides,
      });
      host.runUntil(6 * minute);
      const share = host.runUntil(60 * minute);
      for (const intervalMs of host.intervals) {
        expect(intervalMs).toBeGreaterThanOrEqual(1000);
        expect(intervalMs).toBeLessThanOrEqual(30_000);
      }
      expect(share).toBeLessThan(0.0225);
    }),
    {
      numRuns: 200,
      // Loads that come back in step with the stretched interval, so that scans meet only the expensive moments.
      examples: [[{ scans: [473, 1, 1], besides: 0 }], [{ scans: [1, 500, 1, 1], besides: 0.00005 }]],
    },
  );
});
