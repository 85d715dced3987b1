/** An aggregator that is killed, with its journal: what it knew is there before anybody tells it, and nothing is lost or doubled. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectionDocument, HostsDocument, MapDocument } from '../../model/document.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import type { Host } from '../support/fleet/host.ts';
import type { LedgerEntry } from '../support/fleet/ledger.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { Peer } from '../support/fleet/peer.ts';
import { aggregatorIp, openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import { type Daemon, httpPort } from '../support/fleet/whotalks.ts';
import { until } from '../support/until.ts';

const plan = { h1: ['10.1.1.1/16'], h2: ['10.1.2.1/16'] };
const port = 5432;

describe.runIf(canMakeNamespaces)('an aggregator that is killed', () => {
  let open: Fleet | null = null;
  /** Agents that are kept from running, which would not end. */
  let paused: Daemon[] = [];

  afterEach(async () => {
    await resume();
    await open?.close();
    open = null;
  });

  async function resume(): Promise<void> {
    for (const agent of paused.splice(0)) await agent.resume();
  }

  async function openPeers(fleet: Fleet): Promise<{ server: Peer; client: Peer }> {
    const server = await fleet.host('h2').start('postgres');
    const client = await fleet.host('h1').start('shop');
    await server.listen('10.1.2.1', port);
    return { server, client };
  }

  /** `client port, state, seen`, of connections to the port. */
  async function talking(fleet: Fleet, asker: Host): Promise<string[]> {
    const { connections } = await fleet.whotalks.connections(asker);
    const lineOf = ({ client, state, seen, closedAt }: ConnectionDocument): string =>
      `${client.host}:${client.port} ${client.process} ${state} ${seen} ${closedAt}`;
    return connections
      .filter(({ server }) => server.port === port)
      .map(lineOf)
      .toSorted();
  }

  async function totals(fleet: Fleet, asker: Host): Promise<string[]> {
    const { edges } = await fleet.whotalks.ask<MapDocument>(asker, 'map');
    return edges
      .filter((edge) => edge.port === port)
      .map(({ client, server, open: now, total }) => `${client}>${server} ${now}/${total}`);
  }

  /** Nothing waits for the disk any more. */
  async function untilDurable(asker: Host): Promise<void> {
    const url = `http://${aggregatorIp}:${httpPort}/metrics`;
    const script = `fetch(${JSON.stringify(url)}).then(async (answer) => console.log(await answer.text()))`;
    await until('all is durable', async () => {
      const metrics = await asker.namespace.run([process.execPath, '-e', script]);
      return /^whotalks_journal_waiting_bytes 0$/m.test(metrics) || metrics.slice(0, 200);
    });
  }

  test('and back knows what is open, what closed, and the totals, before its agents are', async () => {
    const { fleet, aggregator, agents } = await openWatchedFleet(plan);
    open = fleet;
    const asker = fleet.host('aggregator');
    const { server, client } = await openPeers(fleet);
    const entries: LedgerEntry[] = [];
    for (let i = 0; i < 20; i++) entries.push(await fleet.connect(client, server, { ip: '10.1.2.1', port }));
    await fleet.expectLedgerMatched(asker);
    for (const entry of entries.splice(0, 8)) await fleet.disconnect(client, server, entry);
    await until('8 are closed at both ends', async () => {
      const closed = (await talking(fleet, asker)).filter((each) => each.includes(' both 2'));
      return closed.length === 8 || closed.join('; ');
    });
    for (const agent of agents.values()) {
      await agent.pause();
      paused = [...paused, agent];
    }
    await untilDurable(asker);
    const before = { talking: await talking(fleet, asker), totals: await totals(fleet, asker) };
    expect(before.totals).toEqual(['node>node 12/20']);
    await aggregator.stop('KILL');
    await fleet.whotalks.startAggregator(asker, aggregatorIp);
    expect({ talking: await talking(fleet, asker), totals: await totals(fleet, asker) }).toEqual(before);
    const { hosts } = await fleet.whotalks.ask<HostsDocument>(asker, 'hosts');
    expect(hosts.map(({ host, state }) => `${host} ${state}`)).toEqual(['h1 stale', 'h2 stale']);
    await resume();
    await fleet.whotalks.untilLive(asker, 'h1', 'h2');
    await fleet.expectLedgerMatched(asker);
    expect({ talking: await talking(fleet, asker), totals: await totals(fleet, asker) }).toEqual(before);
  });

  test('again and again under load loses nothing, and counts nothing twice', async () => {
    const { fleet, ...started } = await openWatchedFleet(plan);
    open = fleet;
    let { aggregator } = started;
    const asker = fleet.host('aggregator');
    const { server, client } = await openPeers(fleet);
    let opened = 0;
    let isOver = false;
    const load = (async () => {
      const held: LedgerEntry[] = [];
      while (!isOver || held.length > 0) {
        if (!isOver) {
          opened++;
          held.push(await fleet.connect(client, server, { ip: '10.1.2.1', port }));
        }
        await sleep(60);
        // Each is there for some looks of both agents.
        if (held.length > 20 || isOver) await fleet.disconnect(client, server, held.shift()!);
      }
    })();
    for (let kill = 0; kill < 3; kill++) {
      await sleep(700 + 400 * kill);
      await aggregator.stop('KILL');
      aggregator = await fleet.whotalks.startAggregator(asker, aggregatorIp);
    }
    isOver = true;
    await load;
    await fleet.whotalks.untilLive(asker, 'h1', 'h2');
    await until('each is counted once', async () => {
      const found = await totals(fleet, asker);
      return found.join() === `node>node 0/${opened}` || `${found.join()} of ${opened}`;
    });
    const shown = await talking(fleet, asker);
    expect(shown).toHaveLength(opened);
    expect(new Set(shown.map((each) => each.split(' ')[0])).size).toBe(opened);
    expect(shown.filter((each) => !each.includes(' both '))).toEqual([]);
  });
});
