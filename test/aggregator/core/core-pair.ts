/** One history told to the core and to the plain one (plain-core.ts), and what both hold then, as texts to compare. */
import { expect } from 'vitest';
import { Addresses, isInterned } from '../../../aggregator/core/addresses.ts';
import { AgentSlots } from '../../../aggregator/core/agent-slots.ts';
import { blockMax, outcomes } from '../../../aggregator/core/block.ts';
import { ConnectionCore, type CoreLimits } from '../../../aggregator/core/connection-core.ts';
import {
  closedWord,
  facts,
  factsWord,
  holderWord,
  lifeOf,
  openedWord,
  rowShift,
  ruleMask,
  ruleShift,
} from '../../../aggregator/core/connection-row.ts';
import { EdgeCounts } from '../../../aggregator/core/edge-counts.ts';
import { Halves } from '../../../aggregator/core/halves.ts';
import { type Holder, Holders } from '../../../aggregator/core/holders.ts';
import { Listening } from '../../../aggregator/core/listening.ts';
import { type EdgeSum, EdgeSums } from '../../../aggregator/shards/edge-sums.ts';
import { PlainCore, type PlainHalf } from './plain-core.ts';
import type { PlainConnection, PlainSurroundings } from './plain-direction.ts';

const outcomeNames = Object.keys(outcomes);

/** Holder h is of namespace h, is called h + 100, and has ports from 32768 on as ephemeral ones. */
const nameOffset = 100;
export const slotsMax = 1 << 14;

/** Namespace 0 listens on 443 at any IPv4 address, namespace 1 on UDP 53 at one address. */
export const listeners = [
  { netns: 0, port: 443 << 1, address: 0 },
  { netns: 1, port: (53 << 1) | 1, address: 20 },
] as const;

export const holdersTold = Array.from({ length: 64 }, (_, i): Holder => {
  return { host: i >> 1, netns: i, name: i + nameOffset, ephemeralPorts: [32768, 60999] };
});

const plainSurroundings: PlainSurroundings = {
  nameOf: (holder) => holder + nameOffset,
  isEphemeral: (_, port) => port >= 32768 && port <= 60999,
  // IPv6 ids are above all IPv4 addresses, as 2001:db8::1 is above their mapped forms.
  compare: (address, other) => (address >>> 0) - (other >>> 0),
  listens: (holder, port, address) =>
    listeners.some(
      (each) =>
        each.netns === holder &&
        each.port === port &&
        ((each.address === 0 && !isInterned(address)) || each.address === address),
    ),
};

export function columnsOf(told: readonly PlainHalf[]): Halves {
  const halves = new Halves(told.length);
  halves.count = told.length;
  const alike = ['slot', 'local', 'remote', 'place', 'holder', 'opened', 'bornAfter', 'evidence'] as const;
  for (const [i, half] of told.entries()) {
    for (const name of alike) halves[name][i] = half[name];
    halves.ports[i] = (half.localPort << 16) | half.remotePort;
  }
  return halves;
}

export class CorePair {
  readonly plain: PlainCore;
  readonly core: ConnectionCore;
  readonly addresses = new Addresses(1, 1 << 8);
  /** Of the core alone. */
  readonly listening = new Listening(4, 1 << 8);
  readonly left: string[] = [];
  readonly #edges = new EdgeSums();
  readonly #lingerMax: number;
  readonly #slots: readonly AgentSlots[];

  /** Rows that were freed with a connection in them. */
  freed = 0;
  forgotten = 0;

