/** Real sockets in this process and in children, for tests of the collector; everything is closed by closeAll. */

import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { examineRungs, openCollector } from '../../../agent/collect/ladder.ts';
import type { RungName } from '../../../agent/collect/source.ts';
import type { Collector, Scan } from '../../../agent/collector.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { Children } from './child-node.ts';

export const children = new Children();

/** The rungs that work for whoever runs the tests; procfs always does. */
export const workingRungs: readonly RungName[] = (await examineRungs())
  .filter(({ problem }) => problem === null)
  .map(({ name }) => name);

/** The collector of the test that runs. */
const current: { collector: Collector | null } = { collector: null };

/** Lets scanOnce go by this rung until closeAll. */
export async function scanBy(rung: RungName): Promise<void> {
  current.collector = await openCollector(rung);
  // What is found from here on is news to it, as to one that has been running for long.
  await current.collector.scan();
}

/** Whatever is put here is closed after the test. */
export const open: (Server | Socket | UdpSocket)[] = [];

export async function closeAll(): Promise<void> {
  for (const one of open.splice(0)) {
    if ('destroy' in one) one.destroy();
    else one.close();
  }
  await children.endAll();
  current.collector?.close();
  current.collector = null;
}

/** By the collector of scanBy. */
export function scanOnce(): Promise<Scan> {
  return current.collector!.scan();
}

export async function listen(host: string): Promise<[Server, number]> {
  const server = createServer((socket) => open.push(socket));
  open.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return [server, (server.address() as AddressInfo).port];
}

export async function dial(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host });
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Both ends of a new connection: the one that dialed, and the one that was accepted. */
export async function connected(server: Server, host = '127.0.0.1'): Promise<[Socket, Socket]> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = await dial((server.address() as AddressInfo).port, host);
  return [client, (await accepted)[0]];
}

/** Fd of a socket of Node's, which only its handle tells. */
export function fdOf(socket: Server | Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

export function holders({ owners }: OwnedSocket): number[] {
  return owners.map((owner) => owner.process.pid);
}

/** The network namespace of this process. */
export const ownNetns = statSync('/proc/self/ns/net').ino;

/** TCP sockets of one network: in others, and of UDP, there may be some with the same ports. */
export function withPorts(scan: Scan, local: number, remote: number, netns = ownNetns): OwnedSocket[] {
  const inNetns = scan.sockets.filter((socket) => socket.netns === netns && socket.protocol === 'tcp');
  return inNetns.filter((socket) => socket.local.port === local && socket.remote.port === remote);
}
