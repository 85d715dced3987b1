/**
 * One aggregator under a simulated fleet: what so many agents cost it, and how many are too many. The first is one step of
 * that size; the second grows the same fleet until its event loop or its acknowledgements leave their bounds.
 */
import { Child } from '../child.ts';
import type { EngineFigure } from '../engine-page.ts';
import { type FleetAddresses, type FleetLoad, fleetReceiverRole } from './fleet-receiver.ts';
import { type FleetQuestion, type FleetSent, fleetSenderRole } from './fleet-sender.ts';
import { cellAgents, eventsPerTick, socketsPerAgent } from './simulated-agent.ts';

/** What keeps an aggregator useful: an agent's tick is acknowledged before the next one is due. */
const bounds = { loopP99Ms: 20, ackP99Ms: 1000 } as const;

/** Compilers and collectors have come to rest by then. */
const settleSeconds = 5;
const measureSeconds = 15;

/** For the snapshots of the agents that a step adds: ten times what a hundred agents in a second would take. */
const addPatienceSeconds = 100;

/** The search for the saturation point begins no step after this. */
const searchSeconds = 180;
/** Beyond this many the simulated agents are the limit. */
const agentsMax = 8000;
/** Heap for what the aggregator of the search holds; without it, Node.js would end it at some 4 GiB. */
const searchHeapMiB = 10_240;

interface Step extends FleetLoad, FleetSent {
  readonly agents: number;
  /** Connections of which both ends are joined, of those that there are. */
  readonly matched: number;
  /** Why so many are too many; null where they are not. */
  readonly out: string | null;
}

/** @param program the bench's own @param agents of which the goals speak, in whole cells */
export async function measureFleet(program: string, agents: number): Promise<EngineFigure[]> {
  const size = wholeCells(agents);
  const steps = await growFleet(program, [size], Number.POSITIVE_INFINITY);
  return figuresOf(steps[0]!, size);
}

/** From so many agents on: which were too many, each step being half as many again as the one before. @param program as above */
export async function measureSaturation(program: string, agents: number): Promise<EngineFigure[]> {
  const args = [`--max-old-space-size=${searchHeapMiB}`];
  const steps = await growFleet(program, sizesFrom(agents), performance.now() + searchSeconds * 1000, args);
  const within = steps.filter(({ out }) => out === null).at(-1);
  return [
    {
      what: 'most agents within bounds: event loop p99 20 ms, acknowledged within the second (p99)',
      goal: '',
      ratios: within === undefined ? [] : [within.agents],
      values: [
        within === undefined ? '' : `${describe(within)}; `,
        steps.at(-1)?.out ?? 'more were not tried',
      ].join(''),
    },
  ];
}

/** Of one aggregator. The first step that is out of bounds is the last. @param untilMs when no further step begins */
async function growFleet(
  program: string,
  sizes: readonly number[],
  untilMs: number,
  receiverArgs: readonly string[] = [],
): Promise<Step[]> {
  const receiver = new Child(program, [fleetReceiverRole], receiverArgs);
  const sender = new Child(program, [fleetSenderRole]);
  try {
    const addresses = await receiver.said<FleetAddresses>();
    await sender.said();
    const steps: Step[] = [];
    for (const size of sizes) {
      if (steps.length > 0 && (steps.at(-1)!.out !== null || performance.now() > untilMs)) break;
      const step = await measureStep(receiver, sender, addresses, size, size - (steps.at(-1)?.agents ?? 0));
      steps.push(step);
      console.log(`fleet: ${describe(step)}`);
    }
    return steps;
  } finally {
    await sender.end();
    await receiver.end();
  }
}

/** Each step half as many again, up to what the simulated agents can do. */
export function sizesFrom(agents: number): number[] {
  const sizes: number[] = [];
  for (let size = agents; size <= agentsMax; size *= 1.5) sizes.push(wholeCells(size));
  return sizes;
}

/** The nearest number of agents that leaves none without its neighbours; one cell at least. */
export function wholeCells(agents: number): number {
  return Math.max(1, Math.round(agents / cellAgents)) * cellAgents;
}

async function measureStep(
  receiver: Child,
  sender: Child,
  { grpcAddress, httpAddress }: FleetAddresses,
  agents: number,
  more: number,
): Promise<Step> {
  const tell = <Answer>(question: FleetQuestion): Promise<Answer> => sender.ask<Answer>(question);
  const patienceSeconds = addPatienceSeconds;
  const added = await tell<number>({ kind: 'add', address: grpcAddress, agents: more, patienceSeconds });
  const late =
    added < more ? `only ${added} of ${more} more were in step after ${addPatienceSeconds} s` : null;
  await tell({ kind: 'run', seconds: settleSeconds });
  await receiver.ask<FleetLoad>('begin');
  const sent = await tell<FleetSent>({ kind: 'run', seconds: measureSeconds });
  const load = await receiver.ask<FleetLoad>('end');
  const matched = (await matchedAt(httpAddress)) / (agents * (socketsPerAgent / 2));
  return { agents, ...load, ...sent, matched, out: late ?? whyOut(load, sent) };
}

/** Connections of which both ends are seen, as the aggregator's own metrics have them. */
async function matchedAt(httpAddress: string): Promise<number> {
  const metrics = await (await fetch(`http://${httpAddress}/metrics`)).text();
  return Number(/^whotalks_connections\{seen="both"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

function whyOut({ loopP99Ms }: FleetLoad, { ackP99Ms, refused }: FleetSent): string | null {
  if (refused > 0) return 'messages are refused';
  if (loopP99Ms > bounds.loopP99Ms) return `event loop p99 ${loopP99Ms.toFixed(0)} ms`;
  return ackP99Ms > bounds.ackP99Ms ? `acknowledged after ${ackP99Ms.toFixed(0)} ms (p99)` : null;
}

function describe(step: Step): string {
  const { agents, messages, ackP50Ms, ackP99Ms, lateP99Ms } = step;
  const rate = messages / measureSeconds;
  return [
    `${agents} agents: ${step.cpuPercent.toFixed(1)} % of a core, RSS ${step.rssMiB.toFixed(0)} MiB`,
    `event loop p99 ${step.loopP99Ms.toFixed(1)} ms, longest ${step.loopMaxMs.toFixed(0)} ms`,
    `${rate.toFixed(0)} messages and ${(rate * eventsPerTick).toFixed(0)} events per second`,
    `acknowledged after ${ackP50Ms.toFixed(1)} ms (p99 ${ackP99Ms.toFixed(0)}), sent ${lateP99Ms.toFixed(0)} ms late (p99)`,
    `${(100 * step.matched).toFixed(1)} % of the connections matched`,
  ].join('; ');
}

function figuresOf(step: Step, agents: number): EngineFigure[] {
  return [
    {
      what: `${agents} agents of ${socketsPerAgent} sockets, a tick a second: % of a core`,
      goal: '<= 20',
      ratios: [step.cpuPercent],
      values: describe(step),
    },
    { what: '... RSS, MiB', goal: '<= 500', ratios: [step.rssMiB], values: describeMemory(step) },
    { what: '... event loop delay p99, ms', goal: '<= 20', ratios: [step.loopP99Ms], values: '' },
  ];
}

function describeMemory({ heapMiB, longestCollectionMs, collectingPercent }: Step): string {
  return [
    `${heapMiB.toFixed(0)} MiB of it are in the heap of V8`,
    `the event loop waited for its collector for ${collectingPercent.toFixed(1)} % of the time, ${longestCollectionMs.toFixed(0)} ms at a time at most`,
  ].join('; ');
}
