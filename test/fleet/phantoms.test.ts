/** What is gone is not shown as there, and what is there not twice: whatever happened while an agent did not look. */
import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectionDocument, HostsDocument, MapDocument } from '../../model/document.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { HeldSocket, Peer } from '../support/fleet/peer.ts';
import { openWatchedFleet, type WatchedFleet } from '../support/fleet/watched-fleet.ts';
import { patienceMs, until } from '../support/until.ts';

describe.runIf(canMakeNamespaces)('no phantoms', () => {
  let open: Fleet | null = null;

  afterEach(async () => {
    await open?.close();
    open = null;
  });

  interface Talk {
    readonly server: Peer;
    readonly client: Peer;
    /** Its client end. */
    readonly held: HeldSocket;
  }

  async function watchedTalk(): Promise<WatchedFleet & { readonly talk: Talk }> {
    const watched = await openWatchedFleet({ h1: ['10.1.1.1/16'], h2: ['10.1.2.1/16'] });
    const { fleet } = watched;
    open = fleet;
    const server = await fleet.host('h2').start('postgres');
    const client = await fleet.host('h1').start('shop');
    await server.listen('10.1.2.1', 5432);
    const entry = await fleet.connect(client, server, { ip: '10.1.2.1', port: 5432 });
    await fleet.expectLedgerMatched(fleet.host('aggregator'));
    return { ...watched, talk: { server, client, held: entry.client } };
  }

  async function about5432(fleet: Fleet): Promise<readonly ConnectionDocument[]> {
    const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
    return connections.filter(({ server }) => server.port === 5432);
  }

  /** A silent agent is believed for 40 s, counted from its last word. */
  async function untilStale(fleet: Fleet, name: string): Promise<void> {
    const isStale = async (): Promise<boolean> => {
      const { hosts } = await fleet.whotalks.ask<HostsDocument>(fleet.host('aggregator'), 'hosts');
      return hosts.some(({ host, state }) => host === name && state === 'stale');
    };
    await until(`${name} is stale`, isStale, 2 * patienceMs);
  }

  /** Waits until the only connection to port 5432 is closed. */
  async function untilOnlyOneClosed(fleet: Fleet): Promise<void> {
    let known: readonly ConnectionDocument[] = [];
    await until('it is known to be closed', async () => {
      known = await about5432(fleet);
      const isClosed = known.length > 0 && known.every(({ closedAt }) => closedAt !== null);
      return isClosed || JSON.stringify(known);
    });
    expect(known.map(({ seen, state }) => [seen, state])).toEqual([['both', expect.any(String)]]);
    const { edges } = await fleet.whotalks.ask<MapDocument>(fleet.host('aggregator'), 'map');
    expect(edges.filter(({ port }) => port === 5432)).toMatchObject([
      { open: 0, total: 1, seen: { both: 1, client: 0, server: 0 } },
    ]);
  }

  /** The server's kernel remembers the connection in TIME_WAIT, without an inode. */
  async function killBoth({ fleet, talk }: { fleet: Fleet; talk: Talk }): Promise<void> {
    await fleet.host('h2').kill(talk.server.pid, 'KILL');
    await until(
      'the client hears of it',
      async () =>
        (await fleet.host('h1').ss('-t', 'state', 'close-wait')).length > 0 ||
        (await fleet.host('h1').ss('-t', 'state', 'established', 'dport', '=', ':5432')).length === 0,
    );
    await fleet.host('h1').kill(talk.client.pid, 'KILL');
  }

  test('both processes are killed while the agent of one is dead', async () => {
    const { fleet, agents, talk } = await watchedTalk();
    await agents.get('h2')!.stop('KILL');
    await killBoth({ fleet, talk });
    await fleet.whotalks.startAgent(fleet.host('h2'));
    await fleet.whotalks.untilLive(fleet.host('aggregator'), 'h1', 'h2');
    await untilOnlyOneClosed(fleet);
  });

  test('both processes are killed while an agent is stopped for longer than its lease', async () => {
    const { fleet, agents, talk } = await watchedTalk();
    const agent = agents.get('h2')!;
    await agent.pause();
    try {
      await killBoth({ fleet, talk });
      await untilStale(fleet, 'h2');
      expect((await about5432(fleet)).map(({ closedAt }) => closedAt)).toEqual([null]);
    } finally {
      await agent.resume();
    }
    await fleet.whotalks.untilLive(fleet.host('aggregator'), 'h1', 'h2');
    await untilOnlyOneClosed(fleet);
  }, 180_000);

  test('agents come back with other names, labels and realm', async () => {
    const { fleet, agents } = await watchedTalk();
    for (const name of ['h1', 'h2']) {
      await agents.get(name)!.stop();
      const anew = ['--host-name', `${name}-anew`, '--realm', 'east', '--label', `service=${name}-service`];
      await fleet.whotalks.startAgent(fleet.host(name), ...anew);
    }
    const asker = fleet.host('aggregator');
    await fleet.whotalks.untilLive(asker, 'h1-anew', 'h2-anew');
    const { hosts } = await fleet.whotalks.ask<HostsDocument>(asker, 'hosts');
    expect(hosts.map(({ host, realm }) => `${host} ${realm}`).sort()).toEqual([
      'h1-anew east',
      'h2-anew east',
    ]);
    const known = await about5432(fleet);
    expect(known.map(({ seen, closedAt, client }) => [seen, closedAt, client.realm])).toEqual([
      ['both', null, 'east'],
    ]);
    const { edges } = await fleet.whotalks.ask<MapDocument>(asker, 'map');
    expect(
      edges
        .filter(({ port }) => port === 5432)
        .map(({ client, server, realm, open: count, total }) => [client, server, realm, count, total]),
    ).toEqual([['h1-service', 'h2-service', 'east', 1, 1]]);
  });
});
