/** What is missing is said: a host without an agent, an agent that died, an aggregator that came late or anew. */
import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectionDocument, ConnectionsDocument } from '../../model/document.ts';
import { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import { aggregatorIp, openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import { until } from '../support/until.ts';

describe.runIf(canMakeNamespaces)('what is missing is said', () => {
  const plan = { h1: ['10.1.1.1/16'], h2: ['10.1.2.1/16'] };

  let open: Fleet | null = null;

  afterEach(async () => {
    await open?.close();
    open = null;
  });

  /** Opens `count` connections from h1 to h2:port. */
  async function talk(fleet: Fleet, count: number, port = 5432): Promise<void> {
    const server = await fleet.host('h2').start('postgres');
    const client = await fleet.host('h1').start('shop');
    await server.listen('10.1.2.1', port);
    for (let i = 0; i < count; i++) await fleet.connect(client, server, { ip: '10.1.2.1', port });
  }

  test.each([
    ['client', 'h2', 'h1'],
    ['server', 'h1', 'h2'],
  ] as const)(
    'a host without an agent: seen from the %s side, and it says why',
    async (seen, without, withAgent) => {
      const { fleet } = await openWatchedFleet(plan, [without]);
      open = fleet;
      await talk(fleet, 3);
      const asker = fleet.host('aggregator');
      await fleet.expectLedgerMatched(asker);
      let talking: readonly ConnectionDocument[] = [];
      // For as long as an agent may still report the other end, the answer is "not yet".
      await until('it is decided', async () => {
        const { connections } = await fleet.whotalks.connections(asker);
        talking = connections.filter(({ server }) => server.port === 5432);
        return talking.every(({ unseenBecause }) => unseenBecause !== 'not-yet');
      });
      expect(talking).toHaveLength(3);
      for (const connection of talking) {
        expect(connection).toMatchObject({ seen, unseenBecause: 'no-agent' });
        expect(connection[seen].host).toBe(withAgent);
        expect(connection[seen === 'client' ? 'server' : 'client']).toMatchObject({
          host: null,
          process: null,
        });
      }
    },
  );

  test('agents that start before their aggregator', async () => {
    const fleet = await Fleet.open({ ...plan, aggregator: [`${aggregatorIp}/16`] });
    open = fleet;
    fleet.ledger.unwatched.add('aggregator');
    fleet.whotalks.serveFrom(aggregatorIp);
    await talk(fleet, 5);
    const agents = await Promise.all(['h1', 'h2'].map((name) => fleet.whotalks.startAgent(fleet.host(name))));
    await until('both agents wait', () => agents.every((agent) => agent.log() !== ''));
    const asker = fleet.host('aggregator');
    await fleet.whotalks.startAggregator(asker, aggregatorIp);
    await fleet.whotalks.untilLive(asker, 'h1', 'h2');
    await fleet.expectLedgerMatched(asker);
  });

  test.each(['TERM', 'KILL'] as const)(
    'an aggregator that is started anew after %s knows everything again',
    async (signal) => {
      const { fleet, aggregator } = await openWatchedFleet(plan);
      open = fleet;
      const asker = fleet.host('aggregator');
      await talk(fleet, 5);
      await fleet.expectLedgerMatched(asker);
      await aggregator.stop(signal);
      await talk(fleet, 5, 5433);
      await fleet.whotalks.startAggregator(asker, aggregatorIp);
      await fleet.whotalks.untilLive(asker, 'h1', 'h2');
      const { total } = await fleet.expectLedgerMatched(asker);
      expect(total).toBe(10);
    },
  );

  test('an agent that is killed: its host is named as missing, and its sockets are not called closed', async () => {
    const { fleet, agents } = await openWatchedFleet(plan);
    open = fleet;
    const asker = fleet.host('aggregator');
    await talk(fleet, 3);
    await fleet.expectLedgerMatched(asker);
    await agents.get('h2')!.stop('KILL');
    let document: ConnectionsDocument | undefined;
    await until(
      'h2 is said to be stale',
      async () => {
        document = await fleet.whotalks.connections(asker);
        return document.partial.length > 0;
      },
      90_000,
    );
    expect(document!.partial).toMatchObject([{ host: 'h2' }]);
    const open3 = document!.connections.filter(({ server }) => server.port === 5432);
    expect(open3.map(({ closedAt }) => closedAt)).toEqual([null, null, null]);
    const { code, stderr } = await fleet.whotalks.run(asker, 'connections');
    expect(code).toBe(5);
    expect(stderr).toContain('h2');
    await fleet.whotalks.startAgent(fleet.host('h2'));
    await fleet.whotalks.untilLive(asker, 'h1', 'h2');
    await fleet.expectLedgerMatched(asker);
  });
});
