/** Sockets for tests of what conntrack tells of them. */
import { parseEndpoint } from '../../../model/endpoint.ts';
import type { Process } from '../../../model/process.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';

/** The namespace of the host, and of a container on it. */
export const hostNetns = 4026531840;
export const containerNetns = 4026532000;

export function socketBetween(local: string, remote: string, more: Partial<OwnedSocket> = {}): OwnedSocket {
  return {
    protocol: 'tcp',
    state: 'established',
    local: parseEndpoint(local)!,
    remote: parseEndpoint(remote)!,
    inode: 5000,
    uid: 0,
    netns: hostNetns,
    owners: [{ process: { pid: 42 } as Process, fds: [3] }],
    ...more,
  };
}

/** The other end of it, in the same namespace. */
export function reversed(socket: OwnedSocket): OwnedSocket {
  return { ...socket, local: socket.remote, remote: socket.local };
}

/** Its opening. @param notBeforeMs 0 = nobody looked before */
export function opening(id: number, socket: OwnedSocket, notBeforeMs = 1): SocketEvent {
  return { kind: 'opened', id, socket, openedAtMs: 2, notBeforeMs };
}
