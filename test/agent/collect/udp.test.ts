/** UDP of every kind: connected sockets are connections, the others listen. Every rung shows the same ones. */
import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { children, closeAll, scanBy, scanOnce, workingRungs } from './machine.ts';

afterEach(closeAll);

/** Opens a socket for each line of the table below and prints its fd, and the port of the one that the kernel bound. */
const kinds = `
  const koffi = require('koffi');
  const library = koffi.load(null);
  const call = (signature) => library.func(signature);
  const socket = call('int socket(int, int, int)');
  const bind = call('int bind(int, void *, uint32_t)');
  const connect = call('int connect(int, void *, uint32_t)');
  const send = call('int64_t sendto(int, void *, size_t, int, void *, uint32_t)');
  const setOption = call('int setsockopt(int, int, int, void *, uint32_t)');
  const name = call('int getsockname(int, void *, void *)');
  const four = (ip, port) =>
    Buffer.from([2, 0, port >> 8, port & 255, ...ip.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0]);
  const six = (tail, port) => {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt16LE(10, 0);
    bytes.writeUInt16BE(port, 2);
    Buffer.from(tail).copy(bytes, 24 - tail.length);
    return bytes;
  };
  const mapped = [255, 255, 127, 0, 0, 1];
  const one = Buffer.from([1, 0, 0, 0]);
  const options = { only6: [41, 26, one], reuse: [1, 15, one], device: [1, 25, Buffer.from('lo\\0')] };
  const open = (family, { bound, peer, set = [] }) => {
    const fd = socket(family, 2, 0);
    for (const option of set) {
      const [level, number, value] = options[option];
      setOption(fd, level, number, value, value.length);
    }
    if (bound !== undefined) bind(fd, bound, bound.length);
    if (peer !== undefined) connect(fd, peer, peer.length);
    return fd;
  };
  const fds = {
    any4: open(2, { bound: four('0.0.0.0', 1001) }),
    one4: open(2, { bound: four('127.0.0.1', 1002) }),
    both: open(10, { bound: six([], 1003) }),
    only6: open(10, { bound: six([], 1004), set: ['only6'] }),
    one6: open(10, { bound: six([1], 1005) }),
    mapped: open(10, { bound: six(mapped, 1006) }),
    connected4: open(2, { bound: four('127.0.0.1', 1007), peer: four('127.0.0.1', 53) }),
    connected6: open(10, { bound: six([1], 1008), peer: six([1], 53) }),
    connectedMapped: open(10, { bound: six([], 1009), peer: six(mapped, 53) }),
    device: open(2, { bound: four('0.0.0.0', 1010), set: ['device'] }),
    connectedDevice: open(2, { bound: four('127.0.0.1', 1011), peer: four('127.0.0.1', 53), set: ['device'] }),
    reused: open(2, { bound: four('127.0.0.1', 1012), set: ['reuse'] }),
    reusedToo: open(2, { bound: four('127.0.0.1', 1012), set: ['reuse'] }),
    unbound: open(2, {}),
    implicit: open(2, {}),
  };
  const to = four('127.0.0.1', 1002);
  send(fds.implicit, one, 1, 0, to, to.length);
  const own = Buffer.alloc(16);
  const length = Buffer.from([16, 0, 0, 0]);
  name(fds.implicit, own, length);
  console.log(JSON.stringify({ fds, implicitPort: own.readUInt16BE(2) }));
  setInterval(() => {}, 1e6);
`;

/** All but the unbound one, which nothing can be sent to yet, by state and ends. */
function expected(fds: Readonly<Record<string, number>>, implicitPort: number): string[] {
  const rows: readonly (readonly [string, string])[] = [
    ['any4', 'unconnected 0.0.0.0:1001 0.0.0.0:0'],
    ['one4', 'unconnected 127.0.0.1:1002 0.0.0.0:0'],
    ['both', 'unconnected [::]:1003 [::]:0'],
    ['only6', 'unconnected [::]:1004 [::]:0'],
    ['one6', 'unconnected [::1]:1005 [::]:0'],
    ['mapped', 'unconnected 127.0.0.1:1006 [::]:0'],
    ['connected4', 'established 127.0.0.1:1007 127.0.0.1:53'],
    ['connected6', 'established [::1]:1008 [::1]:53'],
    ['connectedMapped', 'established 127.0.0.1:1009 127.0.0.1:53'],
    ['device', 'unconnected 0.0.0.0:1010 0.0.0.0:0'],
    ['connectedDevice', 'established 127.0.0.1:1011 127.0.0.1:53'],
    ['reused', 'unconnected 127.0.0.1:1012 0.0.0.0:0'],
    ['reusedToo', 'unconnected 127.0.0.1:1012 0.0.0.0:0'],
    ['implicit', `unconnected 0.0.0.0:${implicitPort} 0.0.0.0:0`],
  ];
  return rows.map(([name, row]) => `${row} [${fds[name]}]`).toSorted();
}

function asText({ protocol, state, local, remote, owners }: OwnedSocket): string {
  expect(protocol).toBe('udp');
  const fds = owners.map((owner) => owner.fds.join('+')).join(' ');
  return `${state} ${formatEndpoint(local)} ${formatEndpoint(remote)} [${fds}]`;
}

describe.runIf(canMakeNamespaces).each(workingRungs)('%s', (rung) => {
  it('shows UDP sockets of every kind', async () => {
    const prefix = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
    const child = children.start(kinds, { prefix });
    const { fds, implicitPort } = JSON.parse(await child.line()) as {
      fds: Record<string, number>;
      implicitPort: number;
    };
    const netns = statSync(`/proc/${child.pid}/ns/net`).ino;
    await scanBy(rung);
    const { sockets } = await scanOnce();
    const rows = sockets.filter((socket) => socket.netns === netns);
    expect(rows.map(asText).toSorted()).toEqual(expected(fds, implicitPort));
  });
});
