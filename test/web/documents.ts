/** Builders of documents for the page's tests: whole, with only what matters given. */
import { noContainer } from '../../model/container.ts';
import type {
  AboutDocument,
  ConnectionDocument,
  ConnectionsDocument,
  EdgeDocument,
  EndDocument,
  HostDocument,
  HostsDocument,
  MapDocument,
  ServiceDocument,
} from '../../model/document.ts';

export const asOf = '2026-03-05T14:02:11.000Z';
/** What every document carries. */
export const head = { apiVersion: 'whotalks/v1', asOf, partial: [], demo: false } as const;

/** An aggregator that is open to loopback only. */
export const about: AboutDocument = {
  apiVersion: 'whotalks/v1',
  asOf,
  version: '0.1.0',
  since: asOf,
  grpcAddress: '127.0.0.1:7443',
  httpAddress: '127.0.0.1:7480',
  insecure: false,
  bus: {
    name: 'in-process',
    state: 'connected',
    since: asOf,
    error: null,
    published: 0,
    lost: 0,
    queued: 0,
  },
  data: { folder: '/var/lib/whotalks/data', state: 'durable', since: null, error: null, bytes: 9 },
};

export function host(name: string, part: Partial<HostDocument> = {}): HostDocument {
  return {
    host: name,
    hostId: name,
    realm: 'default',
    state: 'live',
    collector: 'procfs',
    events: 'ebpf',
    cannotSee: [],
    addresses: [],
    lastSeenAt: asOf,
    clockOffsetMs: 0,
    lostEvents: 0,
    gaps: [],
    connections: 1,
    match: { both: 1, client: 0, server: 0 },
    labels: {},
    agentVersion: '0.1.0',
    intervalMs: 1000,
    ...part,
  };
}

export function end(ip: string, port: number, part: Partial<EndDocument> = {}): EndDocument {
  return {
    ip,
    port,
    realm: 'default',
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
    ...part,
  };
}

export function connection(
  id: string,
  client: EndDocument,
  server: EndDocument,
  part: Partial<ConnectionDocument> = {},
): ConnectionDocument {
  return {
    id,
    protocol: 'tcp',
    state: 'established',
    seen: 'both',
    unseenBecause: null,
    direction: 'listener',
    client,
    server,
    openedAt: '2026-03-05T13:59:11.000Z',
    closedAt: null,
    lastSeenAt: asOf,
    bytesToServer: null,
    bytesToClient: null,
    rttUs: null,
    retransmits: null,
    nat: null,
    joinedBy: null,
    ...part,
  };
}

export function edge(
  client: string,
  server: string,
  port: number,
  part: Partial<EdgeDocument> = {},
): EdgeDocument {
  return {
    client,
    server,
    realm: 'default',
    port,
    protocol: 'tcp',
    open: 1,
    total: 1,
    firstSeenAt: '2026-02-24T14:02:11.000Z',
    lastSeenAt: '2026-03-05T14:02:10.000Z',
    bytesToServer: null,
    bytesToClient: null,
    seen: { both: 1, client: 0, server: 0 },
    ...part,
  };
}

/** The services that `edges` name; those in `unobserved` have no agent. */
export function mapOf(edges: readonly EdgeDocument[], unobserved: readonly string[] = []): MapDocument {
  const names = [...new Set(edges.flatMap(({ client, server }) => [client, server]))];
  return {
    ...head,
    services: names.map((name) => serviceOf(name, edges, !unobserved.includes(name))),
    edges,
  };
}

function serviceOf(name: string, edges: readonly EdgeDocument[], observed: boolean): ServiceDocument {
  const incoming = edges.filter((one) => one.server === name);
  return {
    service: name,
    hosts: observed ? [`${name}-1`] : [],
    instances: observed ? 1 : 0,
    listens: observed ? incoming.map(({ port, protocol }) => ({ port, protocol })) : [],
    clients: new Set(incoming.map((one) => one.client)).size,
    servers: new Set(edges.filter((one) => one.client === name).map((one) => one.server)).size,
    observed,
  };
}

export function connectionsOf(
  connections: readonly ConnectionDocument[],
  total = connections.length,
): ConnectionsDocument {
  return { ...head, connections, total };
}

export function hostsOf(hosts: readonly HostDocument[]): HostsDocument {
  return { ...head, hosts };
}
