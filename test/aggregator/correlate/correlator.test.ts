/** How what two hosts report becomes one connection, and when it must not. */
import { describe, expect, it } from 'vitest';
import type { ConnectionView } from '../../../aggregator/serve/fleet-view.ts';
import { netnsOf, ReportedFleet } from '../../support/reported-fleet.ts';

function ends(connection: ConnectionView): string {
  const end = (side: 'client' | 'server'): string => {
    const { endpoint, host, owners } = connection[side];
    return `${host?.name ?? '?'}/${owners[0]?.process.program ?? '?'} ${endpoint.ip}:${endpoint.port}`;
  };
  return `${end('client')} > ${end('server')}`;
}

function twoHosts(): {
  fleet: ReportedFleet;
  web: ReturnType<ReportedFleet['host']>;
  idx: ReturnType<ReportedFleet['host']>;
} {
  const fleet = new ReportedFleet();
  const web = fleet.host('web1', { addresses: ['10.1.17.138'] });
  const idx = fleet.host('idx1', { addresses: ['10.1.100.9'] });
  return { fleet, web, idx };
}

describe('matching', () => {
  it('joins the two ends, whichever comes first', () => {
    for (const clientFirst of [true, false]) {
      const { fleet, web, idx } = twoHosts();
      fleet.listen(idx, '0.0.0.0:8743', { program: 'java' });
      const client = (): unknown =>
        fleet.open(web, '10.1.17.138:8653', '10.1.100.9:8743', { program: 'index_search' });
      const server = (): unknown =>
        fleet.open(idx, '10.1.100.9:8743', '10.1.17.138:8653', { program: 'java' });
      for (const report of clientFirst ? [client, server] : [server, client]) report();
      expect(ends(fleet.only())).toBe('web1/index_search 10.1.17.138:8653 > idx1/java 10.1.100.9:8743');
      expect(fleet.only()).toMatchObject({
        seen: 'both',
        unseenBecause: null,
        direction: 'listener',
        state: 'established',
      });
    }
  });

  it('keeps equal tuples of two realms apart', () => {
    const fleet = new ReportedFleet();
    const a = fleet.host('a', { realm: 'east', addresses: ['10.0.0.1'] });
    const b = fleet.host('b', { realm: 'west', addresses: ['10.0.0.2'] });
    fleet.open(a, '10.0.0.1:40000', '10.0.0.2:80');
    fleet.open(b, '10.0.0.2:80', '10.0.0.1:40000');
    expect(
      fleet
        .connections()
        .map((connection) => connection.seen)
        .sort(),
    ).toEqual(['client', 'server']);
  });

  it('keeps loopback inside its namespace', () => {
    const { fleet, web, idx } = twoHosts();
    for (const host of [web, idx]) {
      fleet.listen(host, '127.0.0.1:5432', { program: 'postgres' });
      fleet.open(host, '127.0.0.1:40000', '127.0.0.1:5432', { program: 'psql' });
      fleet.open(host, '127.0.0.1:5432', '127.0.0.1:40000', { program: 'postgres' });
    }
    expect(fleet.connections().map(ends).sort()).toEqual([
      'idx1/psql 127.0.0.1:40000 > idx1/postgres 127.0.0.1:5432',
      'web1/psql 127.0.0.1:40000 > web1/postgres 127.0.0.1:5432',
    ]);
  });

  it('keeps equal container networks of two hosts apart', () => {
    const fleet = new ReportedFleet();
    const hosts = ['h1', 'h2'].map((name, i) =>
      fleet.host(name, { addresses: [`10.0.0.${i + 1}`, '172.17.0.1'], localNetworks: ['172.17.0.0/16'] }),
    );
    for (const host of hosts) {
      host.netns.set(2, netnsOf(2, { addresses: ['172.17.0.2'] }));
      host.netns.set(3, netnsOf(3, { addresses: ['172.17.0.3'] }));
      fleet.listen(host, '0.0.0.0:9000', { netns: 3, program: 'api' });
      fleet.open(host, '172.17.0.2:40000', '172.17.0.3:9000', { netns: 2, program: 'web' });
    }
    for (const host of hosts)
      fleet.open(host, '172.17.0.3:9000', '172.17.0.2:40000', { netns: 3, program: 'api' });
    expect(fleet.connections().map(ends).sort()).toEqual([
      'h1/web 172.17.0.2:40000 > h1/api 172.17.0.3:9000',
      'h2/web 172.17.0.2:40000 > h2/api 172.17.0.3:9000',
    ]);
  });

  it('matches a pod on a routed bridge with another host untranslated', () => {
    const fleet = new ReportedFleet();
    const node = fleet.host('node', {
      addresses: ['10.0.0.1', '10.244.1.1'],
      localNetworks: ['10.244.1.0/24'],
    });
    const other = fleet.host('other', { addresses: ['10.0.0.2'] });
    node.netns.set(2, netnsOf(2, { addresses: ['10.244.1.5'] }));
    fleet.view.reports.hostChanged(node, fleet.nowMs);
    fleet.open(node, '10.244.1.5:40000', '10.0.0.2:80', { netns: 2, program: 'pod' });
    fleet.open(other, '10.0.0.2:80', '10.244.1.5:40000', { program: 'nginx' });
    expect(ends(fleet.only())).toBe('node/pod 10.244.1.5:40000 > other/nginx 10.0.0.2:80');
  });

  it('files a socket that is connected to itself once, with both ends', () => {
    const { fleet, web } = twoHosts();
    fleet.open(web, '10.1.17.138:40000', '10.1.17.138:40000', { program: 'odd' });
    expect(fleet.only()).toMatchObject({ seen: 'both' });
    expect(fleet.only().client.socket).toBe(fleet.only().server.socket);
  });

  it('moves sockets to their scope when the networks of a host become known later', () => {
    const fleet = new ReportedFleet();
    const hosts = ['h1', 'h2'].map((name) => fleet.host(name));
    const local = ['172.17.0.2:40000', '172.17.0.3:9000'] as const;
    fleet.open(hosts[0]!, local[0], local[1], { program: 'web1' });
    fleet.open(hosts[1]!, local[1], local[0], { program: 'api2' });
    expect(fleet.only().seen).toBe('both');
    for (const host of hosts) {
      host.netns.set(9, netnsOf(9, { localNetworks: ['172.17.0.0/16'] }));
      fleet.view.reports.hostChanged(host, fleet.nowMs);
    }
    expect(
      fleet
        .connections()
        .map((connection) => connection.seen)
        .sort(),
    ).toEqual(['client', 'server']);
  });

  it('takes the unconnected socket at the far end as the peer of a connected UDP socket', () => {
    const { fleet, web, idx } = twoHosts();
    fleet.open(web, '10.1.17.138:50000', '10.1.100.9:53', { protocol: 'udp', program: 'dig' });
    expect(fleet.only()).toMatchObject({ seen: 'client' });
    fleet.listen(idx, '0.0.0.0:53', { protocol: 'udp', state: 'unconnected', program: 'named' });
    expect(ends(fleet.only())).toBe('web1/dig 10.1.17.138:50000 > idx1/named 10.1.100.9:53');
    expect(fleet.only()).toMatchObject({ seen: 'both', direction: 'listener' });
  });

  it('keeps UDP sockets that share a four-tuple side by side', () => {
    const { fleet, web } = twoHosts();
    for (const program of ['one', 'other']) {
      fleet.open(web, '10.1.17.138:50000', '10.1.100.9:53', { protocol: 'udp', program });
    }
    expect(fleet.connections().map((connection) => connection.closedAtMs)).toEqual([null, null]);
  });
});

