/**
 * The halves of N connections of a fleet, as its agents tell them: 4,000 hosts of 500 services, each calling ten others of
 * which some are far more popular; every agent tells its halves in blocks of 256, and blocks come in any order. The columns
 * are in that order, so that nobody looks for them far away: what a message tells was just decoded. The same for the same N.
 */

import { blockMax } from '../../aggregator/core/block.ts';
import { facts } from '../../aggregator/core/connection-row.ts';
import { Halves, halfColumnNames } from '../../aggregator/core/halves.ts';

const services = 500;
const instances = 8;
const callees = 10;
export const hosts = services * instances;
export const serverPorts = [443, 5432, 6379, 8080, 9092, 8743, 3306, 50051] as const;

/** Of each client host, ephemeral ports are used in turn; one that has used all goes on with another address of its own. */
const portsFrom = 32768;
const portCount = 28_000;

export type HalfStream = Halves;

/** A block of halves of one agent, by index into the columns. */
export interface AgentBlock {
  readonly agent: number;
  readonly from: number;
  readonly count: number;
}

export interface Stream {
  readonly halves: HalfStream;
  readonly blocks: readonly AgentBlock[];
}

/** The listening port of each host's service. */
export function serverPortOf(host: number): number {
  return serverPorts[Math.floor(host / instances) % serverPorts.length]!;
}

/** What a host's service is called by, and its first address. */
export function serviceOf(host: number): number {
  return Math.floor(host / instances);
}

export function addressOf(host: number): number {
  return 0x0a010000 + host;
}

/** @param halfCount twice the connections. @param client added to each client's address, so that streams can stand side by side */
export function halfStream(halfCount: number, client = 0): Stream {
  const random = xorshift(42);
  const calls = Array.from({ length: services * callees }, () => {
    const u = (random() % 1_000_000) / 1_000_000;
    return Math.floor(services * u * u * u);
  });
  const clients = new Uint16Array(halfCount / 2);
  const servers = new Uint16Array(halfCount / 2);
  const perAgent = new Uint32Array(hosts);
  for (let i = 0; i < clients.length; i++) {
    const service = random() % services;
    clients[i] = service * instances + (random() % instances);
    servers[i] = calls[service * callees + (random() % callees)]! * instances + (random() % instances);
    perAgent[clients[i]!]!++;
    perAgent[servers[i]!]!++;
  }
  const starts = startsOf(perAgent);
  return inToldOrder(fill(clients, servers, starts, client), shuffled(blocksOf(perAgent, starts), random));
}

/**
 * The halves of some connections, told by the agents and with the slots that they have in the stream.
 * @param isChosen by number of the connection
 */
export function someOf({ halves, blocks }: Stream, isChosen: (connection: number) => boolean): Stream {
  const perAgent = new Uint32Array(hosts);
  const chosen = new Uint8Array(halves.slot.length);
  for (const { agent, from, count } of blocks) {
    for (let i = from; i < from + count; i++) {
      if (!isChosen(halves.rows[i]!)) continue;
      chosen[i] = 1;
      perAgent[agent]!++;
    }
  }
  const starts = startsOf(perAgent);
  const some = new Halves(perAgent.reduce((sum, count) => sum + count, 0));
  for (const column of halfColumnNames) {
    const next = Uint32Array.from(starts);
    for (const { agent, from, count } of blocks)
      for (let i = from; i < from + count; i++)
        if (chosen[i] === 1) some[column][next[agent]!++] = halves[column][i]!;
  }
  return inToldOrder(some, shuffled(blocksOf(perAgent, starts), xorshift(43)));
}

/** The same halves with each block behind the one before. */
function inToldOrder(halves: HalfStream, blocks: readonly AgentBlock[]): Stream {
  const told = new Halves(halves.slot.length);
  for (const column of halfColumnNames) {
    let at = 0;
    for (const { from, count } of blocks) {
      told[column].set(halves[column].subarray(from, from + count), at);
      at += count;
    }
  }
  let from = 0;
  return {
    halves: told,
    blocks: blocks.map(({ agent, count }) => {
      from += count;
      return { agent, from: from - count, count };
    }),
  };
}

function startsOf(perAgent: Uint32Array): Uint32Array {
  const starts = new Uint32Array(perAgent.length);
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1]! + perAgent[i - 1]!;
  return starts;
}

function fill(clients: Uint16Array, servers: Uint16Array, starts: Uint32Array, offset: number): HalfStream {
  const halves = new Halves(clients.length * 2);
  const next = Uint32Array.from(starts);
  const dialed = new Uint32Array(hosts);
  const put = (connection: number, host: number, local: number, remote: number, ports: number): void => {
    const at = next[host]!++;
    // Which row of its message a half was is no matter here.
    halves.rows[at] = connection;
    halves.slot[at] = at - starts[host]!;
    halves.local[at] = local;
    halves.remote[at] = remote;
    halves.ports[at] = ports;
    halves.place[at] = 2;
    halves.holder[at] = host;
    halves.evidence[at] = facts.established;
    // Half a second between two looks.
    halves.bornAfter[at] = -50;
  };
  for (let i = 0; i < clients.length; i++) {
    const [client, server] = [clients[i]!, servers[i]!];
    const number = dialed[client]!++;
    const local = addressOf(client) + offset + (Math.floor(number / portCount) << 16);
    const port = portsFrom + (number % portCount);
    const listening = serverPortOf(server);
    put(i, client, local, addressOf(server), (port << 16) | listening);
    put(i, server, addressOf(server), local, (listening << 16) | port);
  }
  return halves;
}

function blocksOf(perAgent: Uint32Array, starts: Uint32Array): AgentBlock[] {
  return Array.from(perAgent, (halves, agent) =>
    Array.from({ length: Math.ceil(halves / blockMax) }, (_, i) => ({
      agent,
      from: starts[agent]! + i * blockMax,
      count: Math.min(blockMax, halves - i * blockMax),
    })),
  ).flat();
}

function shuffled<Item>(items: Item[], random: () => number): Item[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
