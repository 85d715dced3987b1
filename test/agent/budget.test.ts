/** The agent holds itself under its share of a core, with real CPU, and says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Budget, type BudgetOptions } from '../../agent/budget.ts';
import type { Collector, Scan } from '../../agent/collector.ts';
import { ProcessCpu, TurnCpu } from '../../agent/cpu-meter.ts';
import { scanLoop } from '../../agent/scan-loop.ts';
import { until } from '../support/until.ts';

/** Shorter than in life, so that a test is. */
const times = {
  warmUpMs: 200,
  windowMs: 300,
  averageOverMs: 500,
  intervalMaxMs: 2000,
  repayOverMs: 1000,
  debtMaxOfMs: 500,
};

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

function burnMs(ms: number): void {
  const until = readMs() + ms;
  while (readMs() < until);
}

function readMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const nothing: Scan = {
  startedAtMs: 0,
  finishedAtMs: 0,
  sockets: [],
  netns: [],
  scannedNetns: new Set(),
  malformed: [],
  malformedTotal: 0,
  cannotSee: [],
};

describe('a collector that burns CPU', () => {
  const end = new AbortController();
  afterEach(() => end.abort());

  test('is asked less often, which is told, and as before when it burns less', async () => {
    const lines: string[] = [];
    const log = {
      info: (text: string) => lines.push(text),
      warn: (_: object, text: string) => lines.push(text),
    } as unknown as BudgetOptions['log'];
    const { monotonicMs } = clock;
    // Other things that this process does are none of the agent's.
    const cpu = new TurnCpu();
    const budget = new Budget({ intervalMs: 50, cpuMaxPercent: 10, cpu, monotonicMs, log, times });
    let costMs = 20;
    let scans = 0;
    const collector: Collector = {
      name: 'heavy',
      scan: async () => {
        scans++;
        burnMs(costMs);
        return nothing;
      },
      close: () => undefined,
    };
    const { signal } = end;
    const intervalMs = (): number => budget.intervalMs;
    const loop = (async () => {
      for await (const _ of scanLoop({ collector, intervalMs, turns: [budget], clock, signal }));
    })();
    await until('it is stretched', () => budget.intervalMs >= 160 || `${budget.intervalMs} ms`);
    expect(lines[0]).toMatch(
      /^scans are made every \d+ ms rather than every 50 ms: more often would use more than the 10 % of a core that --cpu-max allows$/,
    );
    expect(budget.sentences).toEqual([
      expect.stringMatching(/^Scans are made every \d+ ms rather than every 50 ms: .* allows\.$/),
    ]);
    // 20 ms in 200 ms are 10 %.
    const [scansBefore, usedBefore, beganMs] = [scans, cpu.usedMs, clock.monotonicMs()];
    await until('some more scans are made', () => scans >= scansBefore + 8);
    expect((cpu.usedMs - usedBefore) / (clock.monotonicMs() - beganMs)).toBeLessThan(0.15);
    costMs = 0;
    await until('it is as before', () => budget.intervalMs === 50 || `${budget.intervalMs} ms`);
    expect(lines.at(-1)).toBe('scans are made every 50 ms again');
    expect(budget.sentences).toEqual([]);
    end.abort();
    await loop;
  });
});

test('a limit that is exceeded even at the longest interval is told as such', () => {
  let nowMs = 0;
  let cpuMs = 0;
  const cpu = {
    turnBegins: () => undefined,
    turnEnds: () => undefined,
    get usedMs() {
      return cpuMs;
    },
  };
  const log = { info: () => undefined, warn: () => undefined } as unknown as BudgetOptions['log'];
  const budget = new Budget({ intervalMs: 1000, cpuMaxPercent: 2, cpu, monotonicMs: () => nowMs, log });
  for (let i = 0; i < 100; i++) {
    nowMs += budget.intervalMs;
    cpuMs += budget.intervalMs * 0.05;
    budget.turnEnds();
  }
  expect(budget.sentences).toEqual([
    'Scans are made every 30 s rather than every 1 s, and still the agent uses more than the 2 % of a core that --cpu-max allows.',
  ]);
});

test('the aggregator may ask for scans further apart, and take it back', () => {
  const log = { info: () => undefined, warn: () => undefined } as unknown as BudgetOptions['log'];
  const cpu = new ProcessCpu();
  const budget = new Budget({ intervalMs: 1000, cpuMaxPercent: 2, cpu, monotonicMs: () => 0, log });
  budget.throttle(5000);
  expect(budget.intervalMs).toBe(5000);
  // That is not the agent's own doing.
  expect(budget.sentences).toEqual([]);
  budget.throttle(0);
  expect(budget.intervalMs).toBe(1000);
});

test('in a process of its own all CPU counts, in a shared one that of scans', async () => {
  const [whole, turns] = [new ProcessCpu(), new TurnCpu()];
  const before = whole.usedMs;
  burnMs(10);
  turns.turnBegins();
  burnMs(20);
  turns.turnEnds();
  await sleep(1);
  burnMs(10);
  expect(turns.usedMs).toBeGreaterThanOrEqual(20);
  expect(whole.usedMs - before).toBeGreaterThanOrEqual(40);
  expect(turns.usedMs).toBeLessThanOrEqual(whole.usedMs - before - 19);
});
