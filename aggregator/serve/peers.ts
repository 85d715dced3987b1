/** Connections grouped by the end that is far from the one asked about: the rows of `to` and `from`. */
import type { PeerDocument, Seen, UnseenBecause } from '../../model/document.ts';
import { formatEndpoint } from '../../model/endpoint.ts';
import { formatTime } from './documents.ts';
import type { ConnectionEnd, ConnectionView } from './fleet-view.ts';

interface Group {
  readonly first: ConnectionView;
  readonly far: ConnectionEnd;
  connections: number;
  open: number;
  firstSeenAtMs: number;
  lastSeenAtMs: number;
  seen: Seen;
  unseenBecause: UnseenBecause | null;
  pid: number | null;
}

/** Most open first, then most recent. @param side the end that the rows describe */
export function peerDocuments(
  connections: Iterable<ConnectionView>,
  side: 'client' | 'server',
): PeerDocument[] {
  const groups = new Map<string, Group>();
  for (const connection of connections) {
    const key = groupKey(connection, connection[side]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, newGroup(connection, connection[side]));
    else addTo(group, connection, connection[side]);
  }
  return [...groups.values()]
    .toSorted((a, b) => b.open - a.open || b.lastSeenAtMs - a.lastSeenAtMs || b.connections - a.connections)
    .map(peerDocument);
}

function groupKey(connection: ConnectionView, far: ConnectionEnd): string {
  const process = far.owners[0]?.process;
  const { service, host, endpoint, realm } = far;
  const { port } = connection.server.endpoint;
  return JSON.stringify([
    [service, host?.id, process?.comm, process?.user],
    [endpoint.ip, realm, port, connection.protocol],
    dialedText(connection),
  ]);
}

function newGroup(first: ConnectionView, far: ConnectionEnd): Group {
  return {
    first,
    far,
    connections: 1,
    open: isOpenConnection(first) ? 1 : 0,
    firstSeenAtMs: first.openedAtMs,
    lastSeenAtMs: first.lastSeenAtMs,
    seen: first.seen,
    unseenBecause: first.unseenBecause,
    pid: far.owners[0]?.process.pid ?? null,
  };
}

function addTo(group: Group, connection: ConnectionView, far: ConnectionEnd): void {
  group.connections += 1;
  if (isOpenConnection(connection)) group.open += 1;
  group.firstSeenAtMs = Math.min(group.firstSeenAtMs, connection.openedAtMs);
  const isNewer = connection.lastSeenAtMs > group.lastSeenAtMs;
  if (isNewer) group.lastSeenAtMs = connection.lastSeenAtMs;
  if (connection.seen === 'both') {
    group.seen = 'both';
    group.unseenBecause = null;
  } else if (group.seen !== 'both' && isNewer) {
    group.unseenBecause = connection.unseenBecause;
  }
  if (group.pid !== (far.owners[0]?.process.pid ?? null)) group.pid = null;
}

export function isOpenConnection(connection: ConnectionView): boolean {
  return connection.closedAtMs === null;
}

function peerDocument(group: Group): PeerDocument {
  const { far } = group;
  const process = far.owners[0]?.process;
  return {
    service: far.service,
    host: far.host?.name ?? null,
    process: process?.comm ?? null,
    user: process?.user ?? null,
    ip: far.endpoint.ip,
    port: group.first.server.endpoint.port,
    protocol: group.first.protocol,
    connections: group.connections,
    open: group.open,
    firstSeenAt: formatTime(group.firstSeenAtMs),
    lastSeenAt: formatTime(group.lastSeenAtMs),
    seen: group.seen,
    unseenBecause: group.unseenBecause,
    pid: group.pid,
    dialed: dialedText(group.first),
  };
}

/** What the client dialed, where that is translated to the server. */
function dialedText({ server }: ConnectionView): string | null {
  return server.seenAs === null ? null : formatEndpoint(server.seenAs.endpoint);
}
