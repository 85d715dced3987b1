/**
 * The lives of connections through everything that the core is fed by: the bytes of messages are decoded, both ends open,
 * both are counted once, both close, and the row is forgotten, beside a table that is filled already.
 */
import { type AgentNumbers, arrange, closedTicks, signed } from '../../aggregator/core/arrange.ts';
import { blockMax } from '../../aggregator/core/block.ts';
import { Halves } from '../../aggregator/core/halves.ts';
import { type AgentBatch, agentBatch } from '../../wire/agent-batch.ts';
import { AgentMessageDecoder, encodeAgentMessage } from '../../wire/agent-message.ts';
import { packMeta } from '../../wire/packing.ts';
import { CoreFleet } from './core-fleet.ts';
import { cpuMs } from './cpu-time.ts';
import { type AgentBlock, type HalfStream, halfStream } from './half-stream.ts';

export interface LifeRun {
  /** Nanoseconds of CPU per connection. */
  readonly lifeNs: number;
  readonly openNs: number;
  readonly countNs: number;
  readonly closeNs: number;
  readonly forgetNs: number;
  /** Connections that the table held beside. */
  readonly beside: number;
  readonly bytesPerConnection: number;
  readonly left: number;
}

/** Halves whose messages are made ahead. */
const livesMax = 1_000_000;

interface Message {
  readonly agent: number;
  readonly open: Buffer;
  readonly count: Buffer;
  readonly close: Buffer;
}

/** @param halfCount of what the table holds beside */
export function runLives(halfCount: number): LifeRun {
  const beside = halfStream(halfCount);
  const lives = halfStream(Math.min(livesMax, halfCount), 1 << 23);
  const fleet = new CoreFleet((halfCount + lives.halves.slot.length) / 2);
  fleet.openAll(beside, null);
  const bytesPerConnection = fleet.bytes / (halfCount / 2);
  const firstSlots = fleet.slots.map(({ used }) => used);
  const messages = lives.blocks.map((block) => encodeLives(lives.halves, block, firstSlots[block.agent]!));
  // The first half of them warms up.
  live(fleet, messages, 0);
  const [openMs, countMs, closeMs, forgetMs] = live(fleet, messages, 10) as [number, number, number, number];
  const perConnection = 2e6 / lives.halves.slot.length;
  return {
    lifeNs: (openMs + countMs + closeMs + forgetMs) * perConnection,
    openNs: openMs * perConnection,
    countNs: countMs * perConnection,
    closeNs: closeMs * perConnection,
    forgetNs: forgetMs * perConnection,
    beside: halfCount / 2,
    bytesPerConnection,
    left: fleet.left,
  };
}

/** @returns milliseconds of CPU of opening, counting, closing and forgetting */
function live(fleet: CoreFleet, messages: readonly Message[], tick: number): number[] {
  const halves = new Halves(1 << 12);
  const decoder = new AgentMessageDecoder();
  return [
    cpuMs(() => {
      for (const { agent, open } of messages) openAll(fleet, agent, decoder.decode(open), halves, tick);
    }),
    cpuMs(() => {
      for (const { agent, count } of messages) countAll(fleet, agent, decoder.decode(count));
    }),
    cpuMs(() => {
      for (const { agent, close } of messages) closeAll(fleet, agent, decoder.decode(close), tick);
    }),
    cpuMs(() => fleet.sweepAll(tick + 5)),
  ];
}

function openAll(
  { core, slots }: CoreFleet,
  agent: number,
  { opens, baseUnixMs }: AgentBatch,
  halves: HalfStream,
  tick: number,
): void {
  arrange(opens, numbersOf(agent), baseUnixMs, 0, halves);
  for (let from = 0; from < halves.count; from += blockMax)
    core.open(halves, from, Math.min(blockMax, halves.count - from), slots[agent]!, tick);
}

function countAll({ core, slots }: CoreFleet, agent: number, { counters }: AgentBatch): void {
  const { slot, sent, received } = counters;
  const columns = {
    slot: signed(slot),
    sent: sent as Float64Array,
    received: received as Float64Array,
  };
  for (let from = 0; from < slot.length; from += blockMax)
    core.count(columns, from, Math.min(blockMax, slot.length - from), slots[agent]!);
}

function closeAll({ core, slots }: CoreFleet, agent: number, { closes }: AgentBatch, tick: number): void {
  const [slot, ticks] = [signed(closes.slot), closedTicks(closes.ageMs, tick * 10, 0)];
  for (let from = 0; from < slot.length; from += blockMax)
    core.close(slot, ticks, from, Math.min(blockMax, slot.length - from), slots[agent]!);
}

/** Each host is its own holder; its processes have one name. */
function numbersOf(agent: number): AgentNumbers {
  return {
    addresses: [],
    networks6: [],
    networks4: [{ address: 0xac110000 | 0, mask: 0xffff0000 | 0 }],
    processes: [0, agent],
    ownerless: [0, agent],
    netnsScopes: [0, agent + 2],
    hostScope: agent + 2,
    realmScope: 1,
  };
}

function encodeLives(halves: HalfStream, { agent, from, count }: AgentBlock, firstSlot: number): Message {
  const each = (of: (at: number) => number): number[] =>
    Array.from({ length: count }, (_, i) => of(from + i));
  const unsigned = (column: Int32Array): number[] => each((at) => column[at]! >>> 0);
  const all = (value: number): number[] => Array.from({ length: count }, () => value);
  const slot = each((at) => halves.slot[at]! + firstSlot);
  const opens = {
    slot,
    localAddress: unsigned(halves.local),
    remoteAddress: unsigned(halves.remote),
    ports: unsigned(halves.ports),
    meta: all(packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false })),
    netns: all(1),
    inode: each((at) => at + 1),
    uid: all(1000),
    process: all(1),
    fd: all(7),
    ageMs: all(0),
    unseenMs: all(500),
    id: each((at) => at + 1),
  };
  const counters = { slot, sent: all(4321), received: all(1234), rttUs: all(100), retransmits: all(0) };
  const encode = (parts: Parameters<typeof agentBatch>[0]): Buffer =>
    encodeAgentMessage(agentBatch({ seq: 1, ...parts }));
  return {
    agent,
    open: encode({ opens }),
    count: encode({ counters }),
    close: encode({ closes: { slot, ageMs: all(0) } }),
  };
}
