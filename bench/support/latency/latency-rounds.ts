/** How long a match takes at several rates, each with an aggregator and a fleet of their own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../child.ts';
import type { EngineFigure } from '../engine-page.ts';
import { median } from '../report.ts';
import { type Bound, latencyAggregatorRole, type Matched } from './aggregator-role.ts';
import { latencyFleetRole, type Punctuality } from './fleet-role.ts';

/** Events a second; the claim is about the last. */
const rates = [25_000, 50_000, 100_000] as const;

/** Until connections close as fast as they open and the compiler has seen everything. */
const warmUpMs = 5_000;
const measureMs = 6_000;

interface LatencyRound extends Matched, Punctuality {
  /** Rows that the aggregator took a second. */
  readonly takenPerSecond: number;
  /** Its CPU per row: what it could take, alone on a core, is the reverse. */
  readonly usPerEvent: number;
  /** Of the delays of its event loop. */
  readonly loopP99Ms: number;
}

/** @param program the bench's own */
export async function measureLatency(program: string, rounds: number): Promise<EngineFigure[]> {
  const figures: EngineFigure[] = [];
  for (const rate of rates) {
    console.log(`match latency at ${rate.toLocaleString('en')} events/s`);
    const measured: LatencyRound[] = [];
    for (let round = 0; round < rounds; round++) measured.push(await measureRate(program, rate));
    figures.push(figureOf(rate, measured));
  }
  return figures;
}

function figureOf(rate: number, measured: readonly LatencyRound[]): EngineFigure {
  const middle = (value: (round: LatencyRound) => number): string => median(measured.map(value)).toFixed(0);
  const lone = measured.reduce((sum, round) => sum + round.lone, 0);
  return {
    what: `match latency at ${rate.toLocaleString('en')} events/s of 50 agents, p99 in ms`,
    goal: rate === rates.at(-1) ? '<= 100' : '',
    ratios: measured.map(({ p99Ms }) => p99Ms),
    values:
      `p50 ${middle(({ p50Ms }) => p50Ms)} ms; ${middle(({ takenPerSecond }) => takenPerSecond)} events/s taken at ` +
      `${median(measured.map(({ usPerEvent }) => usPerEvent)).toFixed(1)} us of CPU each; event loop p99 ${middle(({ loopP99Ms }) => loopP99Ms)} ms; ` +
      `agents' ticks ${middle(({ lateP99Ms }) => lateP99Ms)} ms late (p99); ` +
      `${lone} of ${measured.reduce((sum, round) => sum + round.matches, lone)} not matched within 3 s`,
  };
}

async function measureRate(program: string, rate: number): Promise<LatencyRound> {
  const aggregator = new Child(program, [latencyAggregatorRole]);
  let fleet: Child | null = null;
  try {
    const { grpc, http } = await aggregator.said<Bound>();
    fleet = new Child(program, [latencyFleetRole, grpc, String(rate)]);
    await fleet.said();
    await sleep(warmUpMs);
    const before = await scrape(http);
    await fleet.ask<Punctuality>('begin');
    await aggregator.ask<Matched>('begin');
    const beganMs = performance.now();
    await sleep(measureMs);
    const matched = await aggregator.ask<Matched>('end');
    const tookSeconds = (performance.now() - beganMs) / 1000;
    const punctuality = await fleet.ask<Punctuality>('end');
    const after = await scrape(http);
    const rows = 'whotalks_ingest_rows_total';
    const taken = after(rows) - before(rows);
    return {
      ...matched,
      ...punctuality,
      takenPerSecond: taken / tookSeconds,
      usPerEvent: (matched.cpuMs * 1000) / taken,
      loopP99Ms: after('whotalks_event_loop_delay_p99_seconds') * 1000,
    };
  } finally {
    await fleet?.end();
    await aggregator.end();
  }
}

/** @returns the value of a metric without labels */
async function scrape(http: string): Promise<(name: string) => number> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return (name) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}
