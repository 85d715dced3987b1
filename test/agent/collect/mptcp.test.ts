/**
 * MPTCP: a socket of it stands for its subflows, which the kernel's tables show as TCP connections with one inode. Every
 * rung shows the same ones, each with the owners of the socket.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { RungName } from '../../../agent/collect/source.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';
import { children, closeAll, scanBy, scanOnce, workingRungs } from './machine.ts';

afterEach(closeAll);

/** The kernel has it, and it is not switched off. */
const hasMptcp = readSwitch() === '1';

function readSwitch(): string {
  try {
    return readFileSync('/proc/sys/net/mptcp/enabled', 'latin1').trim();
  } catch {
    return 'absent';
  }
}

/** Loopback with two addresses, the second one for further subflows. */
const twoPaths = [
  'unshare',
  '-n',
  'sh',
  '-c',
  'ip link set lo up && ip address add 10.77.0.1/32 dev lo && ip address add 10.77.0.2/32 dev lo && ' +
    'ip mptcp limits set subflow 2 add_addr_accepted 2 && ip mptcp endpoint add 10.77.0.2 subflow && exec "$0" "$@"',
];

/**
 * A listener, a connection to it whose two ends exchange something (the kernel opens the other path after that), one end of
 * plain TCP, and one that nobody accepts. Prints fds, and closes the second path's first when it is told.
 */
const peers = `
  const koffi = require('koffi');
  const library = koffi.load(null);
  const call = (signature) => library.func(signature);
  const socket = call('int socket(int, int, int)');
  const bind = call('int bind(int, void *, uint32_t)');
  const listen = call('int listen(int, int)');
  const connect = call('int connect(int, void *, uint32_t)');
  const accept = call('int accept(int, void *, void *)');
  const write = call('int64_t write(int, void *, size_t)');
  const read = call('int64_t read(int, void *, size_t)');
  const address = (port) => Buffer.from([2, 0, port >> 8, port & 255, 10, 77, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const open = (protocol) => socket(2, 1, protocol);
  const listener = open(262);
  bind(listener, address(17000), 16);
  listen(listener, 8);
  const dial = (protocol) => {
    const fd = open(protocol);
    connect(fd, address(17000), 16);
    return fd;
  };
  const client = dial(262);
  const server = accept(listener, null, null);
  const bytes = Buffer.alloc(100);
  for (const [from, to] of [[client, server], [server, client]]) {
    write(from, bytes, 100);
    read(to, bytes, 100);
  }
  const plain = dial(6);
  const fallen = accept(listener, null, null);
  const queued = dial(262);
  console.log(JSON.stringify({ listener, client, server, plain, fallen, queued }));
  setInterval(() => {}, 1e6);
`;

async function rowsIn(netns: number): Promise<OwnedSocket[]> {
  return (await scanOnce()).sockets.filter((socket) => socket.netns === netns);
}

/** State, ends without the ports that the kernel chose, and the fds that hold it. */
function asText({ state, local, remote, owners }: OwnedSocket): string {
  const held = owners.map(({ fds }) => fds.join('+')).join(' ');
  const end = (endpoint: OwnedSocket['local']): string =>
    formatEndpoint(endpoint.port > 17000 ? { ...endpoint, port: 0 } : endpoint);
  return `${state} ${end(local)} ${end(remote)} [${held}]`;
}

function netnsOf(pid: number): number {
  return Number(/\d+/.exec(execFileSync('readlink', [`/proc/${pid}/ns/net`], { encoding: 'latin1' }))![0]);
}

describe.runIf(canMakeNamespaces && hasMptcp).each<RungName>(workingRungs)('%s', (rung) => {
  it('shows every subflow, with the owners of the socket', async () => {
    const child = children.start(peers, { prefix: twoPaths });
    const fds = JSON.parse(await child.line()) as Record<string, number>;
    const netns = netnsOf(child.pid);
    await scanBy(rung);
    const { listener, client, server, plain, fallen, queued } = fds;
    const expected = [
      `listen 10.77.0.1:17000 0.0.0.0:0 [${listener}]`,
      `established 10.77.0.1:0 10.77.0.1:17000 [${client}]`,
      `established 10.77.0.2:0 10.77.0.1:17000 [${client}]`,
      `established 10.77.0.1:17000 10.77.0.1:0 [${server}]`,
      `established 10.77.0.1:17000 10.77.0.2:0 [${server}]`,
      `established 10.77.0.1:0 10.77.0.1:17000 [${plain}]`,
      `established 10.77.0.1:17000 10.77.0.1:0 [${fallen}]`,
      `established 10.77.0.1:0 10.77.0.1:17000 [${queued}]`,
      `established 10.77.0.1:17000 10.77.0.1:0 []`,
    ].toSorted();
    let rows: OwnedSocket[] = [];
    // The kernel opens the second path when it gets to it, and joins its ends to their sockets later still.
    await until('both paths stand', async () => {
      rows = await rowsIn(netns);
      const shown = rows.map(asText).toSorted().join('\n');
      return shown === expected.join('\n') || shown;
    });
    const inodes = (fd: number): number[] =>
      rows.flatMap(({ owners, inode }) => (owners[0]?.fds[0] === fd ? [inode] : []));
    for (const fd of [client!, server!]) expect(new Set(inodes(fd)).size).toBe(1);
    const again = await rowsIn(netns);
    expect(again.map(asText)).toEqual(rows.map(asText));
  });
});
