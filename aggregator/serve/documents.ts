/** Things of the live view to the documents of model/document.ts: one function per document, and nothing made up. */
import type {
  ConnectionDocument,
  EdgeDocument,
  EndDocument,
  GapDocument,
  HostDocument,
  NatDocument,
  OwnerDocument,
  SeenCounts,
} from '../../model/document.ts';
import { formatEndpoint } from '../../model/endpoint.ts';
import { type IpAddress, isLoopback } from '../../model/ip.ts';
import type { Owner } from '../../model/process.ts';
import type { ReportedSocket, ReportingHost } from '../correlate/report.ts';
import type { Sight } from '../security/sight.ts';
import type { ConnectionEnd, ConnectionView, EdgeView, ListenerView } from './fleet-view.ts';

/** RFC 3339 UTC with milliseconds. @param ms unix milliseconds */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function connectionDocument(view: ConnectionView, sight: Sight): ConnectionDocument {
  return {
    id: view.id,
    protocol: view.protocol,
    state: view.state,
    seen: view.seen,
    unseenBecause: view.unseenBecause,
    direction: view.direction,
    client: endDocument(view.client, sight),
    server: endDocument(view.server, sight),
    openedAt: formatTime(view.openedAtMs),
    closedAt: view.closedAtMs === null ? null : formatTime(view.closedAtMs),
    lastSeenAt: formatTime(view.lastSeenAtMs),
    ...view.traffic,
    nat: natDocument(view),
    joinedBy: view.joinedBy,
  };
}

function natDocument({ client, server }: ConnectionView): NatDocument | null {
  if (client.seenAs === null && server.seenAs === null) return null;
  return { clientDialed: seenAsText(server), serverSaw: seenAsText(client) };
}

/** What the other end calls this one. */
function seenAsText(end: ConnectionEnd): string {
  return formatEndpoint(end.seenAs?.endpoint ?? end.endpoint);
}

export function endDocument(end: ConnectionEnd, sight: Sight): EndDocument {
  return {
    ...end.endpoint,
    realm: end.realm,
    ...holderFields(end.host, end.socket, end.owners, sight),
    service: end.service,
    labels: Object.fromEntries(end.host?.labels ?? []),
  };
}

export function listenerEndDocument(listener: ListenerView, sight: Sight): EndDocument {
  const { socket } = listener;
  return {
    ...socket.local,
    realm: socket.host.realm,
    ...holderFields(socket.host, socket, socket.owners, sight),
    service: listener.service,
    labels: Object.fromEntries(socket.host.labels),
  };
}

type HolderFields = Omit<EndDocument, 'ip' | 'port' | 'realm' | 'service' | 'labels'>;

/** The fields that host, socket and owners tell. Of several owners the first (lowest pid) speaks for the end. */
function holderFields(
  host: ReportingHost | null,
  socket: ReportedSocket | null,
  owners: readonly Owner[],
  sight: Sight,
): HolderFields {
  const first = owners[0];
  return {
    host: host?.name ?? null,
    netns: socket?.netns ?? null,
    pid: first?.process.pid ?? null,
    process: first?.process.comm ?? null,
    exe: first?.process.exe ?? null,
    cmdline: sight.cmdlines ? (first?.process.cmdline ?? null) : null,
    user: first?.process.user ?? null,
    uid: first?.process.uid ?? socketUid(socket),
    fds: first?.fds ?? [],
    owners: owners.map(ownerDocument),
    inode: socket === null || socket.inode === 0 ? null : socket.inode,
    unit: first?.process.unit ?? null,
    container: first?.process.container ?? null,
    runtime: first?.process.runtime ?? null,
    containerName: first?.process.containerName ?? null,
    pod: first?.process.pod ?? null,
    podName: first?.process.podName ?? null,
    podNamespace: first?.process.podNamespace ?? null,
    workload: first?.process.workload ?? null,
  };
}

/** A row without an inode shows uid 0 whoever had the socket: that is not knowledge. */
function socketUid(socket: ReportedSocket | null): number | null {
  return socket === null || socket.inode === 0 ? null : socket.uid;
}

function ownerDocument(owner: Owner): OwnerDocument {
  return { pid: owner.process.pid, process: owner.process.comm, fds: owner.fds };
}

/**
 * @param match open connections with an end on the host, by which ends are seen
 * @param disputes as FleetView.disputesOf
 */
export function hostDocument(
  host: ReportingHost,
  match: SeenCounts,
  disputes: readonly string[] = [],
): HostDocument {
  return {
    host: host.name,
    hostId: host.id,
    realm: host.realm,
    state: host.state,
    collector: host.collector,
    events: host.events === '' ? null : host.events,
    cannotSee: [...disputes, ...host.cannotSee],
    addresses: hostAddresses(host),
    lastSeenAt: formatTime(host.lastSeenMs),
    clockOffsetMs: host.clockOffsetMs,
    lostEvents: host.lostEvents,
    gaps: gapDocuments(host),
    connections: match.both + match.client + match.server,
    match,
    labels: Object.fromEntries(host.labels),
    agentVersion: host.agentVersion,
    intervalMs: host.intervalMs,
  };
}

/** Addresses under which others reach the host, its own namespace's before those of containers. */
export function hostAddresses(host: ReportingHost): IpAddress[] {
  const namespaces = [...host.netns.values()].toSorted((a, b) => Number(b.isHost) - Number(a.isHost));
  const all = namespaces.flatMap((netns) => netns.addresses.map((address) => address.ip));
  return [...new Set(all)].filter((ip) => !isLoopback(ip) && !ip.startsWith('fe80:'));
}

export function gapDocuments(host: ReportingHost): GapDocument[] {
  return host.gaps.map((gap) => ({
    host: host.name,
    from: formatTime(gap.fromMs),
    to: formatTime(gap.toMs),
    reason: gap.reason,
    lostEvents: gap.lostEvents === 0 ? null : gap.lostEvents,
  }));
}

export function edgeDocument(edge: EdgeView): EdgeDocument {
  return {
    client: edge.client,
    server: edge.server,
    realm: edge.realm,
    port: edge.port,
    protocol: edge.protocol,
    open: edge.open,
    total: edge.total,
    firstSeenAt: formatTime(edge.firstSeenAtMs),
    lastSeenAt: formatTime(edge.lastSeenAtMs),
    bytesToServer: edge.bytesToServer,
    bytesToClient: edge.bytesToClient,
    seen: { both: edge.seen.both, client: edge.seen.client, server: edge.seen.server },
  };
}
