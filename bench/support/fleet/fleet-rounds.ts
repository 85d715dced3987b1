/** One aggregator under a simulated fleet that grows, until its event loop or its acknowledgements leave their bounds. */
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

/** Beyond this many the simulated agents are the limit. */
const agentsMax = 8000;
/** Heap for what the aggregator holds; without it, Node.js would end it at some 4 GiB. */
const heapMiB = 10_240;

/** For the snapshots of the agents that a step adds. */
const addPatienceSeconds = 120;

interface Step extends FleetLoad, FleetSent {
  readonly agents: number;
  /** Connections of which both ends are joined, of those that there are. */
  readonly matched: number;
}

/** @param program the bench's own @param agents of which the goals speak; steps before and after it find the saturation point */
export async function measureFleet(program: string, agents: number): Promise<EngineFigure[]> {
  const receiver = new Child(program, [fleetReceiverRole], [`--max-old-space-size=${heapMiB}`]);
  const sender = new Child(program, [fleetSenderRole]);
  try {
    const addresses = await receiver.said<FleetAddresses>();
    await sender.said();
    const steps: Step[] = [];
    let tooMany: string | null = null;
    for (const size of sizesFor(agents)) {
      if (tooMany !== null && size > agents) break;
      const step = await measureStep(receiver, sender, addresses, size, size - (steps.at(-1)?.agents ?? 0));
      if (step === null) {
        tooMany ??= `${size}: not all in step after ${addPatienceSeconds} s`;
        break;
      }
      steps.push(step);
      console.log(`fleet: ${describe(step)}`);
      const why = whyOut(step);
      if (why !== null) tooMany ??= `${size}: ${why}`;
    }
    return figuresOf(steps, agents, tooMany);
  } finally {
    await sender.end();
    await receiver.end();
  }
}

/** Whole cells, each step twice the one before. */
export function sizesFor(agents: number): number[] {
  const sizes: number[] = [];
  for (let size = agents / 8; size <= agentsMax; size *= 2)
    sizes.push(Math.round(size / cellAgents) * cellAgents);
  return [...new Set(sizes.filter((size) => size > 0))];
}

/** null when not all of the agents came in step. */
async function measureStep(
  receiver: Child,
  sender: Child,
  { grpcAddress, httpAddress }: FleetAddresses,
  agents: number,
  more: number,
): Promise<Step | null> {
  const tell = <Answer>(question: FleetQuestion): Promise<Answer> => sender.ask<Answer>(question);
  const patienceSeconds = addPatienceSeconds;
  const added = await tell<number>({ kind: 'add', address: grpcAddress, agents: more, patienceSeconds });
  if (added < more) return null;
  await tell({ kind: 'run', seconds: settleSeconds });
  await receiver.ask<FleetLoad>('begin');
  const sent = await tell<FleetSent>({ kind: 'run', seconds: measureSeconds });
  const load = await receiver.ask<FleetLoad>('end');
  return {
    agents,
    ...load,
    ...sent,
    matched: (await matchedAt(httpAddress)) / (agents * (socketsPerAgent / 2)),
  };
}

/** Connections of which both ends are seen, as the aggregator's own metrics have them. */
async function matchedAt(httpAddress: string): Promise<number> {
  const metrics = await (await fetch(`http://${httpAddress}/metrics`)).text();
  return Number(/^whotalks_connections\{seen="both"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

function whyOut({ loopP99Ms, ackP99Ms, refused }: Step): string | null {
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

/** @param tooMany which step left its bounds first, and how */
function figuresOf(steps: readonly Step[], agents: number, tooMany: string | null): EngineFigure[] {
  const step = steps.find((each) => each.agents === agents);
  const last = steps.at(-1);
  const of = (value: (step: Step) => number): number[] => (step === undefined ? [] : [value(step)]);
  const values = step ?? last;
  const within = steps.filter((each) => whyOut(each) === null).at(-1);
  return [
    {
      what: `${agents} agents of ${socketsPerAgent} sockets, a tick a second: % of a core`,
      goal: '<= 20',
      ratios: of(({ cpuPercent }) => cpuPercent),
      values: values === undefined ? (tooMany ?? '') : describe(values),
    },
    { what: '... RSS, MiB', goal: '<= 500', ratios: of(({ rssMiB }) => rssMiB), values: '' },
    {
      what: '... event loop delay p99, ms',
      goal: '<= 20',
      ratios: of(({ loopP99Ms }) => loopP99Ms),
      values: '',
    },
    {
      what: 'most agents within bounds: event loop p99 20 ms, acknowledged within the second (p99)',
      goal: '',
      ratios: within === undefined ? [] : [within.agents],
      values: tooMany ?? 'more were not tried',
    },
  ];
}
