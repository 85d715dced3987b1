/** What one look at the sockets of some namespaces showed, as text that can be compared. */
import type { Collector } from '../../../agent/collector.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { SocketRow } from '../../../model/socket.ts';

/**
 * Socket → owners: `NETNS PROTOCOL STATE LOCAL REMOTE INODE UID` → `PID/COMM:FD+FD PID/COMM:FD`, pids and fds ascending. With
 * its name, a process that becomes another program between two looks is one of which they say different things.
 */
export type Snapshot = ReadonlyMap<string, string>;

export function socketText({ netns, protocol, state, local, remote, inode, uid }: SocketRow): string {
  const ends = `${formatEndpoint(local)} ${formatEndpoint(remote)}`;
  // The kernel has no user for what has no inode, and its tables differ in what they show instead.
  return `${netns} ${protocol} ${state} ${ends} ${inode} ${inode === 0 ? '-' : uid}`;
}

/** A process that holds a socket, as a view shows it. */
export interface ShownOwner {
  readonly pid: number;
  readonly comm: string;
  readonly fds: readonly number[];
}

export function ownersText(owners: readonly ShownOwner[]): string {
  return owners
    .toSorted((a, b) => a.pid - b.pid)
    .map(
      ({ pid, comm, fds }) => `${pid}/${encodeURIComponent(comm)}:${fds.toSorted((a, b) => a - b).join('+')}`,
    )
    .join(' ');
}

/** Rejects as the scan does. */
export async function takeSnapshot(collector: Collector, namespaces: ReadonlySet<number>): Promise<Snapshot> {
  const { sockets } = await collector.scan();
  const snapshot = new Map<string, string>();
  for (const socket of sockets) {
    if (!namespaces.has(socket.netns)) continue;
    const owners = socket.owners.map(({ process: { pid, comm }, fds }) => ({ pid, comm, fds }));
    snapshot.set(socketText(socket), ownersText(owners));
  }
  return snapshot;
}

/** Of socketText. */
export function inodeIn(socket: string): number {
  return Number(socket.split(' ').at(-2));
}

/** All of socketText but inode and user. */
export function rowIn(socket: string): string {
  return socket.split(' ').slice(0, -2).join(' ');
}

/** Namespace, protocol and ends of socketText. */
export function tupleIn(socket: string): string {
  const [netns, protocol, , local, remote] = socket.split(' ');
  return `${netns} ${protocol} ${local} ${remote}`;
}

/** Of ownersText. */
export function pidsIn(owners: string): string[] {
  return owners === '' ? [] : owners.split(' ').map((owner) => owner.slice(0, owner.indexOf('/')));
}
