/** What the collector says of this process's sockets, beside what iproute2 says. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketState } from '../../../model/socket-state.ts';
import {
  children,
  closeAll,
  connected,
  fdOf,
  holders,
  listen,
  open,
  scanBy,
  scanOnce,
  workingRungs,
} from './machine.ts';

afterEach(closeAll);

describe.each(workingRungs)('%s, beside ss', (rung) => {
  beforeEach(() => scanBy(rung));

  it('every socket of these processes has the same state, ports, owners, inode and user', async () => {
    const [server] = await listen('127.0.0.1');
    const [six] = await listen('::');
    const worker = children.start('console.log("up"); setInterval(() => {}, 1e6)', {
      extraFds: [fdOf(server), fdOf(six)],
    });
    await worker.line();
    const udp = createSocket('udp4');
    open.push(udp);
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    for (const to of [server, server, six]) await connected(to);
    const pids = new Set([process.pid, worker.pid]);
    const mine = (await scanOnce()).sockets.filter((socket) => holders(socket).some((pid) => pids.has(pid)));
    const expected = socketsOfSs().filter(({ users }) => users.some(([pid]) => pids.has(pid)));
    expect(mine.map(asSs).toSorted(byInode)).toEqual(expected.toSorted(byInode));
    expect(mine.length).toBeGreaterThanOrEqual(9);
  });
});

interface SsSocket {
  readonly state: string;
  readonly ports: readonly [string, string];
  /** pid and fd, ascending. */
  readonly users: readonly (readonly [number, number])[];
  readonly inode: number;
  readonly uid: number;
}

function byInode(a: SsSocket, b: SsSocket): number {
  return a.inode - b.inode;
}

/** What iproute2 says of the sockets of this namespace. */
function socketsOfSs(): SsSocket[] {
  const lines = execFileSync('ss', ['-tunpeaH'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).split('\n');
  return lines.filter((line) => / ino:[1-9]/.test(line)).map(ssSocket);
}

function ssSocket(line: string): SsSocket {
  const [, state, , , local, peer] = line.split(/\s+/);
  const users = [...line.matchAll(/pid=(\d+),fd=(\d+)/g)].map(
    (match) => [Number(match[1]), Number(match[2])] as const,
  );
  return {
    state: state!,
    ports: [portText(local!), portText(peer!)],
    users: users.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
    inode: Number(/ ino:(\d+)/.exec(line)![1]),
    uid: Number(/ uid:(\d+)/.exec(line)?.[1] ?? 0),
  };
}

/** After the last colon; ss writes `*` for no port. */
function portText(endpoint: string): string {
  return endpoint.slice(endpoint.lastIndexOf(':') + 1).replace('*', '0');
}

function asSs(socket: OwnedSocket): SsSocket {
  const words: Partial<Record<SocketState, string>> = {
    established: 'ESTAB',
    listen: 'LISTEN',
    unconnected: 'UNCONN',
  };
  return {
    state: words[socket.state] ?? socket.state,
    ports: [String(socket.local.port), String(socket.remote.port)],
    users: socket.owners.flatMap(({ process: { pid }, fds }) => fds.map((fd) => [pid, fd] as const)),
    inode: socket.inode,
    uid: socket.uid,
  };
}