describe('reuse', () => {
  it('never joins a half with the successor of its peer', () => {
    const { fleet, web, idx } = twoHosts();
    const first = fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80', { program: 'old' });
    fleet.pass(5_000);
    fleet.close(first);
    fleet.pass(60_000);
    fleet.open(idx, '10.1.100.9:80', '10.1.17.138:40000', { program: 'nginx' });
    expect(
      fleet
        .connections()
        .map((connection) => connection.seen)
        .sort(),
    ).toEqual(['client', 'server']);
  });

  it('files late reports of two generations under the right one', () => {
    const { fleet, web, idx } = twoHosts();
    const bornMs = fleet.nowMs;
    const old = fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80', { program: 'old' });
    fleet.pass(20_000);
    fleet.close(old);
    fleet.pass(20_000);
    const rebornMs = fleet.nowMs;
    fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80', { program: 'new' });
    fleet.pass(5_000);
    const lateOld = fleet.open(idx, '10.1.100.9:80', '10.1.17.138:40000', {
      program: 'nginx',
      pid: 1,
      openedAtMs: bornMs + 300,
      notBeforeMs: bornMs - 700,
    });
    fleet.close(lateOld);
    fleet.open(idx, '10.1.100.9:80', '10.1.17.138:40000', {
      program: 'nginx',
      pid: 2,
      openedAtMs: rebornMs + 300,
      notBeforeMs: rebornMs - 700,
    });
    const pairs = fleet
      .connections()
      .map((connection) => [
        connection.client.owners[0]?.process.program,
        connection.server.owners[0]?.process.pid,
      ]);
    expect(pairs).toEqual([
      ['old', 1],
      ['new', 2],
    ]);
  });

  it('takes an open half that is opened again as a close that was missed', () => {
    const { fleet, web } = twoHosts();
    const first = fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80', { program: 'old' });
    fleet.pass(10_000);
    fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80', { program: 'new' });
    expect(fleet.connections().map((connection) => connection.closedAtMs !== null)).toEqual([true, false]);
    expect(first.closedAtMs).toBe(fleet.nowMs - 1_000);
  });

  it('joins an end that is reported after the other closed, when its time fits', () => {
    const { fleet, web, idx } = twoHosts();
    const client = fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80');
    const bornMs = fleet.nowMs;
    fleet.pass(1_000);
    fleet.close(client);
    fleet.pass(10_000);
    fleet.open(idx, '10.1.100.9:80', '10.1.17.138:40000', {
      openedAtMs: bornMs + 500,
      notBeforeMs: bornMs - 500,
      state: 'close-wait',
    });
    expect(fleet.only()).toMatchObject({ seen: 'both', state: 'close-wait', closedAtMs: null });
  });

  it('marks halves that nothing tells apart as ambiguous, and joins none of them', () => {
    const fleet = new ReportedFleet();
    const [h1, h2] = ['h1', 'h2'].map((name) => fleet.host(name, { addresses: ['172.17.0.2'] }));
    const server = fleet.host('server', { addresses: ['10.0.0.5'] });
    fleet.open(h1!, '172.17.0.2:40000', '10.0.0.5:80');
    fleet.open(h2!, '172.17.0.2:40000', '10.0.0.5:80');
    fleet.open(server, '10.0.0.5:80', '172.17.0.2:40000');
    fleet.pass(4_000);
    expect(
      fleet
        .connections()
        .map((connection) => connection.seen)
        .sort(),
    ).toEqual(['client', 'client', 'server']);
    expect(new Set(fleet.connections().map((connection) => connection.unseenBecause))).toEqual(
      new Set(['ambiguous']),
    );
  });
});

