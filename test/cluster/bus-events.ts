/** Events for tests of the bus: small documents that differ in what identifies them. */

import type { BusEvent } from '../../aggregator/cluster/bus.ts';
import { noContainer } from '../../model/container.ts';
import type { ConnectionDocument, EdgeDocument, EndDocument } from '../../model/document.ts';

const at = '2024-05-01T12:00:00.000Z';

const end: EndDocument = {
  ip: '10.1.17.138',
  port: 8653,
  realm: 'default',
  host: 'h1',
  netns: 4026531840,
  pid: 25465,
  process: 'index_search',
  exe: '/opt/index_search',
  cmdline: null,
  user: 'search',
  uid: 1000,
  fds: [101],
  owners: [{ pid: 25465, process: 'index_search', fds: [101] }],
  inode: 2305224138,
  ...noContainer,
  unit: null,
  service: 'index_search',
  labels: {},
};

export function connectionDocument(id: string): ConnectionDocument {
  return {
    id,
    protocol: 'tcp',
    state: 'established',
    seen: 'both',
    unseenBecause: null,
    direction: 'listener',
    client: end,
    server: { ...end, ip: '10.1.100.9', port: 8743, host: 'h2', process: 'server' },
    openedAt: at,
    closedAt: null,
    lastSeenAt: at,
    bytesToServer: null,
    bytesToClient: null,
    rttUs: null,
    retransmits: null,
    nat: null,
    joinedBy: 'wire',
  };
}

export const edgeDocument: EdgeDocument = {
  client: 'index_search',
  server: 'server',
  realm: 'default',
  port: 8743,
  protocol: 'tcp',
  open: 1,
  total: 1,
  firstSeenAt: at,
  lastSeenAt: at,
  bytesToServer: null,
  bytesToClient: null,
  seen: { both: 1, client: 0, server: 0 },
};

export function opened(id: string): BusEvent {
  return { kind: 'opened', atMs: Date.parse(at), document: connectionDocument(id) };
}

export function closed(id: string): BusEvent {
  return { kind: 'closed', atMs: Date.parse(at), document: connectionDocument(id) };
}

export const edge: BusEvent = { kind: 'edge', atMs: Date.parse(at), document: edgeDocument };
