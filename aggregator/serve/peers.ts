/** Connections grouped by the end that is far from the one asked about: the rows of `to` and `from`. */
import type { PeerDocument, Seen, UnseenBecause } from '../../model/document.ts';
import { formatEndpoint } from '../../model/endpoint.ts';
import type { Process } from '../../model/process.ts';
import type { ReportingHost } from '../correlate/report.ts';
import { formatTime } from './documents.ts';
import type { ConnectionEnd, ConnectionView } from './fleet-view.ts';

interface Group {
  /** What all of its connections have in common. */
  readonly described: Described;
  connections: number;
  open: number;
  firstSeenAtMs: number;
  lastSeenAtMs: number;
  /** Null where its connections have the far ends of several processes. */
  pid: number | null;
  /** Whether both ends of any are seen. */
  isSeen: boolean;
  /** What the one that was begun before all others is seen from. */
  firstSeen: Seen;
  firstNumber: number;
  /** Of the one that was seen last; of several, of the one that was begun before the others. */
  unseenBecause: UnseenBecause | null;
  lastNumber: number;
}

type Described = Pick<
  PeerDocument,
  'service' | 'host' | 'process' | 'user' | 'ip' | 'port' | 'protocol' | 'dialed'
>;

/** Groups come out the same in whatever order connections are added. */
export class PeerGroups {
  /** The end that the groups describe. */
  readonly #side: 'client' | 'server';
  readonly #groups = new Map<string, Group>();
  readonly #holders = new HolderNumbers();

  constructor(side: 'client' | 'server') {
    this.#side = side;
  }

  add(connection: ConnectionView): void {
    const far = connection[this.#side];
    const process = far.owners[0]?.process;
    const key = this.#keyOf(connection, far, process);
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, newGroup(connection, far, process));
    else addTo(group, connection, process?.pid ?? null);
  }

  /** Most open first, then most recent. */
  documents(): PeerDocument[] {
    return [...this.#groups.values()]
      .toSorted(
        (a, b) =>
          b.open - a.open ||
          b.lastSeenAtMs - a.lastSeenAtMs ||
          b.connections - a.connections ||
          a.firstNumber - b.firstNumber,
      )
      .map(peerDocument);
  }

  #keyOf(connection: ConnectionView, far: ConnectionEnd, process: Process | undefined): string {
    const { port } = connection.server.endpoint;
    const holder = this.#holders.of(far, process);
    // All but the realm, which is last, are texts without a bar.
    return `${far.endpoint.ip}|${port}|${connection.protocol}|${dialedText(connection) ?? ''}|${holder}|${far.realm}`;
  }
}

/** Numbers of what tells the holders of ends apart. Most ends have the process of many others, which is known then. */
class HolderNumbers {
  readonly #byText = new Map<string, number>();
  readonly #byProcess = new Map<Process, Map<ReportingHost | null, Map<string | null, number>>>();

  of({ host, service }: ConnectionEnd, process: Process | undefined): number {
    if (process === undefined) return this.#numberOf(service, host, process);
    const byHost =
      this.#byProcess.get(process) ?? new Map<ReportingHost | null, Map<string | null, number>>();
    this.#byProcess.set(process, byHost);
    const byService = byHost.get(host) ?? new Map<string | null, number>();
    byHost.set(host, byService);
    const number = byService.get(service) ?? this.#numberOf(service, host, process);
    byService.set(service, number);
    return number;
  }

  #numberOf(service: string | null, host: ReportingHost | null, process: Process | undefined): number {
    const text = JSON.stringify([service, host?.id, process?.comm, process?.user]);
    const number = this.#byText.get(text) ?? this.#byText.size;
    this.#byText.set(text, number);
    return number;
  }
}

function newGroup(connection: ConnectionView, far: ConnectionEnd, process: Process | undefined): Group {
  const { number, seen, openedAtMs, lastSeenAtMs, unseenBecause } = connection;
  return {
    described: {
      service: far.service,
      host: far.host?.name ?? null,
      process: process?.comm ?? null,
      user: process?.user ?? null,
      ip: far.endpoint.ip,
      port: connection.server.endpoint.port,
      protocol: connection.protocol,
      dialed: dialedText(connection),
    },
    connections: 1,
    open: isOpenConnection(connection) ? 1 : 0,
    firstSeenAtMs: openedAtMs,
    lastSeenAtMs,
    pid: process?.pid ?? null,
    isSeen: seen === 'both',
    firstSeen: seen,
    firstNumber: number,
    unseenBecause,
    lastNumber: number,
  };
}

function addTo(group: Group, connection: ConnectionView, pid: number | null): void {
  const { number, seen, lastSeenAtMs } = connection;
  group.connections += 1;
  if (isOpenConnection(connection)) group.open += 1;
  if (group.pid !== pid) group.pid = null;
  group.isSeen ||= seen === 'both';
  group.firstSeenAtMs = Math.min(group.firstSeenAtMs, connection.openedAtMs);
  if (number < group.firstNumber) {
    group.firstNumber = number;
    group.firstSeen = seen;
  }
  const newerMs = lastSeenAtMs - group.lastSeenAtMs;
  if (newerMs > 0 || (newerMs === 0 && number < group.lastNumber)) {
    group.lastSeenAtMs = lastSeenAtMs;
    group.lastNumber = number;
    group.unseenBecause = connection.unseenBecause;
  }
}

export function isOpenConnection(connection: ConnectionView): boolean {
  return connection.closedAtMs === null;
}

function peerDocument(group: Group): PeerDocument {
  const { service, host, process, user, ip, port, protocol, dialed } = group.described;
  return {
    service,
    host,
    process,
    user,
    ip,
    port,
    protocol,
    connections: group.connections,
    open: group.open,
    firstSeenAt: formatTime(group.firstSeenAtMs),
    lastSeenAt: formatTime(group.lastSeenAtMs),
    seen: group.isSeen ? 'both' : group.firstSeen,
    unseenBecause: group.isSeen ? null : group.unseenBecause,
    pid: group.pid,
    dialed,
  };
}

/** What the client dialed, where that is translated to the server. */
function dialedText({ server }: ConnectionView): string | null {
  return server.seenAs === null ? null : formatEndpoint(server.seenAs.endpoint);
}
