/** Sockets that are told long after they closed: they find their other end, count once, and are joined to nothing else. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ReportedSocket, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { ReportedFleet, type SocketShape } from '../../support/reported-fleet.ts';

const hourMs = 3_600_000;
const lingerMs = 15 * 60_000;
const at = { client: '10.0.0.1:40000', server: '10.0.0.2:80' };

let fleet: ReportedFleet;
let h1: ReportingHost;
let h2: ReportingHost;
beforeEach(() => {
  fleet = new ReportedFleet({ sinceMs: 100 * hourMs });
  h1 = fleet.host('h1', { addresses: ['10.0.0.1'] });
  h2 = fleet.host('h2', { addresses: ['10.0.0.2'] });
});

/** Tells of a socket that was there for ten seconds, so long ago. */
function tellPast(
  host: ReportingHost,
  end: 'client' | 'server',
  agoMs: number,
  shape: SocketShape = {},
): ReportedSocket {
  const openedAtMs = fleet.nowMs - agoMs;
  const [local, remote] = end === 'client' ? [at.client, at.server] : [at.server, at.client];
  const times = { openedAtMs, notBeforeMs: openedAtMs - 1_000 };
  const socket = fleet.build(host, local, remote, { program: end, ...times, ...shape });
  socket.closedAtMs = openedAtMs + 10_000;
  fleet.view.reports.opened(socket, fleet.nowMs);
  fleet.view.reports.closed(socket, fleet.nowMs);
  return socket;
}

const shown = () =>
  fleet
    .connections()
    .map(({ seen, state, client, server }) => [seen, state, client.label, server.label].join(' '));
const totals = () =>
  fleet.edges().map(({ client, server, open, total }) => `${client} -> ${server}: ${open} of ${total}`);

