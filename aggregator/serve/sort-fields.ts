/** The fields by which each kind of row can be sorted: the names of the documents. */
import type {
  EdgeDocument,
  HostDocument,
  ListenerDocument,
  PeerDocument,
  ServiceDocument,
} from '../../model/document.ts';
import type { ConnectionView, ListenerView } from './fleet-view.ts';
import type { SortFields } from './sort.ts';

/** Of views rather than documents: a sort of all connections makes documents only of those it shows. */
export const connectionFields: SortFields<ConnectionView> = {
  protocol: (row) => row.protocol,
  state: (row) => row.state,
  seen: (row) => row.seen,
  direction: (row) => row.direction,
  openedAt: (row) => row.openedAtMs,
  closedAt: (row) => row.closedAtMs,
  lastSeenAt: (row) => row.lastSeenAtMs,
  'client.ip': (row) => row.client.endpoint.ip,
  'client.port': (row) => row.client.endpoint.port,
  'client.host': (row) => row.client.host?.name ?? null,
  'client.service': (row) => row.client.service,
  'client.process': (row) => row.client.owners[0]?.process.comm ?? null,
  'server.ip': (row) => row.server.endpoint.ip,
  'server.port': (row) => row.server.endpoint.port,
  'server.host': (row) => row.server.host?.name ?? null,
  'server.service': (row) => row.server.service,
  'server.process': (row) => row.server.owners[0]?.process.comm ?? null,
  bytesToServer: (row) => row.traffic.bytesToServer,
  bytesToClient: (row) => row.traffic.bytesToClient,
  rttUs: (row) => row.traffic.rttUs,
  retransmits: (row) => row.traffic.retransmits,
};

export const peerFields: SortFields<PeerDocument> = {
  service: (row) => row.service,
  host: (row) => row.host,
  process: (row) => row.process,
  user: (row) => row.user,
  ip: (row) => row.ip,
  port: (row) => row.port,
  connections: (row) => row.connections,
  open: (row) => row.open,
  firstSeenAt: (row) => row.firstSeenAt,
  lastSeenAt: (row) => row.lastSeenAt,
  seen: (row) => row.seen,
};

/** The order of the listeners in `to`, which nobody chooses. */
export const listenerViewFields: SortFields<ListenerView> = {
  host: ({ socket }) => socket.host.name,
  port: ({ socket }) => socket.local.port,
};

export const listenerFields: SortFields<ListenerDocument> = {
  host: (row) => row.host,
  service: (row) => row.service,
  process: (row) => row.process,
  user: (row) => row.user,
  ip: (row) => row.ip,
  port: (row) => row.port,
  protocol: (row) => row.protocol,
  clients: (row) => row.clients,
  open: (row) => row.open,
};

export const serviceFields: SortFields<ServiceDocument> = {
  service: (row) => row.service,
  hosts: (row) => row.hosts.length,
  instances: (row) => row.instances,
  clients: (row) => row.clients,
  servers: (row) => row.servers,
};

export const hostFields: SortFields<HostDocument> = {
  host: (row) => row.host,
  realm: (row) => row.realm,
  state: (row) => row.state,
  collector: (row) => row.collector,
  events: (row) => row.events,
  lastSeenAt: (row) => row.lastSeenAt,
  clockOffsetMs: (row) => row.clockOffsetMs,
  lostEvents: (row) => row.lostEvents,
  connections: (row) => row.connections,
};

export const edgeFields: SortFields<EdgeDocument> = {
  client: (row) => row.client,
  server: (row) => row.server,
  port: (row) => row.port,
  protocol: (row) => row.protocol,
  open: (row) => row.open,
  total: (row) => row.total,
  bytesToServer: (row) => row.bytesToServer,
  bytesToClient: (row) => row.bytesToClient,
  firstSeenAt: (row) => row.firstSeenAt,
  lastSeenAt: (row) => row.lastSeenAt,
};
