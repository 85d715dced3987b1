/**
 * Connections of a few milliseconds, between agents that look every two seconds: each is in the answers with both its
 * ends, on hosts that share a kernel, and no host tells of another's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  ConnectionDocument,
  EndDocument,
  HostsDocument,
  ListenersDocument,
} from '../../model/document.ts';
import { whyNoEbpf } from '../agent/bpf/live-kernel.ts';
import { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import { dialShort, type LoadSide, serveShort } from '../support/short-connections.ts';
import { until } from '../support/until.ts';

const aggregatorIp = '10.1.0.1';
const interval = '2s';

/** Two hosts and an aggregator. */
async function openFleet(...flags: readonly string[]): Promise<Fleet> {
  const fleet = await Fleet.open({
    h1: ['10.1.1.1/16', 'fd00::1:1/64'],
    h2: ['10.1.2.1/16', 'fd00::2:1/64'],
    aggregator: [`${aggregatorIp}/16`],
  });
  await fleet.whotalks.startAggregator(fleet.host('aggregator'), aggregatorIp);
  for (const name of ['h1', 'h2']) {
    await fleet.whotalks.startAgent(fleet.host(name), '--interval', interval, ...flags);
  }
  await fleet.whotalks.untilLive(fleet.host('aggregator'), 'h1', 'h2');
  return fleet;
}

interface Sides {
  readonly serving: LoadSide;
  readonly dialing: LoadSide;
}

/** `count` connections to a new server, one after the other until all are over; both sides live until the test ends. */
async function talk(fleet: Fleet, client: string, server: string, ip: string, count: number): Promise<Sides> {
  const serving = await serveShort(fleet.host(server).namespace, ip);
  const load = { host: ip, port: serving.port, count, atOnce: 10, lifetimeMs: 3 };
  const dialing = await dialShort(fleet.host(client).namespace, load);
  await dialing.run();
  return { serving, dialing };
}

/** Connections by what is told of them, and how many there are of each; without whotalks' own. */
async function countConnections(fleet: Fleet): Promise<Map<string, number>> {
  const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
  const counted = new Map<string, number>();
  for (const connection of connections) {
    if (fleet.ledger.infrastructure.has(`${connection.server.ip}:${connection.server.port}`)) continue;
    expect([connection.client.fds, connection.server.fds].flat()).not.toContain(0xffffffff);
    const words = inWords(connection);
    counted.set(words, (counted.get(words) ?? 0) + 1);
  }
  return counted;
}

function inWords({ client, server, seen, closedAt }: ConnectionDocument): string {
  const end = ({ host, process, pid }: EndDocument): string => `${host}/${process}[${pid}]`;
  const state = closedAt === null ? 'open' : 'closed';
  return `${end(client)} -> ${end(server)} ${server.ip}:${server.port} ${seen} ${state}`;
}

async function untilCounted(fleet: Fleet, expected: ReadonlyMap<string, number>): Promise<void> {
  let counted: ReadonlyMap<string, number> = new Map();
  await until('every connection is told', async () => {
    counted = await countConnections(fleet);
    const isThere = [...expected].every(([told, count]) => counted.get(told) === count);
    return isThere || JSON.stringify([...counted].slice(0, 10), null, 1);
  });
  expect(counted).toEqual(expected);
}

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null || !canMakeNamespaces)('short connections by eBPF', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await openFleet('--events', 'ebpf');
  });
  afterAll(() => fleet.close());

  test('all of them with both their processes, and nothing else', async () => {
    const count = 400;
    const conversations = [
      ['h1', 'h2', '10.1.2.1'],
      ['h2', 'h1', 'fd00::1:1'],
      ['h1', 'h1', '127.0.0.1'],
      ['h2', 'h2', '127.0.0.1'],
    ] as const;
    const told = conversations.map(async ([client, server, ip]) => {
      const { serving, dialing } = await talk(fleet, client, server, ip, count);
      const ends = `${client}/dial[${dialing.pid}] -> ${server}/serve[${serving.pid}]`;
      return [`${ends} ${ip}:${serving.port} both closed`, count] as const;
    });
    await untilCounted(fleet, new Map(await Promise.all(told)));
  });

  test('a refused one, with its process', async () => {
    const client = await fleet.host('h1').start('caller');
    await expect(client.connect({ host: '10.1.2.1', port: 9 })).rejects.toThrow('ECONNREFUSED');
    await until('it is in the answer', async () => {
      const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
      const refused = connections.filter(({ server }) => server.port === 9);
      return refused.length === 1 && refused[0]!.client.pid === client.pid;
    });
  });

  test('nothing was lost', async () => {
    const { hosts } = await fleet.whotalks.ask<HostsDocument>(fleet.host('aggregator'), 'hosts');
    expect(hosts.map(({ host, events, lostEvents, gaps }) => [host, events, lostEvents, gaps])).toEqual([
      ['h1', 'ebpf', 0, []],
      ['h2', 'ebpf', 0, []],
    ]);
  });
});

describe.skipIf(!canMakeNamespaces)('short connections by the kernel’s messages of destroyed sockets', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await openFleet('--events', 'destroy', '--source', 'procfs');
  });
  afterAll(() => fleet.close());

  test('all of them, with the process that listens, and it is said what is missing', async () => {
    // A scan has to have shown who listens before anything is told of those that it took.
    const serving = await serveShort(fleet.host('h2').namespace, '10.1.2.1');
    await until('it is known to listen', async () => {
      const asker = fleet.host('aggregator');
      const { listeners } = await fleet.whotalks.ask<ListenersDocument>(asker, 'listeners');
      return listeners.some(({ port }) => port === serving.port);
    });
    const load = { host: '10.1.2.1', port: serving.port, count: 200, atOnce: 10, lifetimeMs: 3 };
    const dialing = await dialShort(fleet.host('h1').namespace, load);
    await dialing.run();
    const ends = (client: string): string =>
      `h1/${client} -> h2/serve[${serving.pid}] 10.1.2.1:${serving.port} both closed`;
    // A scan that is made meanwhile meets some of them, and knows whose they are.
    const [unknown, met] = [ends('null[null]'), ends(`dial[${dialing.pid}]`)];
    let counted: ReadonlyMap<string, number> = new Map();
    await until('every connection is told', async () => {
      counted = await countConnections(fleet);
      const isThere = (counted.get(unknown) ?? 0) + (counted.get(met) ?? 0) === 200;
      return isThere || JSON.stringify([...counted].slice(0, 10), null, 1);
    });
    expect([...counted.keys()].filter((told) => told !== unknown && told !== met)).toEqual([]);
    expect(counted.get(unknown)).toBeGreaterThan(0);
    const { hosts } = await fleet.whotalks.ask<HostsDocument>(fleet.host('aggregator'), 'hosts');
    expect(hosts.map(({ events, cannotSee }) => [events, cannotSee.at(-1)?.slice(0, 83)])).toEqual([
      ['destroy', 'Of connections that open and close between two scans the process of the client is n'],
      ['destroy', 'Of connections that open and close between two scans the process of the client is n'],
    ]);
  });
});
