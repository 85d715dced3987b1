/** Two hosts: every kind of socket, both ends named as the processes that opened them know it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ToDocument } from '../../model/document.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import type { Host } from '../support/fleet/host.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { Peer } from '../support/fleet/peer.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import { until } from '../support/until.ts';

describe.runIf(canMakeNamespaces)('two hosts', () => {
  let fleet: Fleet;
  let asker: Host;
  let web: Host;
  let db: Host;
  const peers: Peer[] = [];

  beforeAll(async () => {
    ({ fleet } = await openWatchedFleet({
      web: ['10.1.17.138/16', 'fd00::1/64'],
      db: ['10.1.100.9/16', 'fd00::2/64'],
    }));
    asker = fleet.host('aggregator');
    web = fleet.host('web');
    db = fleet.host('db');
  });

  // What one test leaves open stays in the ledger, so every answer is compared with all that was ever opened.
  beforeEach(() => {
    peers.length = 0;
  });

  afterAll(() => fleet?.close());

  test.each([
    ['IPv4', '10.1.100.9', '10.1.100.9'],
    ['IPv6', 'fd00::2', 'fd00::2'],
    ['an IPv4 client of a dual-stack listener', '::', '10.1.100.9'],
  ])('%s', async (_name, bound, dialed) => {
    const server = await db.start('postgres');
    const client = await web.start('shop');
    const listener = await server.listen(bound, 0);
    for (let i = 0; i < 5; i++)
      await fleet.connect(client, server, { ip: dialed, port: listener.local.port });
    await fleet.expectLedgerMatched(asker);
  });

  test('connected UDP sockets', async () => {
    const server = await db.start('dns');
    const client = await web.start('resolver');
    const entry = await fleet.connectUdp(client, { ip: '10.1.17.138', port: 40053 }, server, {
      ip: '10.1.100.9',
      port: 53,
    });
    await client.send(entry.client, 'question');
    await fleet.expectLedgerMatched(asker);
  });

  test('a prefork server: each connection belongs to the worker that accepted it', async () => {
    const server = await db.start('prefork');
    const listener = await server.listen('10.1.100.9', 0);
    const workers = await server.prefork(listener, 4);
    const client = await web.start('load');
    for (let i = 0; i < 20; i++) await fleet.connect(client, server, listener.local);
    await fleet.expectLedgerMatched(asker);
    const holders = [server.pid, ...workers].sort((a, b) => a - b).join();
    await until('all of them hold the listener', async () => {
      const { listeners } = await fleet.whotalks.ask<ToDocument>(
        asker,
        'to',
        `10.1.100.9:${listener.local.port}`,
      );
      const told = listeners.map(({ owners }) => owners.map(({ pid }) => pid).join());
      return told.join(' ') === holders || told.join(' ');
    });
  });

  test('a connection that two processes hold', async () => {
    const server = await db.start('inetd');
    const client = await web.start('shop');
    const listener = await server.listen('10.1.100.9', 0);
    const entry = await fleet.connect(client, server, listener.local);
    fleet.ledger.share(entry, 'server', await server.share(entry.server));
    await fleet.expectLedgerMatched(asker);
  });

  test('one client with 500 connections', async () => {
    const server = await db.start('pool-server');
    const client = await web.start('pool');
    const listener = await server.listen('0.0.0.0', 0);
    const target = { ip: '10.1.100.9', port: listener.local.port };
    await Promise.all(Array.from({ length: 500 }, () => fleet.connect(client, server, target)));
    const { total } = await fleet.expectLedgerMatched(asker);
    expect(total).toBeGreaterThanOrEqual(500);
  });

  test('loopback belongs to its host: equal tuples on both, never mixed', async () => {
    for (const host of [web, db]) {
      const server = await host.start('cache');
      const client = await host.start('worker');
      await server.listen('127.0.0.1', 6379);
      await fleet.connect(client, server, { ip: '127.0.0.1', port: 6379 }, { localPort: 41000 });
    }
    await fleet.expectLedgerMatched(asker);
  });

  test('a host that talks to its own address', async () => {
    const server = await db.start('self');
    const client = await db.start('selfish');
    const listener = await server.listen('10.1.100.9', 0);
    await fleet.connect(client, server, listener.local);
    await fleet.expectLedgerMatched(asker);
  });

  test('what is closed is shown closed, and what is opened anew on the same tuple is another connection', async () => {
    const server = await db.start('churn-server');
    const client = await web.start('churn');
    const listener = await server.listen('10.1.100.9', 0);
    const from = { localAddress: '10.1.17.138', localPort: 42000 };
    const first = await fleet.connect(client, server, listener.local, from);
    await fleet.expectLedgerMatched(asker);
    // A reset leaves no TIME_WAIT behind, so that the port is free at once.
    first.open = false;
    await client.reset(first.client);
    await fleet.expectLedgerMatched(asker);
    await fleet.connect(client, server, listener.local, from);
    await fleet.expectLedgerMatched(asker);
    const { connections } = await fleet.whotalks.connections(asker);
    const same = connections.filter(({ client: end }) => end.port === 42000);
    expect(same.filter(({ closedAt }) => closedAt === null)).toHaveLength(1);
    expect(same.filter(({ closedAt }) => closedAt !== null)).toHaveLength(1);
    expect(new Set(same.map(({ id }) => id)).size).toBe(2);
  });
});
