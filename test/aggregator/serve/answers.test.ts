/** Each question's answer on one fleet, word for word. */
import { describe, expect, test } from 'vitest';
import { InvalidRequest } from '../../../aggregator/serve/request.ts';
import { FilterError } from '../../../query/filter-error.ts';
import * as answers from '../../support/answers-at-once.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';
import { ask, silence, tellStory } from './story.ts';

const { fleet } = tellStory();
const { view } = fleet;

describe('to', () => {
  const answer = (q: string) => answers.to(view, ask({ q }), fleet.nowMs);

  test('names the listener and every caller, in one sentence and in rows', () => {
    const document = answer('10.1.100.9:8743');
    expect(document.summary).toBe(
      'index (index[4121], user svc) on idx1 listens on 10.1.100.9:8743; ' +
        '1 service on 2 hosts calls it; 1 caller has no agent.',
    );
    expect(document).toMatchObject({
      apiVersion: 'whotalks/v1',
      asOf: '2026-11-22T14:03:00.000Z',
      partial: [],
    });
    expect(document.listeners).toMatchObject([
      { ip: '0.0.0.0', port: 8743, host: 'idx1', process: 'index', pid: 4121, labels: { tier: 'search' } },
    ]);
    expect(document.clients.map(({ service, host, ip, pid }) => ({ service, host, ip, pid }))).toEqual([
      { service: 'index_search', host: 'web1', ip: '10.1.17.138', pid: 25465 },
      { service: 'index_search', host: 'web2', ip: '10.1.17.139', pid: 30001 },
      { service: null, host: null, ip: '10.9.4.20', pid: null },
    ]);
    expect(document.clients[2]).toMatchObject({
      seen: 'server',
      unseenBecause: 'no-agent',
      port: 8743,
      open: 1,
    });
    expect(document.coverage).toEqual({
      hosts: 4,
      reporting: 4,
      since: '2026-11-22T14:02:00.000Z',
      gaps: [],
    });
  });

  test.each(['10.1.100.9', '10.1.100.0/24', ':8743', 'index', 'index:8743'])(
    '%s finds the same callers',
    (q) => {
      const callers = answer(q).clients.map((client) => client.ip);
      expect(callers).toEqual(['10.1.17.138', '10.1.17.139', '10.9.4.20']);
    },
  );

  test('a listener that nobody calls is proven unused by coverage', () => {
    expect(answer('127.0.0.1:9000').summary).toBe(
      'admin (admin[4200], user svc) on idx1 listens on 127.0.0.1:9000; ' +
        'nobody talked to it since 14:02 UTC; 4 of 4 hosts report.',
    );
  });

  test('an address that nobody talks to says since when and how many hosts were asked', () => {
    expect(answer('10.1.100.9:1').summary).toBe(
      'Nobody talked to 10.1.100.9:1 since 14:02 UTC; 4 of 4 hosts report.',
    );
    expect(answer('10.1.100.9:1')).toMatchObject({ listeners: [], clients: [] });
  });

  test('a listener on the unspecified address of another host is not found', () => {
    expect(answer('10.1.17.138:8743').listeners).toEqual([]);
  });

  test('a listener on the unspecified address is found on loopback too', () => {
    expect(answer('127.0.0.1:8743').listeners).toMatchObject([{ ip: '0.0.0.0', host: 'idx1' }]);
    expect(answer('[::1]:8743').listeners).toEqual([]);
  });

  test('several listeners are counted', () => {
    expect(answer('10.1.0.0/16').summary).toBe(
      'store and index on 2 hosts listen there with 2 sockets; 2 services on 3 hosts call it; 1 caller has no agent.',
    );
  });

  test('where no agent is, silence proves little, and that is said', () => {
    expect(answer('10.9.9.9').summary).toBe(
      'Nobody talked to 10.9.9.9 since 14:02 UTC; no agent is there, so callers without an agent are not seen; ' +
        '4 of 4 hosts report.',
    );
  });

  test('a name that nothing has is no proof that nobody calls it', () => {
    const unknown = 'No host or service called "indx" was seen since 14:02 UTC; 4 of 4 hosts report.';
    expect(answer('indx').summary).toBe(unknown);
    expect(answer('indx:8743').summary).toBe(unknown);
    expect(answers.from(view, ask({ q: 'indx' }), fleet.nowMs).summary).toBe(unknown);
    expect(answer('index:1').summary).toBe('Nobody talked to index:1 since 14:02 UTC; 4 of 4 hosts report.');
  });

  test('listeners stand by host and port', () => {
    const places = answer('0.0.0.0/0').listeners.map(({ host, port }) => `${host}:${port}`);
    expect(places).toEqual(['db1:5432', 'idx1:8743', 'idx1:9000']);
  });

  test('an empty target is an error, not everything', () => {
    expect(() => answer(' ')).toThrow(FilterError);
  });
});

