/**
 * Socket tables tear while they are read: in a namespace with a tiny hash table and much churn a dump misses sockets that
 * are there all the time, or shows them twice. The watch must not take that for the end of a socket.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { children, closeAll, scanBy, scanOnce, workingRungs } from './machine.ts';

/** At least; a fast rung makes more until there was as much churn. */
const scansMin = 60;
const closesMin = 500;
const steadyConnections = 60;
const timeoutMs = 120_000;

/** A namespace takes the size of its hash table from the one in which it is made, so there are two. */
const tinyHash = [
  'unshare',
  '-n',
  'sh',
  '-c',
  'sysctl -qw net.ipv4.tcp_child_ehash_entries=64 && exec unshare -n sh -c \'ip link set lo up && exec "$0" "$@"\' "$0" "$@"',
];

/** Prints the namespace, the server's port and the clients' steady ports, and keeps replacing other connections. */
const load = `
  const net = require('node:net');
  const { once } = require('node:events');
  const { statSync } = require('node:fs');
  (async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}).resume());
    server.listen(0, '127.0.0.1', 4096);
    await once(server, 'listening');
    const { port } = server.address();
    const connect = () => net.connect({ port, host: '127.0.0.1' }).on('error', () => {});
    const steady = Array.from({ length: ${steadyConnections} }, connect);
    for (const socket of steady) if (socket.connecting) await once(socket, 'connect');
    const open = [];
    setInterval(() => {
      for (let i = 0; i < 20; i++) open.push(connect());
      while (open.length > 1500) open.splice(Math.floor(Math.random() * open.length), 1)[0].resetAndDestroy();
    }, 4);
    console.log(JSON.stringify({
      netns: statSync('/proc/self/ns/net').ino,
      port,
      clients: steady.map(({ localPort }) => localPort),
    }));
  })();
`;

interface Load {
  readonly netns: number;
  readonly port: number;
  readonly clients: readonly number[];
}

afterEach(closeAll);

describe.runIf(canMakeNamespaces).each(workingRungs)('%s on tables that tear', (rung) => {
  it(
    'a socket that stays is never told closed',
    async () => {
      const child = children.start(load, { prefix: tinyHash });
      const { netns, port, clients } = JSON.parse(await child.line()) as Load;
      const steady = new Set(clients);
      const isSteady = ({ local, remote, ...socket }: OwnedSocket): boolean =>
        socket.netns === netns &&
        ((steady.has(local.port) && remote.port === port) ||
          (local.port === port && steady.has(remote.port)));
      await scanBy(rung);
      const watch = new SocketWatch();
      const closed: OwnedSocket[] = [];
      let othersClosed = 0;
      for (let scans = 0; scans < scansMin || othersClosed < closesMin; scans++) {
        for (const event of watch.apply(await scanOnce())) {
          if (event.kind !== 'closed' || event.socket.netns !== netns) continue;
          if (isSteady(event.socket)) closed.push(event.socket);
          else othersClosed++;
        }
      }
      expect(closed).toEqual([]);
      const open = [...watch.watched()].filter(({ socket }) => isSteady(socket));
      expect(open).toHaveLength(2 * steadyConnections);
    },
    timeoutMs,
  );
});
