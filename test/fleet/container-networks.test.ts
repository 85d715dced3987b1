/** Two hosts whose containers have the same addresses and, here, the very same four-tuples: never mixed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';

describe.runIf(canMakeNamespaces)('equal container networks', () => {
  let fleet: Fleet;

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
});
