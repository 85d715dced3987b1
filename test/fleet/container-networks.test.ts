/** Two hosts whose containers have the same addresses and, here, the very same four-tuples: never mixed, and counted. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MapDocument } from '../../model/document.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { Peer } from '../support/fleet/peer.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import { until } from '../support/until.ts';

describe.runIf(canMakeNamespaces)('equal container networks', () => {
  let fleet: Fleet;
  const peers = new Map<string, Peer>();

  beforeAll(async () => {
    ({ fleet } = await openWatchedFleet({ h1: ['10.1.1.1/16'], h2: ['10.1.2.1/16'] }));
  });

  afterAll(() => fleet?.close());

  test('each host’s containers talk among themselves', async () => {
    for (const name of ['h1', 'h2']) {
      const host = fleet.host(name);
      await host.addBridge('docker0', '172.17.0.1/16');
      const redis = await host.addContainer('redis', 'docker0', '172.17.0.2/16');
      const app = await host.addContainer('app', 'docker0', '172.17.0.3/16');
      const server = await redis.start(`redis-${name}`);
      const client = await app.start(`app-${name}`);
      for (const peer of [server, client]) peers.set(peer.process, peer);
      await server.listen('0.0.0.0', 6379);
      const target = { ip: '172.17.0.2', port: 6379 };
      for (let i = 0; i < 5; i++) await fleet.connect(client, server, target, { localPort: 40000 + i });
      // The host itself is on that network too.
      const cron = await host.start(`cron-${name}`);
      await fleet.connect(cron, server, target, { localPort: 40100 });
    }
    const { total } = await fleet.expectLedgerMatched(fleet.host('aggregator'));
    expect(total).toBe(12);
  });

  test('also on bridges on which the host itself has no address', async () => {
    for (const name of ['h1', 'h2']) {
      const host = fleet.host(name);
      await host.addBridge('inner0');
      const store = await host.addContainer('store', 'inner0', '10.200.0.2/24', 'fd20::2/64');
      const job = await host.addContainer('job', 'inner0', '10.200.0.3/24', 'fd20::3/64');
      const server = await store.start(`store-${name}`);
      const client = await job.start(`job-${name}`);
      await server.listen('::', 7000);
      for (const ip of ['10.200.0.2', 'fd20::2']) {
        for (let i = 0; i < 3; i++) {
          await fleet.connect(client, server, { ip, port: 7000 }, { localPort: 41000 + i });
        }
      }
    }
    const { total } = await fleet.expectLedgerMatched(fleet.host('aggregator'));
    expect(total).toBe(24);
  });

  test('what goes through a connection between containers is counted', async () => {
    const [entry] = fleet.ledger.entries.filter(({ client }) => client.process === 'app-h1');
    const { client, server } = entry!;
    await peers.get(client.process)!.send(client, 'x'.repeat(1000));
    await peers.get(server.process)!.send(server, 'y'.repeat(300));
    const asker = fleet.host('aggregator');
    await until('both ways are counted', async () => {
      const { connections } = await fleet.whotalks.connections(asker);
      const counted = connections.find((connection) => {
        return connection.client.host === 'h1' && connection.client.port === client.local.port;
      })!;
      const { bytesToServer, bytesToClient, rttUs, retransmits } = counted;
      // A busy machine may take so long that something is sent again.
      const isCounted = bytesToServer === 1000 && bytesToClient === 300 && retransmits !== null;
      return (isCounted && rttUs !== null && rttUs > 0) || JSON.stringify(counted);
    });
    const { edges } = await fleet.whotalks.ask<MapDocument>(asker, 'map');
    const bytes = edges.map(({ bytesToServer, bytesToClient }) => [bytesToServer, bytesToClient]);
    expect(bytes).toContainEqual([1000, 300]);
  });
});
