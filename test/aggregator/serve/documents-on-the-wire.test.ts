/** Every document type as bytes and back: with all fields filled, and with everything unknown that may be unknown. */

import { describe, expect, test } from 'vitest';
import { noContainer } from '../../../model/container.ts';
import type * as documents from '../../../model/document.ts';
import { documentFromMessage } from '../../../wire/document-codec.ts';
import { serviceDefinition } from '../../../wire/proto-file.ts';

const time = '2026-11-22T14:02:00.123Z';
const head: documents.FleetAnswer = {
  apiVersion: 'whotalks/v1',
  asOf: time,
  partial: [
    { host: 'h7', reason: 'stale', since: time },
    { host: 'h8', reason: 'lost', since: null },
  ],
  demo: true,
};

const fullEnd: documents.EndDocument = {
  ip: 'fd00::1',
  port: 443,
  realm: 'default',
  host: 'web1',
  netns: 4026531840,
  pid: 25465,
  process: 'index_search',
  exe: '/srv/index_search',
  cmdline: './index_search --zone "ä"',
  user: 'idx',
  uid: 0,
  fds: [101, 102],
  owners: [{ pid: 25465, process: 'index_search', fds: [101, 102] }],
  inode: 2305224138,
  container: 'c0ffee',
  runtime: 'containerd',
  containerName: 'index',
  unit: 'index.service',
  pod: 'pod-1',
  podName: 'index-0',
  podNamespace: 'search',
  workload: 'index',
  service: 'index',
  labels: { tier: 'search' },
};
const emptyEnd: documents.EndDocument = {
  ip: '0.0.0.0',
  port: 0,
  realm: '',
  host: null,
  netns: null,
  pid: null,
  process: null,
  exe: null,
  cmdline: null,
  user: null,
  uid: null,
  fds: [],
  owners: [],
  inode: null,
  ...noContainer,
  unit: null,
  service: null,
  labels: {},
};

const fullConnection: documents.ConnectionDocument = {
  id: 'c1',
  protocol: 'tcp',
  state: 'established',
  seen: 'client',
  unseenBecause: 'no-agent',
  direction: 'listener',
  client: fullEnd,
  server: emptyEnd,
  openedAt: time,
  closedAt: time,
  lastSeenAt: time,
  bytesToServer: 2 ** 40,
  bytesToClient: 0,
  rttUs: 0,
  retransmits: 7,
  nat: { clientDialed: '10.96.0.1:443', serverSaw: '10.0.0.5:51234' },
  joinedBy: 'inferred',
};
const emptyConnection: documents.ConnectionDocument = {
  ...fullConnection,
  unseenBecause: null,
  closedAt: null,
  bytesToServer: null,
  bytesToClient: null,
  rttUs: null,
  retransmits: null,
  nat: null,
  joinedBy: null,
};

const peer: documents.PeerDocument = {
  service: 'index',
  host: 'web1',
  process: 'index_search',
  user: 'idx',
  ip: '10.0.0.1',
  port: 443,
  protocol: 'tcp',
  connections: 3,
  open: 0,
  firstSeenAt: time,
  lastSeenAt: time,
  seen: 'server',
  unseenBecause: 'ambiguous',
  pid: 1,
  dialed: '10.96.0.1:443',
};
const emptyPeer: documents.PeerDocument = {
  ...peer,
  service: null,
  host: null,
  process: null,
  user: null,
  unseenBecause: null,
  pid: null,
  dialed: null,
};
const gaps: documents.GapDocument[] = [
  { host: 'h1', from: time, to: time, reason: 'restart', lostEvents: 0 },
  { host: 'h1', from: time, to: time, reason: 'restart', lostEvents: null },
];
const coverage: documents.CoverageDocument = { hosts: 2, reporting: 1, since: time, gaps };
const edge: documents.EdgeDocument = {
  client: 'a',
  server: 'b',
  realm: 'default',
  port: 443,
  protocol: 'udp',
  open: 0,
  total: 2 ** 33,
  firstSeenAt: time,
  lastSeenAt: time,
  bytesToServer: 1,
  bytesToClient: null,
  seen: { both: 1, client: 0, server: 2 },
};
const service: documents.ServiceDocument = {
  service: 'index',
  hosts: ['h1'],
  instances: 2,
  listens: [{ port: 443, protocol: 'tcp' }],
  clients: 0,
  servers: 1,
  observed: false,
};
const host: documents.HostDocument = {
  host: 'h1',
  hostId: 'id1',
  realm: 'default',
  state: 'stale',
  collector: 'procfs',
  events: 'destroy',
  cannotSee: ['fds of others'],
  addresses: ['10.0.0.1'],
  lastSeenAt: time,
  clockOffsetMs: -1.5,
  lostEvents: 0,
  gaps,
  connections: 0,
  match: { both: 0, client: 0, server: 0 },
  labels: {},
  agentVersion: '0.1.0',
  intervalMs: 1000,
};
const watch: documents.WatchDocument = {
  apiVersion: 'whotalks/v1',
  asOf: time,
  kind: 'opened',
  connection: fullConnection,
  edge,
  host,
  missed: 5,
};

