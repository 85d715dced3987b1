/** A scan of this host as the document of `whotalks sockets`. Pure. */
import type { Scan } from '../agent/collector.ts';
import type { SocketDocument, SocketsDocument } from '../model/document.ts';
import { serviceName } from '../model/service-name.ts';
import type { OwnedSocket } from '../model/socket.ts';
import { reachableAt } from '../query/bound-address.ts';
import type { FilterSubject } from '../query/evaluate.ts';
import { apiVersion } from '../wire/protocol.ts';

export function socketsDocument(sockets: readonly OwnedSocket[], nowMs: number): SocketsDocument {
  return {
    apiVersion,
    asOf: new Date(nowMs).toISOString(),
    partial: [],
    sockets: sockets.map(socketDocument),
  };
}

function socketDocument(socket: OwnedSocket): SocketDocument {
  return {
    protocol: socket.protocol,
    state: socket.state,
    local: { ip: socket.local.ip, port: socket.local.port },
    remote: { ip: socket.remote.ip, port: socket.remote.port },
    inode: inodeOf(socket),
    uid: socket.uid,
    netns: socket.netns,
    owners: socket.owners.map(({ process, fds }) => ({ pid: process.pid, process: process.comm, fds })),
    container: containerOf(socket),
    unit: unitOf(socket),
    service: serviceOf(socket),
  };
}

export function inodeOf({ inode }: OwnedSocket): number | null {
  return inode === 0 ? null : inode;
}

/** Of several owners the first. */
export function containerOf({ owners }: OwnedSocket): string | null {
  return owners[0]?.process.container ?? null;
}

export function unitOf({ owners }: OwnedSocket): string | null {
  return owners[0]?.process.unit ?? null;
}

export function serviceOf(socket: OwnedSocket): string | null {
  const first = socket.owners[0]?.process;
  return first === undefined ? null : serviceName(first, new Map());
}

/** How a filter sees a socket: its local end as server, since the direction is not known here. */
export function socketSubject(socket: OwnedSocket, scan: Scan, hostName: string): FilterSubject {
  const netns = scan.netns.find(({ inode }) => inode === socket.netns);
  const alsoAt = reachableAt(socket.local.ip, netns?.addresses.map(({ ip }) => ip) ?? []);
  return {
    client: socket.remote.port === 0 ? null : { ...socket.remote, host: null, service: null, realm: null },
    server: { ...socket.local, host: hostName, service: serviceOf(socket), realm: null, alsoAt },
  };
}
