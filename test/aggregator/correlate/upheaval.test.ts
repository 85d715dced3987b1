/** What stays true when hosts change under the connections: clones, networks learned late, listeners in great number. */
import { describe, expect, it, vi } from 'vitest';
import { generationsMax } from '../../../aggregator/correlate/connection-table.ts';
import { netnsOf, processNamed, ReportedFleet } from '../../support/reported-fleet.ts';

describe('a host that is lost', () => {
  it.each(['client', 'server'] as const)(
    'leaves what it had with itself counted as it was, the %s first',
    (first) => {
      const fleet = new ReportedFleet();
      const host = fleet.host('h1', { addresses: ['10.0.0.1'] });
      const client = fleet.open(host, '10.0.0.1:40000', '10.0.0.1:80', { program: 'curl' });
      const server = fleet.open(host, '10.0.0.1:80', '10.0.0.1:40000', { program: 'nginx' });
      fleet.pass(4_000);
      host.state = 'lost';
      fleet.view.reports.hostLost(
        host,
        first === 'client' ? [client, server] : [server, client],
        fleet.nowMs,
      );
      expect(fleet.connections()).toEqual([]);
      expect(fleet.edges()).toMatchObject([
        { client: 'curl', server: 'nginx', open: 0, total: 1, seen: { both: 1, client: 0, server: 0 } },
      ]);
    },
  );
});

describe('a clone of a host', () => {
  it('leaves what it made ambiguous when it is lost, and the ends find each other', () => {
    const fleet = new ReportedFleet();
    const [old, renamed] = ['old-id', 'new-id'].map((id) => fleet.host(id, { addresses: ['10.0.0.2'] }));
    const server = fleet.host('server', { addresses: ['10.0.0.5'] });
    const remembered = fleet.open(old!, '10.0.0.2:40000', '10.0.0.5:80', { program: 'curl' });
    fleet.open(server, '10.0.0.5:80', '10.0.0.2:40000', { program: 'nginx' });
    fleet.pass(4_000);
    fleet.open(renamed!, '10.0.0.2:40000', '10.0.0.5:80', { program: 'curl', notBeforeMs: 0 });
    fleet.pass(4_000);
    const reasons = fleet.connections().map(({ unseenBecause }) => unseenBecause);
    expect(reasons).toEqual(['ambiguous', 'ambiguous', 'ambiguous']);
    old!.state = 'lost';
    fleet.view.reports.hostLost(old!, [remembered], fleet.nowMs);
    expect(fleet.only()).toMatchObject({ seen: 'both', unseenBecause: null });
    expect(fleet.only().client.host?.name).toBe('new-id');
    // What the lost one told stays counted, as it was: nobody knows whom it talked to.
    expect(fleet.edges()).toMatchObject([
      { client: 'curl', server: 'server', open: 0, total: 1, seen: { both: 0, client: 1, server: 0 } },
      { client: 'curl', server: 'nginx', open: 1, total: 1, seen: { both: 1, client: 0, server: 0 } },
    ]);
  });

  it('leaves the reason of lone halves when one of them closes, as it may have been the one', () => {
    const fleet = new ReportedFleet();
    const [one, two] = ['one', 'two'].map((id) => fleet.host(id, { addresses: ['172.17.0.2'] }));
    const closing = fleet.open(one!, '172.17.0.2:40000', '10.0.0.5:80');
    fleet.open(two!, '172.17.0.2:40000', '10.0.0.5:80');
    fleet.pass(4_000);
    fleet.close(closing);
    fleet.host('server', { addresses: ['10.0.0.5'] });
    expect(fleet.connections().map(({ unseenBecause }) => unseenBecause)).toEqual(['ambiguous', 'ambiguous']);
  });
});

describe('networks that become known later', () => {
  it('move a connection without counting it twice', () => {
    const fleet = new ReportedFleet();
    const host = fleet.host('h1', { addresses: ['10.0.0.1'] });
    for (const [netns, local, remote] of [
      [2, '172.17.0.2:40000', '172.17.0.3:80'],
      [3, '172.17.0.3:80', '172.17.0.2:40000'],
    ] as const) {
      fleet.open(host, local, remote, { netns });
    }
    host.netns.set(9, netnsOf(9, { localNetworks: ['172.17.0.0/16'] }));
    fleet.view.reports.hostChanged(host, fleet.nowMs);
    expect(fleet.only().seen).toBe('both');
    expect(fleet.edges()).toMatchObject([{ open: 1, total: 1, seen: { both: 1, client: 0, server: 0 } }]);
  });

  it('take loopback along when the host goes to another realm', () => {
    const fleet = new ReportedFleet();
    const host = fleet.host('h1');
    fleet.open(host, '127.0.0.1:40000', '127.0.0.1:80');
    fleet.open(host, '127.0.0.1:80', '127.0.0.1:40000');
    host.realm = 'east';
    fleet.view.reports.hostChanged(host, fleet.nowMs);
    expect(fleet.only().client.realm).toBe('east');
    expect(fleet.edges()).toMatchObject([{ realm: 'east', open: 1, total: 1 }]);
  });
});

