/** Peers of unconnected UDP sockets, as conntrack of their hosts tells: which halves they join, and which end asks. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ReportedSocket, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { ReportedFleet, translationOf } from '../../support/reported-fleet.ts';

const client = '10.1.17.138:42000';
const server = '10.1.100.9:53';

let fleet: ReportedFleet;
let web: ReportingHost;
let idx: ReportingHost;

beforeEach(() => {
  fleet = new ReportedFleet();
  web = fleet.host('web-7', { addresses: ['10.1.17.138'] });
  idx = fleet.host('idx-1', { addresses: ['10.1.100.9'] });
});

/** A peer that came between the last look, ten seconds ago, and now. */
function peer(
  host: ReportingHost,
  role: 'client' | 'server',
  shape: { readonly inode: number; readonly notBeforeMs?: number },
): ReportedSocket {
  const [local, remote] = host === web ? [client, server] : [server, client];
  const notBeforeMs = shape.notBeforeMs ?? fleet.nowMs - 10_000;
  const built = fleet.build(host, local, remote, { protocol: 'udp', notBeforeMs });
  const socket = { ...built, inode: shape.inode, byConntrack: true, translation: translationOf(role, []) };
  fleet.view.reports.opened(socket, fleet.nowMs);
  return socket;
}

const listens = (host: ReportingHost, local: string) =>
  fleet.listen(host, local, { protocol: 'udp', state: 'unconnected', program: 'named' });

describe('which end asks', () => {
  it('is the one with the port of the moment, where the other one has a fixed port', () => {
    listens(web, '0.0.0.0:42000');
    listens(idx, '0.0.0.0:53');
    peer(web, 'server', { inode: 7 });
    peer(idx, 'client', { inode: 8 });
    expect(fleet.only()).toMatchObject({ seen: 'both', direction: 'listener', client: { host: web } });
  });

  it('is who sent first as conntrack saw it, where the server is unknown', () => {
    listens(web, '0.0.0.0:42000');
    const socket = fleet.build(web, client, '10.9.9.9:40000', { protocol: 'udp' });
    const told = { ...socket, byConntrack: true, translation: translationOf('client', []) };
    fleet.view.reports.opened(told, fleet.nowMs);
    expect(fleet.only()).toMatchObject({ seen: 'client', direction: 'conntrack', client: { host: web } });
  });
});

describe('a connected client', () => {
  let asking: ReportedSocket;

  beforeEach(() => {
    asking = fleet.open(web, client, server, { protocol: 'udp' });
    fleet.pass(60_000);
  });

  it('is joined with a server that hears from it long after it was opened', () => {
    peer(idx, 'server', { inode: 8 });
    expect(fleet.only()).toMatchObject({ seen: 'both', direction: 'conntrack', client: { host: web } });
  });

  it('stays one connection over every pause, and over a restart of the server', () => {
    for (const inode of [8, 8, 9]) {
      const heard = peer(idx, 'server', { inode });
      expect(fleet.only().server.socket).toBe(heard);
      fleet.pass(60_000);
      fleet.close(heard);
      expect(fleet.only()).toMatchObject({ seen: 'both', closedAtMs: null });
      fleet.pass(60_000);
    }
    fleet.close(asking);
    expect(fleet.only()).toMatchObject({ seen: 'both', state: 'closed' });
  });

  it('that is over is not joined with whom its successor talks to', () => {
    fleet.close(asking);
    fleet.pass(60_000);
    peer(idx, 'server', { inode: 8 });
    expect(fleet.connections().map(({ seen }) => seen)).toEqual(['client', 'server']);
  });

  it('that is over is joined with what was told between two looks', () => {
    fleet.pass(5_000);
    fleet.close(asking);
    fleet.pass(4_000);
    peer(idx, 'server', { inode: 8 });
    expect(fleet.only()).toMatchObject({ seen: 'both' });
  });
});

it('an unconnected client takes up again what it paused, and another process does not', () => {
  const [asked, heard] = [peer(web, 'client', { inode: 7 }), peer(idx, 'server', { inode: 8 })];
  fleet.close(asked);
  const again = peer(web, 'client', { inode: 7 });
  expect(fleet.only().client.socket).toBe(again);
  fleet.close(again);
  peer(web, 'client', { inode: 9 });
  expect(fleet.connections().map(({ seen }) => seen)).toEqual(['both', 'client']);
  fleet.close(heard);
});
