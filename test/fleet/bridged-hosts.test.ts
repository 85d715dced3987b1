/** Containers whose bridge has the host's own way out as a port are on the LAN: they meet across hosts, and hosts themselves. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';

describe.runIf(canMakeNamespaces)('containers bridged onto the LAN', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    ({ fleet } = await openWatchedFleet({ h1: ['10.1.1.1/16'], h2: ['10.1.2.1/16'] }));
  });

  afterAll(() => fleet?.close());

  test('talk to those of another host, and both ends are found', async () => {
    for (const [name, own] of [
      ['h1', '10.1.1.1'],
      ['h2', '10.1.2.1'],
    ] as const) {
      // The address moves from the device to the bridge, as on hosts that are set up so.
      await fleet
        .host(name)
        .namespace.ip([
          'link add br0 type bridge',
          `addr del ${own}/16 dev eth0`,
          'link set eth0 master br0',
          'link set br0 up',
          `addr add ${own}/16 dev br0`,
        ]);
    }
    const app = await fleet.host('h1').addContainer('app', 'br0', '10.1.1.20/16');
    const store = await fleet.host('h2').addContainer('store', 'br0', '10.1.2.20/16');
    const client = await app.start('app');
    const server = await store.start('store');
    const onHost = await fleet.host('h2').start('daemon');
    await server.listen('0.0.0.0', 5432);
    await onHost.listen('0.0.0.0', 9000);
    await fleet.connect(client, server, { ip: '10.1.2.20', port: 5432 });
    await fleet.connect(client, onHost, { ip: '10.1.2.1', port: 9000 });
    const { total } = await fleet.expectLedgerMatched(fleet.host('aggregator'));
    expect(total).toBe(2);
  });
});