  constructor(agents: number, limits: CoreLimits & { readonly lingerMax: number }, seed = 3) {
    const holders = new Holders(64);
    for (const holder of holdersTold) holders.add(holder);
    const { listening } = this;
    for (const { netns, port, address } of listeners) listening.add(netns, port, address);
    this.core = new ConnectionCore({
      limits,
      seed,
      holders,
      listening,
      edges: new EdgeCounts(2, this.#edges),
      addresses: this.addresses,
      elsewhere: {
        left: (_row, words) => this.left.push(`${words[holderWord]! - 1} ${words[holderWord + 1]! - 1}`),
        forgotten: () => this.forgotten++,
        freed: (row) => this.#noteFreed(row),
      },
    });
    this.#lingerMax = limits.lingerMax;
    this.plain = new PlainCore(plainSurroundings, { ...limits, slotsMax });
    this.#slots = Array.from({ length: agents }, () => new AgentSlots(slotsMax));
  }

  /** @returns the outcomes of both. All halves are of one agent. */
  open(agent: number, halves: readonly PlainHalf[], tick: number): [string[], string[]] {
    const columns = columnsOf(halves);
    const told: string[] = [];
    const plain: string[] = [];
    for (let from = 0; from < halves.length; from += blockMax) {
      const count = Math.min(blockMax, halves.length - from);
      this.core.open(columns, from, count, this.#slots[agent]!, tick);
      for (let i = 0; i < count; i++) told.push(outcomeNames[this.core.outcomeOf(i)]!);
      plain.push(...this.plain.openBlock(halves.slice(from, from + count), tick));
    }
    return [told, plain];
  }

  close(agent: number, slot: number, closed: number): [string, string] {
    this.core.close(Int32Array.of(slot), Int32Array.of(closed), 0, 1, this.#slots[agent]!);
    return [outcomeNames[this.core.outcomeOf(0)]!, this.plain.close(agent, slot, closed)];
  }

  learn(agent: number, slot: number, evidence: number, tick: number): [string, string] {
    this.core.learn(Int32Array.of(slot), Int32Array.of(evidence), 0, 1, this.#slots[agent]!, tick);
    return [outcomeNames[this.core.outcomeOf(0)]!, this.plain.learn(agent, slot, evidence & 0x1f4, tick)];
  }

  count(agent: number, slot: number, sent: number, received: number): [string, string] {
    const columns = {
      slot: Int32Array.of(slot),
      sent: Float64Array.of(sent),
      received: Float64Array.of(received),
    };
    this.core.count(columns, 0, 1, this.#slots[agent]!);
    return [outcomeNames[this.core.outcomeOf(0)]!, this.plain.count(agent, slot, sent, received)];
  }

  /** Looks behind the sockets of an agent. The plain core knows no listeners that come and go. */
  listen(agent: number): void {
    const slots = this.#slots[agent]!;
    for (const slot of slots.slots()) this.core.listenAnew(slots.get(slot) >> 1);
  }

  /** An agent is lost: whatever it has leaves, and its slots are free. */
  withdraw(agent: number): void {
    const slots = this.#slots[agent]!;
    for (const slot of slots.slots()) {
      const row = slots.get(slot) >> 1;
      const known = this.core.rows.words[(row << rowShift) + factsWord]!;
      if ((known & (facts.elsewhere | facts.forgotten)) === 0) this.core.leave(row);
      this.core.close(Int32Array.of(slot), Int32Array.of(0), 0, 1, slots);
    }
    this.plain.withdraw(agent);
  }

  #noteFreed(row: number): void {
    if ((this.core.rows.words[(row << rowShift) + factsWord]! & facts.elsewhere) === 0) this.freed++;
  }

  sweep(tick: number): void {
    while (this.core.sweep(tick, this.#lingerMax));
    this.plain.sweep(tick);
  }

  /** Of the core, then of the plain one. */
  connections(): [string[], string[]] {
    const { rows } = this.core;
    const found = describeRows(rows.words, rows.store.top);
    return [found, [...this.plain.connections].map(describe).sort()];
  }

  edges(): [string[], string[]] {
    const told = Array.from(this.#edges.all, describeEdge);
    return [told.sort(), plainEdges(this.plain).sort()];
  }

  /** Lives of rows, to show that rows were used again. */
  livesOf(row: number): number {
    return lifeOf(this.core.rows.words[(row << rowShift) + factsWord]!);
  }
}

/** The connections in rows, as texts. */
export function describeRows(words: Int32Array, top: number): string[] {
  const found: string[] = [];
  for (let row = 0; row < top; row++) {
    const first = row << rowShift;
    const isTaken = (words[first + holderWord]! | words[first + holderWord + 1]!) !== 0;
    if (isTaken) found.push(describeRow(words, first));
  }
  return found.sort();
}

/** A connection by the words of its row. */
function describeRow(words: Int32Array, first: number): string {
  const doubles = new Float64Array(words.buffer, words.byteOffset, words.length / 2);
  const known = words[first + factsWord]!;
  const has = (bit: number): boolean => (known & bit) !== 0;
  const end = (side: 0 | 1): string =>
    words[first + holderWord + side] === 0
      ? '-'
      : [
          words[first + holderWord + side]! - 1,
          words[first + openedWord + side],
          has(facts.goneA << side) ? 'gone' : '',
          has(facts.restingA << side) ? 'resting' : '',
        ].join(' ');
  const ports = words[first + 2]!;
  const closed = words[first + closedWord]!;
  const bytes = (first >> 1) + 6;
  return [
    `${words[first]},${ports >>> 16}|${words[first + 1]},${ports & 0xffff}|${words[first + 3]}`,
    end(0),
    end(1),
    closed === -0x80000000 ? 'open' : closed,
    has(facts.placed) ? `${(known & ruleMask) >>> ruleShift} ${has(facts.clientIsB)}` : 'waits',
    has(facts.over),
    has(facts.forgotten),
    `${doubles[bytes]} ${doubles[bytes + 1]}`,
  ].join('; ');
}

export function describeEdge(edge: EdgeSum): string {
  const name = `${edge.client}>${edge.server}:${edge.port >> 1}/${edge.port & 1}/${edge.scope}`;
  const bytes = `${edge.toServer || 0}/${edge.toClient || 0}`;
  expect(edge.seen.both).toBe(edge.total);
  return `${name} ${edge.open} of ${edge.total}, ${bytes}`;
}

function describe(connection: PlainConnection): string {
  const { key, ends, closed, isPlaced, rule, clientIsB, isOver, isForgotten, bytes } = connection;
  const [a, b] = ends.map((end) =>
    end === null
      ? '-'
      : [end.holder, end.opened, end.isGone ? 'gone' : '', end.isResting ? 'resting' : ''].join(' '),
  );
  return [
    key,
    a,
    b,
    closed ?? 'open',
    isPlaced ? `${rule} ${clientIsB}` : 'waits',
    isOver,
    isForgotten,
    `${bytes[0]} ${bytes[1]}`,
  ].join('; ');
}

function plainEdges({ shares }: PlainCore): string[] {
  const sums = new Map<string, { open: number; total: number; bytes: [number, number] }>();
  for (const { share, bytes } of shares) {
    const sum = sums.get(share.key) ?? { open: 0, total: 0, bytes: [0, 0] };
    sums.set(share.key, sum);
    sum.open += share.isOpen ? 1 : 0;
    sum.total++;
    sum.bytes[0] += bytes[share.clientIsB ? 1 : 0];
    sum.bytes[1] += bytes[share.clientIsB ? 0 : 1];
  }
  return Array.from(
    sums,
    ([key, { open, total, bytes }]) => `${key} ${open} of ${total}, ${bytes.join('/')}`,
  );
}
