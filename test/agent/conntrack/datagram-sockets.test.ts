/** Which of a host's UDP sockets takes a datagram. */
import { describe, expect, test } from 'vitest';
import { closedPortsMax, DatagramSockets } from '../../../agent/conntrack/datagram-sockets.ts';
import { parseEndpoint } from '../../../model/endpoint.ts';
import type { Process } from '../../../model/process.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { containerNetns, hostNetns, opening, socketBetween } from './sockets.ts';

const process = (pid: number): Process => ({ pid, startTicks: pid }) as Process;
const ownedBy = (...pids: number[]) => pids.map((pid) => ({ process: process(pid), fds: [pid] }));

function unconnected(local: string, more: Partial<OwnedSocket> = {}): OwnedSocket {
  const remote = local.startsWith('[') ? '[::]:0' : '0.0.0.0:0';
  return socketBetween(local, remote, { protocol: 'udp', state: 'unconnected', ...more });
}

function having(...sockets: OwnedSocket[]): DatagramSockets {
  const known = new DatagramSockets();
  for (const [i, socket] of sockets.entries()) known.note(opening(i + 1, socket), 1);
  return known;
}

const takers = (known: DatagramSockets, at: string, netns = hostNetns) =>
  known.takersOf(netns, parseEndpoint(at)!)?.ids ?? null;

describe('a datagram goes to', () => {
  const known = having(
    unconnected('10.0.0.1:53'),
    unconnected('0.0.0.0:53'),
    unconnected('[::]:53'),
    unconnected('[::]:54'),
    unconnected('10.0.0.1:55', { netns: containerNetns }),
    socketBetween('10.0.0.1:56', '10.0.0.2:9', { protocol: 'udp' }),
    unconnected('10.0.0.1:57', { protocol: 'tcp', state: 'listen' }),
  );

  test.each([
    ['the socket of the very address', '10.0.0.1:53', [1]],
    ['the socket of every address', '10.0.0.2:53', [2]],
    ['the socket of both families, where there is no other', '10.0.0.2:54', [4]],
    ['the socket of IPv6', '[fd00::1]:53', [3]],
    ['nobody of another namespace', '10.0.0.1:55', null],
    ['nobody who is connected', '10.0.0.1:56', null],
    ['nobody of another protocol', '10.0.0.1:57', null],
  ])('%s', (_name, at, ids) => expect(takers(known, at)).toEqual(ids));

  test('nobody any more when that one has closed or connected', () => {
    const one = having(unconnected('10.0.0.1:53'));
    const socket = unconnected('10.0.0.1:53');
    one.note({ kind: 'closed', id: 1, socket, closedAtMs: 5 }, 7);
    expect([takers(one, '10.0.0.1:53'), [...one.namespaces()], one.lastClosedMs(hostNetns, 53)]).toEqual([
      null,
      [],
      7,
    ]);
    one.forgetClosed(8);
    expect(one.lastClosedMs(hostNetns, 53)).toBe(0);
  });
});

describe('sockets that share a port', () => {
  test('of one process are that one’s, under an fd that nobody knows', () => {
    const known = having(
      unconnected('0.0.0.0:53', { inode: 7, owners: ownedBy(40) }),
      unconnected('0.0.0.0:53', { inode: 8, owners: ownedBy(40) }),
    );
    expect(known.takersOf(hostNetns, parseEndpoint('10.0.0.1:53')!)).toEqual({
      ids: [1, 2],
      uid: 0,
      inode: 0,
      owners: [{ process: process(40), fds: [] }],
    });
  });

  test('of several processes are nobody’s', () => {
    const known = having(
      unconnected('0.0.0.0:53', { owners: ownedBy(40) }),
      unconnected('0.0.0.0:53', { owners: ownedBy(41) }),
    );
    expect(known.takersOf(hostNetns, parseEndpoint('10.0.0.1:53')!)).toMatchObject({
      ids: [1, 2],
      owners: [],
    });
    expect(known.pidIn(hostNetns)).toBe(40);
  });

  test('and one socket of several processes is all of theirs', () => {
    const known = having(unconnected('0.0.0.0:53', { inode: 7, owners: ownedBy(40, 41) }));
    const owners = known.takersOf(hostNetns, parseEndpoint('10.0.0.1:53')!)!.owners;
    expect(owners.map(({ process: { pid } }) => pid)).toEqual([40, 41]);
  });
});

test('closings of more ports than are remembered count for every port', () => {
  const known = new DatagramSockets();
  const closedAt = (port: number) => {
    const socket = unconnected(`0.0.0.0:${(port % 60_000) + 1}`, { netns: 1 + Math.floor(port / 60_000) });
    known.note({ kind: 'closed', id: port, socket, closedAtMs: 5 }, 7);
  };
  for (let port = 0; port < closedPortsMax; port++) closedAt(port);
  expect(known.lastClosedMs(9, 9)).toBe(0);
  closedAt(closedPortsMax);
  expect(known.lastClosedMs(9, 9)).toBe(7);
});