describe('direction', () => {
  it('prefers the listener, then the handshake, then the port range, and says which', () => {
    const { fleet, web } = twoHosts();
    const socket = fleet.open(web, '10.1.17.138:8653', '10.9.9.9:8743', { state: 'established' });
    expect(fleet.only()).toMatchObject({ direction: 'unknown', client: { endpoint: { port: 8743 } } });
    fleet.change(socket, 'syn-sent');
    expect(fleet.only()).toMatchObject({ direction: 'handshake', client: { endpoint: { port: 8653 } } });
    fleet.listen(web, '10.1.17.138:8653');
    expect(fleet.only()).toMatchObject({ direction: 'listener', server: { endpoint: { port: 8653 } } });
  });

  it('takes the end with the ephemeral port for the client', () => {
    const { fleet, web } = twoHosts();
    fleet.open(web, '10.1.17.138:40000', '10.9.9.9:8743');
    expect(fleet.only()).toMatchObject({ direction: 'port', client: { endpoint: { port: 40000 } } });
  });

  it('keeps its decision when the listener goes away', () => {
    const { fleet, idx } = twoHosts();
    const listener = fleet.listen(idx, '0.0.0.0:50000');
    const socket = fleet.open(idx, '10.1.100.9:50000', '10.9.9.9:40000');
    fleet.close(listener);
    fleet.change(socket, 'close-wait');
    expect(fleet.only()).toMatchObject({ direction: 'listener', server: { endpoint: { port: 50000 } } });
  });

  it('does not turn a closed connection round for a listener that came later to its port', () => {
    const { fleet, web } = twoHosts();
    const socket = fleet.open(web, '10.1.17.138:40000', '10.9.9.9:8743');
    fleet.pass(1_000);
    fleet.close(socket);
    fleet.pass(5_000);
    fleet.listen(web, '0.0.0.0:40000', { notBeforeMs: fleet.nowMs - 1_000 });
    expect(fleet.only()).toMatchObject({ direction: 'port', client: { endpoint: { port: 40000 } } });
  });
});

