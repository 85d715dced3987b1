/** A fleet of agents that come back, in a process of its own inside of a namespace; it says how many are back. */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReturningAgent } from './returning-agent.ts';

/** The word that makes the bench's program run as one. */
export const returningFleetRole = 'returning-fleet';

/** Of each agent: connections that it dials, and how many of them are replaced in a tick, which is once a second. */
const connections = 100;
const replaced = 2;
const tickMs = 1_000;

/** Ends of an agent. */
export const socketsOfAgent = 2 * connections;

/** At the first start so many begin together; a fleet that comes back all at once is what is measured later. */
const begunTogether = 20;
const lookEveryMs = 20;

export interface FleetState {
  /** Their snapshots are acknowledged. */
  readonly inStep: number;
  /** Since the last `mark`: out of step, and in step again. */
  readonly back: number;
}

/** Says `ready`; then answers `mark` and `state` with a FleetState each, in a line of JSON. It ends with its stdin. */
export async function runReturningFleet(server: string, count: string): Promise<void> {
  const size = Number(count);
  const agents = Array.from({ length: size }, (_, number) => new ReturningAgent(server, number, size));
  const away = new Set<ReturningAgent>();
  const back = new Set<ReturningAgent>();
  const look = (): FleetState => {
    for (const agent of agents) {
      if (!agent.isInStep) away.add(agent);
      else if (away.has(agent)) back.add(agent);
    }
    return { inStep: agents.filter(({ isInStep }) => isInStep).length, back: back.size };
  };
  setInterval(look, lookEveryMs);
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      if (line === 'mark') for (const set of [away, back]) set.clear();
      console.log(JSON.stringify(look()));
    })
    .on('close', () => process.exit());
  for (const [number, agent] of agents.entries()) {
    agent.start(connections);
    if (number % begunTogether === 0) await sleep(lookEveryMs);
  }
  tickForEver(agents);
  console.log('ready');
}

/** Each agent once a second, spread over it. */
function tickForEver(agents: readonly ReturningAgent[]): void {
  const begunMs = performance.now();
  let ticks = 0;
  setInterval(() => {
    const due = ((performance.now() - begunMs) / tickMs) * agents.length;
    for (; ticks < due; ticks++) {
      const round = Math.floor(ticks / agents.length);
      agents[ticks % agents.length]!.tick(round, connections, replaced);
    }
  }, lookEveryMs);
}