const about: documents.AboutDocument = {
  apiVersion: 'whotalks/v1',
  asOf: time,
  version: '0.1.0',
  since: time,
  grpcAddress: '127.0.0.1:7443',
  httpAddress: '127.0.0.1:7480',
  insecure: true,
  bus: { name: 'nats', state: 'disconnected', since: time, error: 'gone', published: 3, lost: 2, queued: 1 },
  data: { folder: '/data', state: 'failing', since: time, error: 'the disk is full', bytes: 7 },
};

const samples: { [method: string]: [message: string, sample: object][] } = {
  About: [
    ['AboutDocument', about],
    ['AboutDocument', { ...about, bus: { ...about.bus, error: null } }],
    ['AboutDocument', { ...about, data: null }],
  ],
  Connections: [
    [
      'ConnectionsDocument',
      {
        ...head,
        connections: [fullConnection, emptyConnection],
        total: 9,
      } satisfies documents.ConnectionsDocument,
    ],
  ],
  To: [
    [
      'ToDocument',
      {
        ...head,
        target: ':443',
        summary: 'x.',
        listeners: [fullEnd, emptyEnd],
        clients: [peer, emptyPeer],
        coverage,
      } satisfies documents.ToDocument,
    ],
  ],
  From: [
    [
      'FromDocument',
      {
        ...head,
        source: 'a',
        summary: 'x.',
        servers: [peer, emptyPeer],
        coverage,
      } satisfies documents.FromDocument,
    ],
  ],
  Listeners: [
    [
      'ListenersDocument',
      {
        ...head,
        listeners: [
          { ...fullEnd, protocol: 'tcp', clients: 0, open: 3 },
          { ...emptyEnd, protocol: 'udp', clients: 0, open: 0 },
        ],
        total: 2,
      } satisfies documents.ListenersDocument,
    ],
  ],
  Services: [['ServicesDocument', { ...head, services: [service] } satisfies documents.ServicesDocument]],
  Hosts: [
    [
      'HostsDocument',
      {
        ...head,
        hosts: [host, { ...host, clockOffsetMs: null, gaps: [] }],
      } satisfies documents.HostsDocument,
    ],
  ],
  Deps: [
    ['DepsDocument', { ...head, partial: [], service: 'a', edges: [edge] } satisfies documents.DepsDocument],
  ],
  Map: [['MapDocument', { ...head, services: [], edges: [] } satisfies documents.MapDocument]],
  Watch: [
    ['WatchDocument', watch],
    [
      'WatchDocument',
      {
        ...watch,
        kind: 'missed',
        connection: null,
        edge: null,
        host: null,
      } satisfies documents.WatchDocument,
    ],
  ],
};

describe('documents on the wire', () => {
  const methods = serviceDefinition('Query');

  test('there is a sample for every method', () => {
    expect(Object.keys(samples).toSorted()).toEqual(Object.keys(methods).toSorted());
  });

  test.each(
    Object.entries(samples).flatMap(([method, list]) =>
      list.map(([name, sample]) => ({ method, name, sample })),
    ),
  )('$name of $method comes back identical', ({ method, name, sample }) => {
    const { responseSerialize, responseDeserialize } = methods[method]!;
    const back = documentFromMessage(name, responseDeserialize(responseSerialize(sample)) as object);
    expect(back).toEqual(sample);
    expect(Object.keys(back as object)).toEqual(Object.keys(sample));
  });
});