describe('to, when not all hosts report', () => {
  test('says so in the sentence, in partial and in coverage', () => {
    const partial = tellStory().fleet;
    silence(partial, 'web2');
    partial.hosts.get('web1')!.gaps = [
      { fromMs: partial.nowMs - 30_000, toMs: partial.nowMs, reason: 'spool overflow', lostEvents: 3 },
    ];
    const document = answers.to(partial.view, ask({ q: '10.1.100.9:1' }), partial.nowMs);
    expect(document.summary).toBe(
      'Nobody talked to 10.1.100.9:1 since 14:02 UTC; 3 of 4 hosts report; 1 gap: web1 14:02-14:03.',
    );
    expect(document.partial).toEqual([
      {
        host: 'web2',
        reason: 'stale: its agent is silent, or not in step yet',
        since: '2026-11-22T14:03:00.000Z',
      },
    ]);
    expect(document.coverage).toMatchObject({ hosts: 4, reporting: 3 });
    expect(document.coverage.gaps).toEqual([
      {
        host: 'web1',
        from: '2026-11-22T14:02:30.000Z',
        to: '2026-11-22T14:03:00.000Z',
        reason: 'spool overflow',
        lostEvents: 3,
      },
    ]);
  });

  test('an aggregator without hosts says that no host reports', () => {
    const empty = new ReportedFleet({ sinceMs: fleet.nowMs });
    expect(answers.to(empty.view, ask({ q: ':80' }), fleet.nowMs + 86_400_000).summary).toBe(
      'Nobody talked to :80 since 2026-11-22 14:03 UTC; no host reports yet.',
    );
  });
});

describe('to, in a realm', () => {
  test('without hosts says whose hosts are missing', () => {
    expect(answers.to(view, ask({ q: ':80', realm: 'eu' }), fleet.nowMs).summary).toBe(
      'Nobody talked to :80 since 14:02 UTC; no host of realm eu reports yet.',
    );
  });
});

describe('from', () => {
  test('lists the far ends by service, host and port', () => {
    const document = answers.from(view, ask({ q: 'index' }), fleet.nowMs);
    expect(document.summary).toBe('index talks to 1 service on 1 host over 1 connection, 1 open.');
    expect(document.servers).toMatchObject([
      { service: 'store', host: 'db1', ip: '10.1.200.1', port: 5432, pid: 77, seen: 'both' },
    ]);
  });

  test('a source that talks to nobody says so', () => {
    expect(answers.from(view, ask({ q: 'store' }), fleet.nowMs).summary).toBe(
      'store talked to nobody since 14:02 UTC; 4 of 4 hosts report.',
    );
  });
});

describe('connections', () => {
  const answer = (request: Parameters<typeof ask>[0]) => answers.connections(view, ask(request), fleet.nowMs);

  test('shows both ends of each', () => {
    const [connection] = answer({ q: '10.1.17.138:8653' }).connections;
    expect(connection).toMatchObject({
      protocol: 'tcp',
      state: 'established',
      seen: 'both',
      unseenBecause: null,
      direction: 'listener',
      client: { ip: '10.1.17.138', port: 8653, host: 'web1', process: 'index_search', pid: 25465, fds: [7] },
      server: { ip: '10.1.100.9', port: 8743, host: 'idx1', process: 'index', pid: 4121, realm: 'default' },
      closedAt: null,
      nat: null,
    });
  });

  test('the limit cuts rows and not the total; the empty filter is all', () => {
    expect(answer({}).total).toBe(4);
    expect(answer({ limit: 1 })).toMatchObject({ total: 4, connections: [{}] });
    expect(answer({ q: 'nobody' })).toMatchObject({ total: 0, connections: [] });
  });

  test('sorts by a named field, and back', () => {
    const ports = (sort: string) => answer({ sort }).connections.map((row) => row.client.port);
    expect(ports('client.port')).toEqual([8653, 8653, 40000, 41000]);
    expect(ports('-client.port')).toEqual([41000, 40000, 8653, 8653]);
    expect(() => answer({ sort: 'colour' })).toThrow(InvalidRequest);
    expect(() => answer({ sort: 'constructor' })).toThrow(
      /^no field "constructor" to sort by; there are protocol,/,
    );
  });

  test('a realm that nobody has leaves nothing', () => {
    expect(answer({ realm: 'elsewhere' }).total).toBe(0);
    expect(answer({ realm: 'default' }).total).toBe(4);
  });
});

