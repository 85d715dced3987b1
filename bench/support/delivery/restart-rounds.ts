/** An aggregator is killed under a whole fleet and started again: how long until all agents are back, and what it takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LastingDaemon } from '../../../test/support/fault-run/lasting-daemon.ts';
import { Host } from '../../../test/support/fleet/host.ts';
import { Ledger } from '../../../test/support/fleet/ledger.ts';
import { grpcPort, Whotalks } from '../../../test/support/fleet/whotalks.ts';
import { until } from '../../../test/support/until.ts';
import { Asked } from '../asked.ts';
import type { EngineFigure } from '../engine-page.ts';
import { type FleetState, returningFleetRole, socketsOfAgent } from './returning-fleet.ts';

const ip = '127.0.0.1';

/** Before each kill: what it holds, and what V8 keeps, is what it has in the long run. */
const settleMs = 15_000;
/** After the last agent is back: it may still grow. */
const restMs = 5_000;
const patienceMs = 180_000;
const lookEveryMs = 50;

interface Restart {
  readonly seconds: number;
  readonly beforeMiB: number;
  readonly peakMiB: number;
}

/** @param program the bench's own @param agents of the fleet */
export async function measureRestart(
  program: string,
  agents: number,
  rounds: number,
): Promise<EngineFigure[]> {
  const host = await Host.open('bench');
  try {
    const whotalks = new Whotalks(new Ledger());
    const aggregator = new LastingDaemon(() => whotalks.launchAggregator(host, ip));
    await aggregator.start();
    const argv = [program, returningFleetRole, `${ip}:${grpcPort}`, String(agents)];
    const fleet = new Asked(host.namespace, argv);
    await fleet.line();
    await untilState(fleet, 'all agents are in step', ({ inStep }) => inStep === agents);
    const restarts: Restart[] = [];
    for (let round = 0; round < rounds; round++) {
      restarts.push(await restart(aggregator, fleet, agents));
      console.log(`restart: ${describe(restarts.at(-1)!)}`);
    }
    return figuresOf(restarts, agents);
  } finally {
    await host.close();
  }
}

async function restart(aggregator: LastingDaemon, fleet: Asked, agents: number): Promise<Restart> {
  await sleep(settleMs);
  const beforeMiB = aggregator.rssMiB;
  await fleet.ask('mark');
  await aggregator.kill();
  aggregator.forgetPeak();
  const startedMs = performance.now();
  await aggregator.start();
  await untilState(fleet, 'all agents are back', ({ back, inStep }) => back === agents && inStep === agents);
  const seconds = (performance.now() - startedMs) / 1000;
  await sleep(restMs);
  return { seconds, beforeMiB, peakMiB: aggregator.peakMiB };
}

async function untilState(fleet: Asked, what: string, holds: (state: FleetState) => boolean): Promise<void> {
  const look = async (): Promise<boolean | string> => {
    const text = await fleet.ask('state');
    if (holds(JSON.parse(text) as FleetState)) return true;
    await sleep(lookEveryMs);
    return text;
  };
  await until(what, look, patienceMs);
}

function describe({ seconds, beforeMiB, peakMiB }: Restart): string {
  return `all back after ${seconds.toFixed(1)} s, RSS ${beforeMiB.toFixed(0)} MiB before, at most ${peakMiB.toFixed(0)} MiB`;
}

function figuresOf(restarts: readonly Restart[], agents: number): EngineFigure[] {
  return [
    {
      what: `kill -9 of an aggregator with ${agents} agents of ${socketsOfAgent} sockets: all back after, s`,
      goal: '<= 30',
      ratios: restarts.map(({ seconds }) => seconds),
      values: 'from the start of the process to the acknowledgement of the last snapshot',
    },
    {
      what: '... RSS at most, in times of that before',
      goal: '<= 2',
      ratios: restarts.map(({ beforeMiB, peakMiB }) => peakMiB / beforeMiB),
      values: restarts.map(describe).join('; '),
    },
  ];
}
