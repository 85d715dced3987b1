/** The comparison with the ledger finds what is missing, what is wrong and what nobody opened. */
import { describe, expect, test } from 'vitest';
import type { ConnectionDocument, EndDocument } from '../../../model/document.ts';
import { compareWithLedger, formatComparison, Ledger } from './ledger.ts';
import type { HeldSocket } from './peer.ts';

const clientAt = { ip: '10.1.1.1', port: 40000 };
const serverAt = { ip: '10.1.2.1', port: 5432 };
const client: HeldSocket = {
  host: 'h1',
  socket: 1,
  fd: 20,
  pid: 7,
  process: 'shop',
  local: clientAt,
  remote: serverAt,
};
const server: HeldSocket = {
  host: 'h2',
  socket: 1,
  fd: 21,
  pid: 8,
  process: 'postgres',
  local: serverAt,
  remote: clientAt,
};

function endOf({ host, pid, process, fd, local }: HeldSocket): EndDocument {
  const owners = [{ pid, process, fds: [fd] }];
  return { ...local, host, pid, process, fds: [fd], owners } as unknown as EndDocument;
}

const unseen = { host: null, pid: null, process: null, fds: [], owners: [] };

function answer(change: Partial<ConnectionDocument> = {}): ConnectionDocument {
  return {
    protocol: 'tcp',
    state: 'established',
    seen: 'both',
    closedAt: null,
    nat: null,
    client: endOf(client),
    server: endOf(server),
    ...change,
  } as ConnectionDocument;
}

function ledgerOf(...entries: (readonly [HeldSocket, HeldSocket])[]): Ledger {
  const ledger = new Ledger();
  for (const [a, b] of entries) ledger.record('tcp', a, b);
  return ledger;
}

function verdict(ledger: Ledger, ...documents: ConnectionDocument[]): string {
  return formatComparison(compareWithLedger(ledger, documents));
}

const label = 'tcp h1/shop[7] 10.1.1.1:40000 -> h2/postgres[8] 10.1.2.1:5432';

describe('one connection', () => {
  const ledger = ledgerOf([client, server]);

  test.each<[string, ConnectionDocument[], string]>([
    ['right', [answer()], 'ledger 1/1 matched, 0 phantom'],
    ['missing', [], `ledger 0/1 matched, 0 phantom\n${label}: 0 times in the answer`],
    ['twice', [answer(), answer()], `ledger 0/1 matched, 0 phantom\n${label}: 2 times in the answer`],
    [
      'another process',
      [answer({ client: endOf({ ...client, pid: 9, process: 'cron' }) })],
      `ledger 0/1 matched, 0 phantom\n${label}: client.pids is 9, not 7; client.process is undefined, not shop; client.fds is undefined, not 20; client.pid is 9, not 7`,
    ],
    [
      'another descriptor',
      [answer({ server: endOf({ ...server, fd: 3 }) })],
      `ledger 0/1 matched, 0 phantom\n${label}: server.fds is 3, not 21`,
    ],
    [
      'one side only',
      [answer({ seen: 'client', server: { ...endOf(server), ...unseen } })],
      `ledger 0/1 matched, 0 phantom\n${label}: seen is client, not both; server.host is null, not h2; server.pids is , not 8; server.process is undefined, not postgres; server.fds is undefined, not 21; server.pid is null, not 8`,
    ],
    [
      'translated although it is not',
      [answer({ nat: { clientDialed: '10.96.0.1:443', serverSaw: '10.1.1.1:40000' } })],
      `ledger 0/1 matched, 0 phantom\n${label}: nat is 10.96.0.1:443 10.1.1.1:40000, not `,
    ],
    [
      'the wrong way round',
      [answer({ client: endOf(server), server: endOf(client) })],
      `ledger 0/1 matched, 1 phantom\n${label}: 0 times in the answer\nphantom: tcp h2/postgres[8] 10.1.2.1:5432 -> h1/shop[7] 10.1.1.1:40000 seen=both established`,
    ],
    [
      'on another host with the same addresses',
      [answer({ client: endOf({ ...client, host: 'h3' }) })],
      `ledger 0/1 matched, 1 phantom\n${label}: 0 times in the answer\nphantom: tcp h3/shop[7] 10.1.1.1:40000 -> h2/postgres[8] 10.1.2.1:5432 seen=both established`,
    ],
    [
      'closed although it is open',
      [answer({ closedAt: '2024-05-01T12:00:00.000Z' })],
      `ledger 0/1 matched, 1 phantom\n${label}: 0 times in the answer\nphantom: tcp h1/shop[7] 10.1.1.1:40000 -> h2/postgres[8] 10.1.2.1:5432 seen=both closed`,
    ],
  ])('%s', (_name, documents, expected) => {
    expect(verdict(ledger, ...documents)).toBe(expected);
  });
});

test('a connection that nobody opened is a phantom, one of the fleet’s own is none', () => {
  const ledger = ledgerOf();
  expect(verdict(ledger, answer())).toContain('ledger 0/0 matched, 1 phantom');
  ledger.infrastructure.add('10.1.2.1:5432');
  expect(verdict(ledger, answer())).toBe('ledger 0/0 matched, 0 phantom');
});

test('a host without an agent: its end is expected to be unseen', () => {
  const ledger = ledgerOf([client, server]);
  ledger.unwatched.add('h2');
  expect(verdict(ledger, answer({ seen: 'client', server: { ...endOf(server), ...unseen } }))).toBe(
    'ledger 1/1 matched, 0 phantom',
  );
  expect(verdict(ledger, answer())).toContain('seen is both, not client; server.pid is 8, not null');
  ledger.unwatched.add('h1');
  expect(verdict(ledger)).toBe('ledger 0/0 matched, 0 phantom');
});

test('what was closed may linger as closed, and is a phantom as open', () => {
  const ledger = ledgerOf([client, server]);
  ledger.entries[0]!.open = false;
  expect(verdict(ledger, answer({ closedAt: '2024-05-01T12:00:00.000Z' }))).toBe(
    'ledger 0/0 matched, 0 phantom',
  );
  expect(verdict(ledger, answer())).toContain('1 phantom');
});

test('a translated connection says what each end saw', () => {
  const dialed = { ip: '10.96.0.1', port: 443 };
  const ledger = ledgerOf([{ ...client, remote: dialed }, server]);
  expect(verdict(ledger, answer())).toContain('nat is , not 10.96.0.1:443 10.1.1.1:40000');
  const nat = { clientDialed: '10.96.0.1:443', serverSaw: '10.1.1.1:40000' };
  expect(verdict(ledger, answer({ nat }))).toBe('ledger 1/1 matched, 0 phantom');
});

test('an end with several processes has all of them', () => {
  const ledger = ledgerOf([client, server]);
  ledger.share(ledger.entries[0]!, 'server', 5);
  expect(verdict(ledger, answer())).toContain('server.pids is 8, not 5,8; server.pid is 8, not 5');
  const both = [
    { pid: 5, process: 'sleep', fds: [3] },
    { pid: 8, process: 'postgres', fds: [21] },
  ];
  expect(verdict(ledger, answer({ server: { ...endOf(server), pid: 5, owners: both } }))).toBe(
    'ledger 1/1 matched, 0 phantom',
  );
});
