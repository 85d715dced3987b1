/** Five hosts, every pair of them talking, and each host with itself: the whole ledger is in the answer, nothing else is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fleet } from '../support/fleet/fleet.ts';
import { formatComparison } from '../support/fleet/ledger.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { Peer } from '../support/fleet/peer.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';

describe.runIf(canMakeNamespaces)('five hosts', () => {
  const addresses = {
    h1: '10.1.1.1',
    h2: '10.1.2.1',
    h3: '10.1.3.1',
    h4: '10.1.4.1',
    h5: '10.1.5.1',
  } as const;
  const names = Object.keys(addresses) as (keyof typeof addresses)[];
  const port = 8743;
  /** 5 x 5 pairs, loopback on each host: 25 x 20 + 5 x 4 = 520 connections. */
  const perPair = 20;
  const perLoopback = 4;

  let fleet: Fleet;

  beforeAll(async () => {
    const plan = names.map((name, i) => [name, [`${addresses[name]}/16`, `fd00::${i + 1}/64`]] as const);
    ({ fleet } = await openWatchedFleet(Object.fromEntries(plan)));
  });

  afterAll(() => fleet?.close());

  test('every connection of all pairs is matched with the right process at both ends', async () => {
    const servers = new Map<string, Peer>();
    for (const name of names) {
      const server = await fleet.host(name).start(`server-${name}`);
      await server.listen('::', port);
      servers.set(name, server);
    }
    for (const from of names) {
      const client = await fleet.host(from).start(`client-${from}`);
      for (const [i, to] of names.entries()) {
        const server = servers.get(to)!;
        for (let n = 0; n < perPair; n++) {
          const ip = n % 2 === 0 ? addresses[to] : `fd00::${i + 1}`;
          await fleet.connect(client, server, { ip, port });
        }
      }
      for (let n = 0; n < perLoopback; n++) {
        await fleet.connect(client, servers.get(from)!, { ip: n % 2 === 0 ? '127.0.0.1' : '::1', port });
      }
    }
    const comparison = await fleet.expectLedgerMatched(fleet.host('aggregator'));
    expect(formatComparison(comparison)).toBe('ledger 520/520 matched, 0 phantom');
  });
});
