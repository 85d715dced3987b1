/** Sockets, processes and namespaces for tests of the delivery, made from one number each. */
import { noContainer } from '../../../model/container.ts';
import type { Netns } from '../../../model/netns.ts';
import type { Process } from '../../../model/process.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';

export const netnsInode = 4026531840;

export function netnsOf(inode = netnsInode, ...ips: string[]): Netns {
  return {
    inode,
    isHost: inode === netnsInode,
    addresses: ips.map((ip) => ({ ip, prefixLength: ip.includes(':') ? 64 : 24, device: 'eth0' })),
    localNetworks: [],
    ephemeralPorts: [32768, 60999],
  };
}

export function processOf(pid: number, more: Partial<Process> = {}): Process {
  return {
    pid,
    startTicks: 1000 + pid,
    comm: `p${pid}`,
    exe: `/usr/bin/p${pid}`,
    cmdline: null,
    program: `p${pid}`,
    uid: 1000,
    user: null,
    ...noContainer,
    unit: null,
    ...more,
  };
}

/** An established client socket; `n` makes its port, inode and owner its own. */
export function socketOf(n: number, more: Partial<OwnedSocket> = {}): OwnedSocket {
  return {
    protocol: 'tcp',
    state: 'established',
    local: { ip: '10.1.17.138', port: 1024 + (n % 60_000) },
    remote: { ip: '10.1.100.9', port: 8743 },
    inode: 100_000 + n,
    uid: 1000,
    netns: netnsInode,
    owners: [{ process: processOf(100 + (n % 7)), fds: [n % 1000] }],
    ...more,
  };
}

export function opened(id: number, more: Partial<OwnedSocket> = {}, openedAtMs = 5000): SocketEvent {
  return { kind: 'opened', id, socket: socketOf(id, more), openedAtMs, notBeforeMs: openedAtMs - 1000 };
}

export function changed(id: number, more: Partial<OwnedSocket>, atMs = 6000): SocketEvent {
  return { kind: 'changed', id, socket: socketOf(id, more), atMs };
}

export function closed(id: number, more: Partial<OwnedSocket> = {}, closedAtMs = 7000): SocketEvent {
  return { kind: 'closed', id, socket: socketOf(id, more), closedAtMs };
}