describe('both ends, told hours late', () => {
  test.each([
    ['client', 'server'],
    ['server', 'client'],
  ] as const)('are one connection, the %s told first', (first, second) => {
    const hostOf = { client: h1, server: h2 };
    tellPast(hostOf[first], first, 3 * hourMs);
    fleet.pass(lingerMs - 60_000);
    tellPast(hostOf[second], second, 3 * hourMs + lingerMs - 60_000);
    expect(shown()).toEqual(['both closed client server']);
    expect(totals()).toEqual(['client -> server: 0 of 1']);
    expect(fleet.only().openedAtMs).toBe(fleet.nowMs - 3 * hourMs - lingerMs + 60_000);
  });

  test('linger from when they were told, and stay in the totals', () => {
    tellPast(h1, 'client', 3 * hourMs);
    tellPast(h2, 'server', 3 * hourMs);
    fleet.pass(lingerMs - 1_000);
    expect(shown()).toHaveLength(1);
    fleet.pass(2_000);
    expect(shown()).toEqual([]);
    expect(totals()).toEqual(['client -> server: 0 of 1']);
    const { sizes } = fleet.view;
    expect([sizes['plain'], sizes['shares'], sizes['recentlyClosed'], sizes['toldOpen']]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  test('are told to who watches as opened and closed', () => {
    tellPast(h1, 'client', hourMs);
    fleet.events.length = 0;
    tellPast(h2, 'server', hourMs);
    expect(fleet.events.map(({ kind }) => kind)).toEqual(['edge', 'opened', 'closed']);
  });
});

describe('one end, told late', () => {
  test('joins the other one, which was told in time and lingers', () => {
    const server = fleet.open(h2, at.server, at.client, { program: 'server' });
    fleet.pass(10_000);
    fleet.close(server);
    fleet.pass(10 * 60_000);
    expect(shown().map((text) => text.split(' ')[0])).toEqual(['server']);
    tellPast(h1, 'client', 10 * 60_000 + 10_000);
    expect(shown()).toEqual(['both closed client server']);
    expect(totals()).toEqual(['client -> server: 0 of 1']);
  });

  test('joins one in the core that is over, and leaves its count as it is', () => {
    const [client, server] = [
      fleet.open(h1, '10.0.0.1:50000', at.server, { program: 'client' }),
      fleet.open(h2, at.server, '10.0.0.1:50000', { program: 'server' }),
    ];
    fleet.pass(5_000);
    for (const socket of [client, server]) fleet.close(socket);
    fleet.pass(60_000);
    tellPast(h1, 'client', hourMs);
    tellPast(h2, 'server', hourMs);
    expect(shown().sort()).toEqual(['both closed client server', 'both closed client server']);
    expect(totals()).toEqual(['client -> server: 0 of 2']);
  });

  test('stands alone where nobody tells of the other one, is counted, and is forgotten', () => {
    tellPast(h1, 'client', 3 * hourMs);
    fleet.pass(1_000);
    expect(shown()).toHaveLength(1);
    fleet.pass(10_000);
    expect(shown()).toEqual(['client closed client h2']);
    expect(totals()).toEqual(['client -> h2: 0 of 1']);
    fleet.pass(lingerMs);
    expect([shown(), totals()]).toEqual([[], ['client -> h2: 0 of 1']]);
  });
});

describe('is not joined', () => {
  test('to a later connection of the same tuple, of which nobody saw the beginning', () => {
    fleet.open(h2, at.server, at.client, { program: 'server', notBeforeMs: 0 });
    tellPast(h1, 'client', hourMs);
    fleet.pass(10_000);
    expect(shown().sort()).toEqual(['client closed client h2', 'server established h1 server']);
  });

  test('and does not end the later one of its own namespace', () => {
    fleet.open(h1, at.client, at.server, { program: 'client' });
    fleet.open(h2, at.server, at.client, { program: 'server' });
    tellPast(h1, 'client', hourMs);
    fleet.pass(10_000);
    expect(shown().sort()).toEqual(['both established client server', 'client closed client h2']);
    tellPast(h2, 'server', hourMs + 10_000);
    expect(shown().sort()).toEqual(['both closed client server', 'both established client server']);
    expect(totals()).toEqual(['client -> server: 1 of 2']);
  });
});

test('a conversation that was passed on is one when all three tell of it late', () => {
  const router = fleet.host('router', { addresses: ['10.0.0.9'] });
  const openedAtMs = fleet.nowMs - hourMs;
  const flow = fleet.forward(
    router,
    '10.0.0.1:40000>10.0.0.9:443',
    '10.0.0.9:60000>10.0.0.2:80',
    'tcp',
    openedAtMs,
  );
  fleet.view.reports.forwardEnded(flow, fleet.nowMs, openedAtMs + 10_000);
  fleet.pass(30_000);
  const past = (host: ReportingHost, local: string, remote: string, program: string): void => {
    const socket = fleet.build(host, local, remote, { program, openedAtMs, notBeforeMs: openedAtMs - 1_000 });
    socket.closedAtMs = openedAtMs + 10_000;
    fleet.view.reports.opened(socket, fleet.nowMs);
    fleet.view.reports.closed(socket, fleet.nowMs);
  };
  past(h1, '10.0.0.1:40000', '10.0.0.9:443', 'client');
  past(h2, '10.0.0.2:80', '10.0.0.9:60000', 'server');
  expect(shown()).toEqual(['both closed client server']);
  expect(fleet.only().joinedBy).toBe('forwarder');
});

test('the record of one that was passed on long ago ends none that goes on, and leads nobody of now', () => {
  const router = fleet.host('router', { addresses: ['10.0.0.9'] });
  const tuples = ['10.0.0.1:40000>10.0.0.9:443', '10.0.0.9:60000>10.0.0.2:80'] as const;
  fleet.forward(router, ...tuples);
  const late = fleet.forward(router, ...tuples, 'tcp', fleet.nowMs - hourMs);
  fleet.view.reports.forwardEnded(late, fleet.nowMs, fleet.nowMs - hourMs + 10_000);
  expect(fleet.view.correlator.flows.of(router)).toHaveLength(1);
  fleet.open(h1, '10.0.0.1:40000', '10.0.0.9:443', { program: 'client' });
  fleet.open(h2, '10.0.0.2:80', '10.0.0.9:60000', { program: 'server' });
  expect(shown()).toEqual(['both established client server']);
});
