/** Canned fleets for the page's tests: the founding example, a hostile one, one too large for columns, none at all. */
import type {
  AboutDocument,
  ConnectionsDocument,
  EdgeDocument,
  HostDocument,
  HostsDocument,
  MapDocument,
  ToDocument,
} from '../../model/document.ts';
import { about, connection, connectionsOf, edge, end, head, host, hostsOf, mapOf } from './documents.ts';

/** Everything that one query answers with. */
export interface Fleet {
  readonly map: MapDocument;
  readonly connections: ConnectionsDocument;
  readonly hosts: HostsDocument;
  readonly about: AboutDocument;
}

const index = end('10.1.100.9', 8743, {
  host: 'idx1',
  service: 'index',
  process: 'java',
  pid: 4121,
  user: 'idx',
  fds: [88],
  cmdline: 'java -jar index.jar',
});

const search = end('10.1.17.138', 8653, {
  host: 'web1',
  service: 'index_search',
  process: './index_search',
  pid: 25465,
  user: 'app',
  fds: [101],
});
const checkout = end('10.1.17.140', 41022, {
  host: 'web2',
  service: 'checkout',
  process: 'node',
  pid: 881,
  user: 'app',
  fds: [24],
  unit: 'checkout.service',
});
const stranger = end('10.9.4.20', 50112);
const store = end('10.1.100.20', 5432, {
  host: 'db1',
  service: 'store',
  process: 'postgres',
  pid: 990,
  user: 'postgres',
  fds: [9],
});

/** `./index_search` on web1 talks to the java process on idx1; one caller has no agent. */
export function foundingFleet(): Fleet {
  return {
    map: mapOf(
      [
        edge('index_search', 'index', 8743, {
          open: 12,
          total: 40,
          seen: { both: 40, client: 0, server: 0 },
        }),
        edge('checkout', 'index', 8743, { open: 3, total: 9 }),
        edge('batch-reports', 'index', 8743, { open: 1 }),
        edge('10.9.4.20', 'index', 8743, { open: 2, total: 2, seen: { both: 0, client: 0, server: 2 } }),
        edge('index', 'store', 5432, { open: 20, total: 51, seen: { both: 51, client: 0, server: 0 } }),
        edge('checkout', 'store', 5432, { open: 5, total: 7 }),
        edge('index', 'metrics', 9090, { open: 1 }),
      ],
      ['10.9.4.20'],
    ),
    connections: connectionsOf([
      connection('c1', search, index),
      connection('c2', checkout, index, { openedAt: '2026-03-05T12:02:11.000Z' }),
      connection('c3', stranger, index, {
        seen: 'server',
        unseenBecause: 'no-agent',
        openedAt: '2026-03-05T14:01:31.000Z',
      }),
      connection('c4', { ...index, port: 40112, fds: [91] }, store, { openedAt: '2026-02-27T14:01:31.000Z' }),
    ]),
    about,
    hosts: hostsOf([
      host('web1'),
      host('web2'),
      host('idx1'),
      host('db1'),
      host('job-11', { state: 'stale' }),
    ]),
  };
}

export const foundingSummary =
  'index (java[4121], user idx) on idx1 listens on 10.1.100.9:8743. 3 services on 3 hosts call it; 1 caller has no agent.';

export function foundingTo(target: string): ToDocument {
  const coverage = { hosts: 5, reporting: 4, since: '2026-02-03T00:00:00.000Z', gaps: [] };
  return { ...head, target, summary: foundingSummary, listeners: [index], clients: [], coverage };
}

/** Names that try to be markup, to turn the text around, or to be a key that objects already have. */
export const hostileNames = [
  '<img src=x onerror=alert(1)>',
  '\u202egnp.evil',
  '__proto__',
  'שירות-תשלומים',
  'a'.repeat(200),
] as const;

export function hostileFleet(): Fleet {
  const names = [...hostileNames];
  return {
    map: mapOf(names.map((name) => edge(name, 'index', 8743))),
    connections: connectionsOf(
      names.map((name, i) =>
        connection(
          `h${i}`,
          end('10.0.0.9', 4000 + i, { service: name, process: name, host: name, pid: i }),
          index,
        ),
      ),
    ),
    about,
    hosts: hostsOf(names.map((name) => host(name, { state: 'stale' }))),
  };
}

/** Services of one team call each other; every team calls the same few hubs. More than columns hold. */
export function largeFleet(count: number): Fleet {
  const teamSize = 14;
  const hubs = ['postgres', 'redis', 'metrics'];
  const edges: EdgeDocument[] = [];
  for (let i = 0; i < count - hubs.length; i++) {
    const team = Math.floor(i / teamSize);
    const name = (member: number): string => `team${team}-svc${member}`;
    const member = i % teamSize;
    const seen = i % 7 === 0 ? { both: 0, client: 1, server: 0 } : { both: 1, client: 0, server: 0 };
    if (member > 0)
      edges.push(edge(name(member), name(Math.floor(member / 3)), 8000, { open: i % 13, seen }));
    if (member === 0) edges.push(edge(name(0), `team${Math.floor(team / 3)}-svc1`, 8000));
    if (i % 3 === 0) edges.push(edge(name(member), hubs[i % hubs.length]!, 5432));
    if (i % 5 === 0) edges.push(edge(name(member), 'metrics', 9090));
  }
  const proper = edges.filter((one) => one.client !== one.server);
  return {
    map: mapOf(proper, ['team1-svc3', 'team4-svc9']),
    connections: connectionsOf([]),
    about,
    hosts: hostsOf([host('h1')]),
  };
}

export function emptyFleet(hosts: readonly HostDocument[] = []): Fleet {
  return { map: mapOf([]), connections: connectionsOf([]), hosts: hostsOf(hosts), about };
}
