/**
 * Connections of a few milliseconds, between agents that look every three seconds: each is in the answers with both its
 * ends, on hosts that share a kernel, and no host tells of another's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionDocument, HostsDocument } from '../../model/document.ts';
import { whyNoEbpf } from '../agent/bpf/live-kernel.ts';
import { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import { dialShort, type LoadSide, serveShort } from '../support/short-connections.ts';
import { until } from '../support/until.ts';

const aggregatorIp = '10.1.0.1';
const interval = '3s';

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null || !canMakeNamespaces)('short connections by eBPF', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.open({
      h1: ['10.1.1.1/16', 'fd00::1:1/64'],
      h2: ['10.1.2.1/16', 'fd00::2:1/64'],
      aggregator: [`${aggregatorIp}/16`],
    });
    await fleet.whotalks.startAggregator(fleet.host('aggregator'), aggregatorIp);
    for (const name of ['h1', 'h2']) {
      await fleet.whotalks.startAgent(fleet.host(name), '--interval', interval, '--events', 'ebpf');
    }
    await fleet.whotalks.untilLive(fleet.host('aggregator'), 'h1', 'h2');
  });
  afterAll(async () => {
    await fleet.close();
  });

  /** `count` connections to a new server; both sides live until the test ends. */
  async function talk(client: string, server: string, ip: string, count: number): Promise<string> {
    const serving: LoadSide = await serveShort(fleet.host(server).namespace, ip);
    const load = { host: ip, port: serving.port, count, atOnce: 10, lifetimeMs: 3 };
    const dialing = await dialShort(fleet.host(client).namespace, load);
    await dialing.run();
    return `${client}/dial[${dialing.pid}] -> ${server}/serve[${serving.pid}] ${ip}:${serving.port} both closed`;
  }

  const inWords = ({ client, server, seen, closedAt }: ConnectionDocument): string =>
    `${client.host}/${client.process}[${client.pid}] -> ${server.host}/${server.process}[${server.pid}] ` +
    `${server.ip}:${server.port} ${seen} ${closedAt === null ? 'open' : 'closed'}`;

  test('all of them, and nothing else', async () => {
    const count = 400;
    const expected = new Map<string, number>();
    for (const told of await Promise.all([
      talk('h1', 'h2', '10.1.2.1', count),
      talk('h2', 'h1', 'fd00::1:1', count),
      talk('h1', 'h1', '127.0.0.1', count),
      talk('h2', 'h2', '127.0.0.1', count),
    ])) {
      expected.set(told, count);
    }
    const counted = new Map<string, number>();
    await until('every connection has both its ends', async () => {
      const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
      counted.clear();
      for (const connection of connections) {
        const { client, server } = connection;
        if ([7443, 7480].includes(server.port)) continue;
        counted.set(inWords(connection), (counted.get(inWords(connection)) ?? 0) + 1);
        expect([client.fds, server.fds].flat()).not.toContain(0xffffffff);
      }
      const matched = [...expected.keys()].every((told) => counted.get(told) === count);
      return matched || JSON.stringify([...counted].slice(0, 10), null, 1);
    });
    expect(counted).toEqual(expected);
  });

  test('a refused one is told by watch, with its process', async () => {
    const h1 = fleet.host('h1');
    const client = await h1.start('caller');
    await expect(client.connect({ host: '10.1.2.1', port: 9 })).rejects.toThrow('ECONNREFUSED');
    await until('it is in the answer', async () => {
      const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
      const refused = connections.filter(({ server }) => server.port === 9);
      return refused.length === 1 && refused[0]!.client.pid === client.pid;
    });
  });

  test('nothing was lost', async () => {
    const { hosts } = await fleet.whotalks.ask<HostsDocument>(fleet.host('aggregator'), 'hosts');
    expect(hosts.map(({ host, lostEvents, gaps, cannotSee }) => [host, lostEvents, gaps, cannotSee])).toEqual(
      [
        ['h1', 0, [], []],
        ['h2', 0, [], []],
      ],
    );
  });
});
