/** Which entries of conntrack are told as peers of unconnected UDP sockets, and for how long. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DatagramPeers } from '../../../agent/conntrack/datagram-peers.ts';
import { DatagramSockets } from '../../../agent/conntrack/datagram-sockets.ts';
import type { ConntrackEntry } from '../../../agent/netlink/conntrack-entry.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketFinding } from '../../../model/socket-event.ts';
import { entryOf } from '../netlink/conntrack-messages.ts';
import { hostNetns, opening, socketBetween } from './sockets.ts';

const server = socketBetween('0.0.0.0:53', '0.0.0.0:0', { protocol: 'udp', state: 'unconnected', inode: 7 });
const asked = '10.0.0.9:4000 -> 10.0.0.1:53';
const answered = '10.0.0.1:53 -> 10.0.0.9:4000';

let sockets: DatagramSockets;
let peers: DatagramPeers;
let nowMs: number;

beforeEach(() => {
  [sockets, nowMs] = [new DatagramSockets(), 100_000];
  let lastId = 1_000;
  peers = new DatagramPeers(hostNetns, sockets, () => ++lastId, 3);
  sockets.note(opening(1, server), nowMs);
});

const query = (more: Partial<ConntrackEntry> = {}, original = asked, reply = answered): ConntrackEntry =>
  entryOf(original, reply, { protocol: 'udp', expiresInS: 30, ...more });

/** Ten seconds later; an entry that nobody uses has ten seconds less left. Unix time is 1,000,000 ms ahead. */
function look(entries: readonly ConntrackEntry[], isWhole = true): SocketFinding[] {
  nowMs += 10_000;
  const times = { startedMs: nowMs - 20, finishedMs: nowMs, finishedAtMs: nowMs + 1_000_000 };
  const namespaceOf = (ip: string) => (ip === '10.0.0.1' || ip === '127.0.0.1' ? hostNetns : null);
  const steps = peers.applying({ entries: [...entries], isWhole, ...times }, namespaceOf);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

const kinds = (findings: readonly SocketFinding[]) => findings.map(({ kind, id }) => `${kind} ${id}`);

describe('an entry is told', () => {
  test('when it came since the last look, with its role and its translation', () => {
    expect(look([])).toEqual([]);
    expect(look([query({}, '10.0.0.9:4000 -> 10.0.0.8:5300')])).toEqual([
      {
        kind: 'peer-opened',
        id: 1001,
        socket: {
          ...server,
          state: 'established',
          local: { ip: '10.0.0.1', port: 53 },
          remote: { ip: '10.0.0.9', port: 4000 },
        },
        openedAtMs: 1_120_000,
        notBeforeMs: 1_110_000,
      },
      {
        kind: 'translated',
        id: 1001,
        translation: {
          role: 'server',
          stages: [{ local: { ip: '10.0.0.8', port: 5300 }, remote: { ip: '10.0.0.9', port: 4000 } }],
        },
      },
    ]);
    expect(look([query({}, '10.0.0.9:4000 -> 10.0.0.8:5300')])).toEqual([]);
  });

  test('when a packet has passed since the last look, if it is an older one', () => {
    expect(look([query({ expiresInS: 25 })])).toEqual([]);
    expect(look([query({ expiresInS: 15 })])).toEqual([]);
    // Whole seconds: 5 may have been 5.9.
    expect(look([query({ expiresInS: 6 })])).toEqual([]);
    expect(look([query({ expiresInS: 30 })])).toMatchObject([
      { kind: 'peer-opened', id: 1001, notBeforeMs: 0 },
      { kind: 'translated', translation: { role: 'server', stages: [] } },
    ]);
  });

  test('as that of the end that sent first, where both ends are here', () => {
    sockets.note(opening(2, { ...server, local: { ip: '127.0.0.1', port: 4000 }, inode: 8 }), nowMs);
    look([]);
    const both = look([query({}, '127.0.0.1:4000 -> 127.0.0.1:53', '127.0.0.1:53 -> 127.0.0.1:4000')]);
    expect(
      both.map((finding) => (finding.kind === 'translated' ? finding.translation.role : finding.id)),
    ).toEqual([1001, 'client', 1002, 'server']);
  });
});

describe('an entry is not told', () => {
  const other: OwnedSocket = { ...server, inode: 9 };

  test.each([
    ['of TCP', query({ protocol: 'tcp' })],
    ['in a zone', query({ zone: 5 })],
    [
      'of a port that no socket has',
      query({}, '10.0.0.9:4000 -> 10.0.0.1:54', '10.0.0.1:54 -> 10.0.0.9:4000'),
    ],
    ['of an address elsewhere', query({}, '10.0.0.9:4000 -> 10.0.0.2:53', '10.0.0.2:53 -> 10.0.0.9:4000')],
    ['to many at once', query({}, '10.0.0.1:53 -> 224.0.0.251:53', '224.0.0.251:53 -> 10.0.0.1:53')],
    ['to everybody', query({}, '10.0.0.1:53 -> 255.255.255.255:67', '255.255.255.255:67 -> 10.0.0.1:53')],
    [
      'to many at once over IPv6',
      query({}, '[fd00::1]:53 -> [ff02::fb]:53', '[ff02::fb]:53 -> [fd00::1]:53'),
    ],
  ])('%s', (_name, entry) => {
    look([]);
    expect(look([entry])).toEqual([]);
  });

  test('when a connected socket has it', () => {
    const connected = socketBetween('10.0.0.1:53', '10.0.0.9:4000', { protocol: 'udp' });
    sockets.note(opening(2, connected), nowMs);
    look([]);
    expect(look([query()])).toEqual([]);
  });

  test('as that of a socket whose port another had since the last look, before a packet proves it', () => {
    look([]);
    sockets.note({ kind: 'closed', id: 1, socket: server, closedAtMs: nowMs }, nowMs + 1_000);
    sockets.note(opening(2, other), nowMs + 1_000);
    expect(look([query()])).toEqual([]);
    expect(look([query({ expiresInS: 20 })])).toEqual([]);
    expect(look([query({ expiresInS: 28 })])).toMatchObject([
      { kind: 'peer-opened', socket: { inode: 9 } },
      { kind: 'translated' },
    ]);
  });

  test('as a new one after a look that did not show all', () => {
    look([], false);
    expect(look([query()])).toEqual([]);
  });
});

describe('a peer is over', () => {
  beforeEach(() => {
    look([]);
    expect(kinds(look([query()]))).toEqual(['peer-opened 1001', 'translated 1001']);
  });

  test('when its entry is gone, as far as everything was shown', () => {
    expect(look([], false)).toEqual([]);
    expect(look([])).toEqual([{ kind: 'peer-closed', id: 1001, closedAtMs: 1_140_000 }]);
  });

  test('when its socket is closed, and stays so', () => {
    expect(peers.socketsClosed(new Map([[2, 5]]))).toEqual([]);
    expect(peers.socketsClosed(new Map([[1, 1_125_000]]))).toEqual([
      { kind: 'peer-closed', id: 1001, closedAtMs: 1_125_000 },
    ]);
    sockets.note({ kind: 'closed', id: 1, socket: server, closedAtMs: 5 }, nowMs);
    expect(look([query({ expiresInS: 30 })])).toEqual([]);
  });

  test('when the table is not looked at any more', () => {
    expect(kinds(peers.clear(5))).toEqual(['peer-closed 1001']);
  });

  test('but goes on when another entry has its tuple, or its owner is another process', () => {
    expect(look([query({ id: 8 })])).toEqual([]);
    const owners = [{ process: { pid: 43 } as never, fds: [4] }];
    sockets.note({ kind: 'changed', id: 1, socket: { ...server, owners }, atMs: 5 }, nowMs);
    expect(look([query({ id: 8 })])).toMatchObject([{ kind: 'peer-changed', id: 1001, socket: { owners } }]);
  });
});

test('what finds no room is counted, and what comes after it is proven anew', () => {
  const entry = (port: number, expiresInS = 30) =>
    query({ id: port, expiresInS }, `10.0.0.9:${port} -> 10.0.0.1:53`, `10.0.0.1:53 -> 10.0.0.9:${port}`);
  look([]);
  expect(look([1, 2, 3, 4, 5].map((port) => entry(port)))).toHaveLength(6);
  expect([peers.isCrowded, peers.table]).toEqual([
    true,
    { name: 'datagram_peers', size: 3, limit: 3, refusedTotal: 2 },
  ]);
  expect(kinds(look([entry(4, 20)]))).toEqual(['peer-closed 1001', 'peer-closed 1002', 'peer-closed 1003']);
  expect(kinds(look([entry(4, 30)]))).toEqual(['peer-opened 1004', 'translated 1004']);
  expect(peers.isCrowded).toBe(false);
});
