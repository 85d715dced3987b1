/** Boxes without an agent that translate one side: joined where only one can be meant, said to be ambiguous elsewhere. */
import { describe, expect, test } from 'vitest';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { seesAll } from '../../../aggregator/security/sight.ts';
import { connectionDocument } from '../../../aggregator/serve/documents.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

/** A server that sees a gateway, 192.0.2.1, which nobody claims. */
function serverBehindGateway(): { fleet: ReportedFleet; seen: (port: number) => ReportedSocket } {
  const fleet = new ReportedFleet();
  const server = fleet.host('db', { addresses: ['10.0.0.9'] });
  fleet.listen(server, '0.0.0.0:80');
  return { fleet, seen: (port) => fleet.open(server, '10.0.0.9:80', `192.0.2.1:${port}`) };
}

/** Who is joined with whom, and why not. */
function rows(fleet: ReportedFleet): string[] {
  return fleet
    .connections()
    .map(({ client, server, joinedBy, unseenBecause }) =>
      [client.socket?.host.name, server.socket?.host.name, joinedBy ?? unseenBecause].join(' '),
    )
    .toSorted();
}

describe('a gateway before clients', () => {
  test('joins the only two that can be one, as inferred, when both stayed long enough to be looked at', () => {
    const { fleet, seen } = serverBehindGateway();
    seen(61_000);
    fleet.open(fleet.host('web', { addresses: ['10.0.0.1'] }), '10.0.0.1:40000', '10.0.0.9:80');
    fleet.pass(2_000);
    expect(rows(fleet)).toEqual([' db not-yet', 'web  not-yet']);
    // Placed; but whoever is gone may be told to be so two intervals later.
    fleet.pass(1_500);
    expect(rows(fleet)).toEqual([' db no-agent', 'web  translated']);
    fleet.pass(500);
    expect(rows(fleet)).toEqual(['web db inferred']);
    const { nat, client, server } = connectionDocument(fleet.only(), seesAll);
    expect([nat, client.ip, server.ip]).toEqual([
      { clientDialed: '10.0.0.9:80', serverSaw: '192.0.2.1:61000' },
      '10.0.0.1',
      '10.0.0.9',
    ]);
  });

  test('joins none of several that began together, and what it joined it takes back', () => {
    const { fleet, seen } = serverBehindGateway();
    const web = fleet.host('web', { addresses: ['10.0.0.1'] });
    seen(61_000);
    fleet.open(web, '10.0.0.1:40000', '10.0.0.9:80');
    fleet.pass(4_000);
    expect(rows(fleet)).toEqual(['web db inferred']);
    // Told late: it began with the others.
    fleet.open(web, '10.0.0.1:40001', '10.0.0.9:80', { openedAtMs: 1_000_000, notBeforeMs: 999_000 });
    fleet.pass(4_000);
    fleet.pass(4_000);
    expect(rows(fleet)).toEqual([' db ambiguous', 'web  ambiguous', 'web  ambiguous']);
  });

  test('joins nobody while one that may be meant as well still waits for its other end', () => {
    const { fleet, seen } = serverBehindGateway();
    const web = fleet.host('web', { addresses: ['10.0.0.1'] });
    seen(61_000);
    fleet.open(web, '10.0.0.1:40000', '10.0.0.9:80');
    fleet.pass(3_000);
    fleet.open(web, '10.0.0.1:40001', '10.0.0.9:80', { openedAtMs: 1_000_000, notBeforeMs: 999_000 });
    const waiting = (): number => [...fleet.view.correlator.connections.lone()].length;
    expect(waiting()).toBe(1);
    fleet.pass(1_000);
    expect(waiting()).toBe(0);
    expect(rows(fleet)).toEqual([' db ambiguous', 'web  ambiguous', 'web  ambiguous']);
    const joined = fleet.events.filter(
      (event) => 'connection' in event && event.connection.joinedBy !== null,
    );
    expect(joined).toEqual([]);
  });

  test('leaves nothing behind of what it takes back: when it was over, and since when an edge is there', () => {
    const { fleet, seen } = serverBehindGateway();
    const web = fleet.host('web', { addresses: ['10.0.0.1'] });
    const ends = [seen(61_000), fleet.open(web, '10.0.0.1:40000', '10.0.0.9:80', { program: 'curl' })];
    fleet.pass(5_000);
    expect(rows(fleet)).toEqual(['web db inferred']);
    for (const end of ends) {
      fleet.close(end);
      fleet.pass(1_000);
    }
    const gateway = fleet.host('gateway', { addresses: ['192.0.2.1'] });
    fleet.open(gateway, '192.0.2.1:61000', '10.0.0.9:80', {
      openedAtMs: 1_000_000,
      notBeforeMs: 999_000,
      program: 'proxy',
    });
    fleet.open(web, '10.0.0.1:40002', '10.0.0.9:80', { program: 'curl' });
    fleet.pass(5_000);
    expect(fleet.connections().map(({ client, closedAtMs }) => [client.label, closedAtMs])).toEqual([
      ['proxy', null],
      ['curl', 1_006_000],
      ['curl', null],
    ]);
  });

  test('gives way to what the wire shows', () => {
    const { fleet, seen } = serverBehindGateway();
    seen(61_000);
    fleet.open(fleet.host('web', { addresses: ['10.0.0.1'] }), '10.0.0.1:40000', '10.0.0.9:80');
    fleet.pass(4_000);
    const gateway = fleet.host('gateway', { addresses: ['192.0.2.1'] });
    fleet.open(gateway, '192.0.2.1:61000', '10.0.0.9:80', { openedAtMs: 1_000_000, notBeforeMs: 999_000 });
    fleet.pass(4_000);
    expect(rows(fleet)).toEqual(['gateway db wire', 'web  translated']);
  });

  test('is none where the address is claimed, or where a look missed it', () => {
    const { fleet, seen } = serverBehindGateway();
    const web = fleet.host('web', { addresses: ['10.0.0.1'] });
    fleet.close(seen(61_000));
    fleet.open(web, '10.0.0.1:40000', '10.0.0.9:80');
    fleet.pass(4_000);
    expect(rows(fleet)).toEqual([' db no-agent', 'web  translated']);
  });
});

test('a balancer before servers joins the client that looks at it and the server that looks at the client', () => {
  const fleet = new ReportedFleet();
  const server = fleet.host('db', { addresses: ['10.0.0.9'] });
  fleet.listen(server, '0.0.0.0:8443');
  fleet.open(server, '10.0.0.9:8443', '10.0.0.1:40000');
  const web = fleet.host('web', { addresses: ['10.0.0.1'] });
  const socket = fleet.open(web, '10.0.0.1:40000', '192.0.2.2:443');
  fleet.pass(4_000);
  expect(rows(fleet)).toEqual(['web db inferred']);
  fleet.close(socket);
  expect(rows(fleet)).toEqual(['web db inferred']);
});

test('nothing stays behind', () => {
  const { fleet, seen } = serverBehindGateway();
  const web = fleet.host('web', { addresses: ['10.0.0.1'] });
  const sockets = [seen(61_000), fleet.open(web, '10.0.0.1:40000', '10.0.0.9:80')];
  fleet.pass(4_000);
  for (const socket of sockets) fleet.close(socket);
  fleet.pass(60 * 60_000);
  expect(fleet.view.correlator.gateways.size).toBe(0);
});
