/**
 * The founding example: `./index_search`, fd 101, from 10.1.17.138:8653 to 10.1.100.9:8743. One command names the
 * connection on its host, the other names both processes on both hosts.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SocketsDocument, ToDocument } from '../../model/document.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import type { LedgerEntry } from '../support/fleet/ledger.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import { until } from '../support/until.ts';

describe.runIf(canMakeNamespaces)('the founding example', () => {
  let fleet: Fleet;
  let entry: LedgerEntry;

  beforeAll(async () => {
    ({ fleet } = await openWatchedFleet({ search: ['10.1.17.138/16'], index: ['10.1.100.9/16'] }));
    const search = fleet.host('search');
    // A real executable of that name, so that the kernel and /proc/PID/exe call it so.
    const executable = join(search.folder, 'index_search');
    await search.namespace.run(['cp', process.execPath, executable]);
    const server = await fleet.host('index').start('index_server');
    await server.listen('10.1.100.9', 8743);
    const client = await search.start('index_search', executable);
    await client.fillDescriptors(101);
    const target = { ip: '10.1.100.9', port: 8743 };
    entry = await fleet.connect(client, server, target, { localAddress: '10.1.17.138', localPort: 8653 });
    await fleet.expectLedgerMatched(fleet.host('aggregator'));
  });

  afterAll(() => fleet?.close());

  test('sockets --pid P --fd 101 names the connection', async () => {
    const { pid, process: name } = entry.client;
    const document = await fleet.whotalks.ask<SocketsDocument>(
      fleet.host('search'),
      'sockets',
      '--pid',
      String(pid),
      '--fd',
      '101',
    );
    expect(document.sockets).toHaveLength(1);
    expect(document.sockets[0]).toMatchObject({
      protocol: 'tcp',
      state: 'established',
      local: { ip: '10.1.17.138', port: 8653 },
      remote: { ip: '10.1.100.9', port: 8743 },
      owners: [{ pid, process: name, fds: [101] }],
    });
    expect(name).toBe('index_search');
  });

  test('to 10.1.100.9:8743 names both processes on both hosts', async () => {
    let document: ToDocument | undefined;
    await until('the client is there', async () => {
      document = await fleet.whotalks.ask<ToDocument>(fleet.host('index'), 'to', '10.1.100.9:8743');
      return document.clients.length > 0;
    });
    expect(document!.listeners).toHaveLength(1);
    expect(document!.listeners[0]).toMatchObject({
      host: 'index',
      pid: entry.server.pid,
      process: 'index_server',
    });
    expect(document!.clients).toHaveLength(1);
    expect(document!.clients[0]).toMatchObject({
      host: 'search',
      pid: entry.client.pid,
      process: 'index_search',
      service: 'index_search',
      ip: '10.1.17.138',
      connections: 1,
      open: 1,
      seen: 'both',
    });
    expect(document!.coverage).toMatchObject({ hosts: 2, reporting: 2 });
  });

  test('the table for people names both as well', async () => {
    const { code, stdout } = await fleet.whotalks.run(
      fleet.host('index'),
      'to',
      '10.1.100.9:8743',
      '-o',
      'table',
    );
    expect(code).toBe(0);
    for (const word of ['index_search', 'index_server', 'search', 'index']) expect(stdout).toContain(word);
  });
});