describe('a socket that is told late', () => {
  it('does not close the younger one that is open under its tuple', () => {
    const fleet = new ReportedFleet();
    const host = fleet.host('h1', { addresses: ['10.0.0.1'] });
    const [old, bornMs] = [fleet.nowMs, fleet.nowMs + 60_000];
    fleet.pass(60_000);
    const young = fleet.open(host, '10.0.0.1:40000', '10.9.9.9:80', { program: 'young' });
    fleet.close(
      fleet.open(host, '10.0.0.1:40000', '10.9.9.9:80', { openedAtMs: old, notBeforeMs: old - 1_000 }),
    );
    expect(young.closedAtMs).toBeNull();
    const open = fleet.connections().filter(({ closedAtMs }) => closedAtMs === null);
    expect(open.map(({ openedAtMs }) => openedAtMs)).toEqual([bornMs]);
  });
});

describe('a clock that is set back', () => {
  it('does not keep lone halves waiting until it has caught up', () => {
    const fleet = new ReportedFleet();
    const host = fleet.host('h1', { addresses: ['10.0.0.1'] });
    fleet.open(host, '10.0.0.1:40000', '10.9.9.9:80');
    fleet.pass(-3_600_000);
    expect(fleet.edges()).toMatchObject([{ open: 1, total: 1 }]);
    expect(fleet.only().unseenBecause).toBe('no-agent');
  });
});

describe('the listener behind a datagram', () => {
  it('is none that came after the conversation ended', () => {
    const fleet = new ReportedFleet();
    const client = fleet.host('c', { addresses: ['10.0.0.1'] });
    const server = fleet.host('s', { addresses: ['10.0.0.2'] });
    const asked = fleet.open(client, '10.0.0.1:40000', '10.0.0.2:53', { protocol: 'udp' });
    fleet.pass(4_000);
    fleet.close(asked);
    fleet.pass(4_000);
    fleet.listen(server, '0.0.0.0:53', {
      protocol: 'udp',
      state: 'unconnected',
      notBeforeMs: fleet.nowMs - 1_000,
    });
    expect(fleet.only()).toMatchObject({ seen: 'client', unseenBecause: 'closed-first' });
  });
});

describe('what an event costs', () => {
  /** How often the graph was told of a connection while `action` ran. */
  function toldDuring(fleet: ReportedFleet, action: () => void): number {
    const updated = vi.spyOn(fleet.view, 'updated');
    action();
    return updated.mock.calls.length;
  }

  function busyServer() {
    const fleet = new ReportedFleet();
    const host = fleet.host('s', { addresses: ['10.0.0.1'] });
    const listeners = Array.from({ length: 100 }, (_, n) => fleet.listen(host, '0.0.0.0:80', { pid: n }));
    for (let port = 40_000; port < 40_200; port++) fleet.open(host, '10.0.0.1:80', `10.9.9.9:${port}`);
    fleet.pass(4_000);
    return { fleet, host, listeners };
  }

  it('nothing for one more listener under SO_REUSEPORT, or for its owners', () => {
    const { fleet, host, listeners } = busyServer();
    const told = toldDuring(fleet, () => {
      fleet.listen(host, '0.0.0.0:80');
      listeners[50]!.owners = [{ process: processNamed('other', 7), fds: [3] }];
      fleet.change(listeners[50]!, 'listen');
    });
    expect(told).toBe(0);
  });

  it('every connection once when the one that speaks for the port has other owners', () => {
    const { fleet, listeners } = busyServer();
    const told = toldDuring(fleet, () => {
      listeners[0]!.owners = [{ process: processNamed('other', 7), fds: [3] }];
      fleet.change(listeners[0]!, 'listen');
      fleet.change(listeners[0]!, 'listen');
    });
    expect(told).toBe(200);
  });

  it('another of the listeners speaks when the first is gone', () => {
    const { fleet, host, listeners } = busyServer();
    listeners[1]!.owners = [];
    fleet.close(listeners[0]!);
    const { listeners: known } = fleet.view.correlator;
    const target = { ip: '10.0.0.1', port: 80 };
    expect(known.find(host.id, listeners[0]!.netns, 'tcp', target)).toBe(listeners[2]);
    for (const listener of listeners.slice(1)) fleet.close(listener);
    expect(known.find(host.id, listeners[0]!.netns, 'tcp', target)).toBeNull();
    expect(known.size).toBe(0);
  });

  it('nothing for a host that is told changed and is as it was, or has one more namespace', () => {
    const { fleet, host } = busyServer();
    const told = toldDuring(fleet, () => {
      fleet.view.reports.hostChanged(host, fleet.nowMs);
      host.netns.set(77, netnsOf(77, { addresses: ['172.17.0.9'], localNetworks: ['172.17.0.0/16'] }));
      fleet.view.reports.hostChanged(host, fleet.nowMs);
    });
    expect(told).toBe(0);
  });

  it('a four-tuple keeps a bounded number of generations, and the answer says how many went early', () => {
    const fleet = new ReportedFleet();
    const host = fleet.host('h1', { addresses: ['10.0.0.1'] });
    for (let n = 0; n < generationsMax + 10; n++) {
      fleet.close(fleet.open(host, '10.0.0.1:40000', '10.9.9.9:80'));
      fleet.nowMs += 10_000;
    }
    expect(fleet.connections()).toHaveLength(generationsMax);
    expect(fleet.view.correlator.recentlyClosed.evicted).toBe(10);
  });
});