describe('ownerless and unseen ends', () => {
  it('names the server end of an unaccepted connection by its listener', () => {
    const { fleet, idx } = twoHosts();
    fleet.listen(idx, '0.0.0.0:80', { program: 'nginx' });
    fleet.open(idx, '10.1.100.9:80', '10.9.9.9:40000', { program: null });
    expect(fleet.only().server).toMatchObject({ service: 'nginx', label: 'nginx' });
    expect(fleet.only().server.owners[0]?.process.program).toBe('nginx');
  });

  it('says why an end is missing', () => {
    const { fleet, web, idx } = twoHosts();
    fleet.open(web, '10.1.17.138:40001', '10.9.9.9:80');
    fleet.open(web, '10.1.17.138:40002', '10.1.100.9:80');
    const reasons = (): unknown[] => fleet.connections().map((connection) => connection.unseenBecause);
    expect(reasons()).toEqual(['not-yet', 'not-yet']);
    fleet.pass(4_000);
    expect(reasons()).toEqual(['no-agent', 'translated']);
    for (const connection of fleet.connections()) fleet.close(connection.client.socket!);
    expect(reasons()).toEqual(['no-agent', 'closed-first']);
    idx.state = 'stale';
    expect(reasons()).toEqual(['no-agent', 'agent-stale']);
  });
});

describe('lifetime', () => {
  it('is open while one end is, and lingers after that', () => {
    const { fleet, web, idx } = twoHosts();
    const client = fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80');
    const server = fleet.open(idx, '10.1.100.9:80', '10.1.17.138:40000');
    fleet.pass(1_000);
    fleet.change(client, 'time-wait');
    expect(fleet.only()).toMatchObject({ state: 'established', closedAtMs: null });
    fleet.close(server);
    expect(fleet.only()).toMatchObject({ state: 'time-wait', closedAtMs: fleet.nowMs });
    fleet.close(client);
    expect(fleet.only().state).toBe('closed');
    fleet.pass(14 * 60_000);
    expect(fleet.connections()).toHaveLength(1);
    fleet.pass(60_000);
    expect(fleet.connections()).toHaveLength(0);
    expect(fleet.edges()).toMatchObject([{ open: 0, total: 1 }]);
  });

  it('withdraws what a lost host reported, and keeps the name its end was known by', () => {
    const { fleet, web, idx } = twoHosts();
    fleet.listen(idx, '0.0.0.0:80', { program: 'nginx' });
    fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80', { program: 'curl' });
    const server = fleet.open(idx, '10.1.100.9:80', '10.1.17.138:40000', { program: 'nginx' });
    idx.state = 'lost';
    fleet.view.reports.hostLost(idx, [server], fleet.nowMs);
    expect(fleet.only()).toMatchObject({ seen: 'client', closedAtMs: null });
    expect(fleet.edges()).toMatchObject([
      { client: 'curl', server: 'nginx', open: 1, seen: { both: 0, client: 1 } },
    ]);
    fleet.view.reports.hostLost(web, [fleet.only().client.socket!], fleet.nowMs);
    expect(fleet.connections()).toEqual([]);
    expect(fleet.edges()).toMatchObject([{ client: 'curl', server: 'nginx', open: 0, total: 1 }]);
  });
});

describe('names', () => {
  it("stay those under which a connection was counted when the address is nobody's any more", () => {
    const { fleet, web, idx } = twoHosts();
    const client = fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80', { program: 'curl' });
    fleet.pass(4_000);
    idx.netns.clear();
    fleet.view.reports.hostChanged(idx, fleet.nowMs);
    fleet.change(client, 'fin-wait-2');
    expect(fleet.only().server).toMatchObject({ label: 'idx1', host: null });
    expect(fleet.edges()).toMatchObject([{ client: 'curl', server: 'idx1' }]);
  });
});

describe('events', () => {
  it('tells opened when the place is decided, closed, refused and first-seen edges, each once', () => {
    const { fleet, web, idx } = twoHosts();
    const story = (): string[] =>
      fleet.events.filter((event) => event.kind !== 'host').map((event) => event.kind);
    const lone = fleet.open(web, '10.1.17.138:40000', '10.1.100.9:80');
    expect(story()).toEqual([]);
    const peer = fleet.open(idx, '10.1.100.9:80', '10.1.17.138:40000');
    expect(story()).toEqual(['edge', 'opened']);
    fleet.close(lone);
    fleet.close(peer);
    expect(story()).toEqual(['edge', 'opened', 'closed']);
    fleet.events.length = 0;
    const refused = fleet.open(web, '10.1.17.138:40001', '10.1.100.9:81', { state: 'syn-sent' });
    fleet.close(refused);
    fleet.pass(4_000);
    expect(story()).toEqual(['edge', 'refused']);
  });
});