describe('listeners', () => {
  test('count their clients and open connections, none included', () => {
    const { listeners, total } = answers.listeners(view, ask({}), fleet.nowMs);
    expect(total).toBe(3);
    expect(
      listeners.map(({ host, port, service, clients, open }) => [host, port, service, clients, open]),
    ).toEqual([
      ['db1', 5432, 'store', 1, 1],
      ['idx1', 8743, 'index', 2, 3],
      ['idx1', 9000, 'admin', 0, 0],
    ]);
  });

  test('a filter finds a listener on all addresses by one of them', () => {
    const { listeners } = answers.listeners(view, ask({ q: '10.1.100.9:8743' }), fleet.nowMs);
    expect(listeners.map((listener) => listener.service)).toEqual(['index']);
  });
});

describe('services, map and deps', () => {
  test('services count hosts, processes, ports and neighbours', () => {
    const { services } = answers.services(view, ask({}), fleet.nowMs);
    expect(services.map((row) => row.service)).toEqual([
      '10.9.4.20',
      'admin',
      'index',
      'index_search',
      'store',
    ]);
    expect(services[2]).toEqual({
      service: 'index',
      hosts: ['idx1'],
      instances: 1,
      listens: [{ port: 8743, protocol: 'tcp' }],
      clients: 2,
      servers: 1,
      observed: true,
    });
    expect(services[0]).toMatchObject({ observed: false, hosts: [], instances: 0 });
  });

  test('the map has every edge with its counts', () => {
    const { edges } = answers.map(view, ask({}), fleet.nowMs);
    expect(
      edges.map(({ client, server, port, open, total, seen }) => ({
        client,
        server,
        port,
        open,
        total,
        seen,
      })),
    ).toEqual([
      {
        client: '10.9.4.20',
        server: 'index',
        port: 8743,
        open: 1,
        total: 1,
        seen: { both: 0, client: 0, server: 1 },
      },
      {
        client: 'index',
        server: 'store',
        port: 5432,
        open: 1,
        total: 1,
        seen: { both: 1, client: 0, server: 0 },
      },
      {
        client: 'index_search',
        server: 'index',
        port: 8743,
        open: 2,
        total: 2,
        seen: { both: 2, client: 0, server: 0 },
      },
    ]);
  });

  test('a filter leaves the edges it names and their services', () => {
    const document = answers.map(view, ask({ q: 'store' }), fleet.nowMs);
    expect(document.edges.map((edge) => [edge.client, edge.server])).toEqual([['index', 'store']]);
    expect(document.services.map((service) => service.service)).toEqual(['index', 'store']);
  });

  test('deps walks down, and in reverse up, to the depth asked for', () => {
    const walk = (request: Parameters<typeof ask>[0]) =>
      answers.deps(view, ask(request), fleet.nowMs).edges.map((edge) => `${edge.client}>${edge.server}`);
    expect(walk({ q: 'index_search' })).toEqual(['index_search>index', 'index>store']);
    expect(walk({ q: 'index_search', depth: 1 })).toEqual(['index_search>index']);
    expect(walk({ q: 'store', reverse: true })).toEqual([
      'index>store',
      'index_search>index',
      '10.9.4.20>index',
    ]);
    expect(walk({ q: 'nothing' })).toEqual([]);
  });
});

describe('hosts', () => {
  test('show state, addresses and how many of their connections are matched', () => {
    const { hosts } = answers.hosts(view, ask({}), fleet.nowMs);
    expect(hosts.map((host) => host.host)).toEqual(['db1', 'idx1', 'web1', 'web2']);
    expect(hosts[1]).toMatchObject({
      state: 'live',
      addresses: ['10.1.100.9'],
      connections: 4,
      match: { both: 3, client: 0, server: 1 },
      lastSeenAt: '2026-11-22T14:03:00.000Z',
    });
    const found = answers.hosts(view, ask({ q: '10.1.100.9' }), fleet.nowMs).hosts;
    expect(found.map((host) => host.host)).toEqual(['idx1']);
  });
});
