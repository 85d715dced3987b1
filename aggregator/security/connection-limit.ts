/** How many connections one address may have open at a door. What is beyond is closed before a byte of it is read. */
import type { Server, Socket } from 'node:net';
import { isLoopback, parseIp } from '../../model/ip.ts';
import type { Audit } from './audit.ts';

/** Agents of a site may all come from one address, that of its gateway. */
export const connectionsPerAddressMax = 1024;

/** Stands at a server that is not listening yet. Whoever comes from this machine is not counted: it has other means. */
export function limitConnections(server: Server, audit: Audit, max: number = connectionsPerAddressMax): void {
  const open = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const address = parseIp(socket.remoteAddress ?? '');
    if (address === null || isLoopback(address)) return;
    const count = open.get(address) ?? 0;
    if (count >= max) {
      const detail = `${max} connections of ${address} are open already: this one was closed`;
      audit({
        kind: 'refused',
        reason: 'too-many',
        subject: null,
        peer: `${address}:${socket.remotePort ?? 0}`,
        detail,
      });
      socket.destroy();
      return;
    }
    open.set(address, count + 1);
    socket.once('close', () => {
      const left = open.get(address)! - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
