/** Dumps of sockets over a C library that answers what a test wants, and over the kernel's own. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Libc, loadLibc } from '../../../agent/libc.ts';
import { type Cell, wholeRow } from '../../../agent/netlink/diag-rows.ts';
import { type DiagRow, everyState, stateMask } from '../../../agent/netlink/inet-diag.ts';
import { encodeMessage, type NetlinkMessage } from '../../../agent/netlink/message.ts';
import { NetlinkError } from '../../../agent/netlink/netlink-error.ts';
import { NetnsEntry, NetnsRefusedError } from '../../../agent/netlink/netns-entry.ts';
import { dumpAttemptsMax, SockDiag } from '../../../agent/netlink/sock-diag.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { fc } from '../../support/random-cases.ts';
import { until } from '../../support/until.ts';
import { children, closeAll } from '../collect/machine.ts';
import { type Answer, fakeLibc } from './fake-libc.ts';
import { diagMessage, end } from './messages.ts';

const netns = 4026531840;
const tcp = { protocol: 'tcp', states: everyState } as const;

function row(port: number): DiagRow {
  return {
    protocol: 'tcp',
    state: 'established',
    local: { ip: '10.0.0.1', port },
    remote: { ip: '10.0.0.2', port: 443 },
    inode: port,
    uid: 0,
    netns,
    cookie: BigInt(port),
  };
}

const message = (port: number, sequence = 1): NetlinkMessage => diagMessage(row(port), { sequence });

async function dumpPorts(libc: Libc): Promise<number[]> {
  const { rows } = await SockDiag.open(libc, netns).dump(tcp, new TimeSlice());
  return rows.map(({ local }) => local.port);
}

describe('a dump', () => {
  it('comes in several datagrams of several messages', async () => {
    const libc = fakeLibc([[[message(1), message(2)], [message(3)], [end(3, 0)]]]);
    expect(await dumpPorts(libc)).toEqual([1, 2, 3]);
    expect(libc.sent.map((bytes) => bytes.readUInt16LE(4))).toEqual([18]);
  });

  it('makes no rows of sockets that are known', async () => {
    const libc = fakeLibc([[[message(1), message(2), message(3)], [end(3, 0)]]]);
    const isKnown = (inode: number): boolean => inode === 2;
    const { rows } = await SockDiag.open(libc, netns).dump({ ...tcp, isKnown }, new TimeSlice());
    expect(rows.map(({ inode }) => inode)).toEqual([1, 3]);
  });

  it('passes over what an earlier request left in the queue', async () => {
    const libc = fakeLibc([[[message(9, 99)], [end(3, 0, 99)], [message(1)], [end(3, 0)]]]);
    expect(await dumpPorts(libc)).toEqual([1]);
  });

  it('is repeated when the table changed meanwhile, and shows no row of the first attempt', async () => {
    const interrupted = diagMessage(row(1), { flags: 0x12 });
    const diag = SockDiag.open(
      fakeLibc([
        [[interrupted], [end(3, 0)]],
        [[message(2, 2)], [end(3, 0, 2)]],
      ]),
      netns,
    );
    expect((await diag.dump(tcp, new TimeSlice())).rows).toEqual([row(2)]);
    expect(diag.interruptedTotal).toBe(1);
  });

  it('stands as it is when it is interrupted every time', async () => {
    const attempts = Array.from({ length: dumpAttemptsMax + 1 }, (_, i): Answer[] => [
      [diagMessage(row(i + 1), { flags: 0x12, sequence: i + 1 })],
      [end(3, 0, i + 1)],
    ]);
    const libc = fakeLibc(attempts);
    expect(await dumpPorts(libc)).toEqual([dumpAttemptsMax]);
    expect(libc.sent).toHaveLength(dumpAttemptsMax);
  });

  it.each([2, 3] as const)(
    'asks family by family where both at once is refused by message %i',
    async (type) => {
      const libc = fakeLibc([
        [[end(type, 22)]],
        [[message(1, 2)], [end(3, 0, 2)]],
        [[message(2, 3)], [end(3, 0, 3)]],
        [[message(3, 4)], [end(3, 0, 4)]],
        [[message(4, 5)], [end(3, 0, 5)]],
      ]);
      const diag = SockDiag.open(libc, netns);
      for (const ports of [
        [1, 2],
        [3, 4],
      ])
        expect((await diag.dump(tcp, new TimeSlice())).rows).toEqual(ports.map(row));
      expect(libc.sent.map((bytes) => [bytes.readUInt16LE(4), bytes[16]])).toEqual([
        [18, 2],
        [20, 2],
        [20, 10],
        [20, 2],
        [20, 10],
      ]);
    },
  );

  it('does without IPv6 where the kernel has none', async () => {
    const libc = fakeLibc([[[end(2, 22)]], [[message(1, 2)], [end(3, 0, 2)]], [[end(2, 2, 3)]]]);
    expect(await dumpPorts(libc)).toEqual([1]);
  });

  it.each([
    ['an error', [[end(2, 1)]], 'cannot read a dump of sockets: EPERM'],
    ['an error at the end', [[message(1)], [end(3, 105)]], 'cannot read a dump of sockets: ENOBUFS'],
    ['no answer', [], 'cannot receive a netlink answer: EAGAIN'],
    ['an overrun', [[message(1)], 105], 'cannot receive a netlink answer: ENOBUFS'],
    [
      'a cut message',
      [encodeMessage(message(1)).subarray(0, 40)],
      'cannot parse a datagram: message at byte 0 claims 96 of 40 bytes',
    ],
  ])('fails with %s, and closes its socket', async (_, answers: readonly Answer[], text) => {
    const libc = fakeLibc([answers]);
    const diag = SockDiag.open(libc, netns);
    const failing = diag.dump(tcp, new TimeSlice());
    await expect(failing).rejects.toThrow(NetlinkError);
    await expect(failing).rejects.toThrow(text);
    expect(diag.isOpen).toBe(false);
    expect(libc.closed).toEqual([5]);
  });

  it('goes on behind a row that cannot be read', async () => {
    const short: NetlinkMessage = { ...message(2), payload: Buffer.alloc(60) };
    const foreign = diagMessage(row(3));
    foreign.payload[0] = 1;
    const libc = fakeLibc([[[message(1), short, foreign, message(4)], [end(3, 0)]]]);
    const dump = await SockDiag.open(libc, netns).dump(tcp, new TimeSlice());
    expect(dump.rows).toEqual([row(1), row(4)]);
    expect(dump.malformedTotal).toBe(2);
    expect(dump.malformed).toEqual([
      { file: 'sock_diag tcp', line: 2, column: 'inet_diag_msg', text: '60 bytes long' },
      { file: 'sock_diag tcp', line: 3, column: 'idiag_family', text: '1' },
    ]);
  });

  it('cut anywhere, or with bytes spoilt, fails or shows rows, and never hangs', async () => {
    const whole = Buffer.concat([...[1, 2, 3].map((port) => message(port)), end(3, 0)].map(encodeMessage));
    const spoilt = fc.record({
      length: fc.integer({ min: 0, max: whole.length }),
      at: fc.integer({ min: 0, max: whole.length - 1 }),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(spoilt, async ({ length, at, byte }) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        const libc = fakeLibc([[bytes.subarray(0, length)]]);
        try {
          expect((await dumpPorts(libc)).length).toBeLessThanOrEqual(3);
        } catch (error) {
          expect(error).toBeInstanceOf(NetlinkError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a look-up', () => {
  /** What the kernel says of one row, after a dump that showed it. */
  async function isThere(answer: Answer): Promise<boolean> {
    const libc = fakeLibc([[[message(1)], [end(3, 0)]], [answer]]);
    const diag = SockDiag.open(libc, netns);
    const cells: Cell<DiagRow>[] = [];
    const keeper = diag.keep(wholeRow, {
      shown: (cell) => cells.push(cell),
      gone: () => {},
    });
    keeper.begin();
    await diag.dumpKept(tcp, keeper, new TimeSlice());
    const there = diag.isThere(keeper.identity(cells[0]!), row(1).inode);
    // The row as it was shown, behind headers of the request's own.
    expect(libc.sent[1]!.subarray(24).equals(message(1).payload.subarray(4, 52))).toBe(true);
    expect(libc.sent[1]!.readUInt16LE(6)).toBe(1);
    return there;
  }

  it.each([
    ['is there', [diagMessage(row(1), { sequence: 2 })], true],
    ['is there, behind what was left in the queue', [end(3, 0, 1), message(1, 2)], true],
    ['has let go of its inode', [diagMessage({ ...row(1), inode: 0 }, { sequence: 2 })], false],
    ['is gone', [end(2, 2, 2)], false],
    ['cannot be told from another', [end(2, 116, 2)], true],
  ] as const)('a socket that %s', async (_, answer, expected) => {
    expect(await isThere(answer)).toBe(expected);
  });

  it('fails with the socket, which is closed then and answers nothing more', () => {
    const libc = fakeLibc([[105]]);
    const diag = SockDiag.open(libc, netns);
    const identity = { family: 2, sockid: Buffer.alloc(48) };
    expect(() => diag.isThere(identity, 1)).toThrow('cannot receive a netlink answer: ENOBUFS');
    expect(() => diag.isThere(identity, 1)).toThrow('cannot send a netlink request: the socket is closed');
    expect(libc.closed).toEqual([5]);
  });
});

describe('the kernel', () => {
  afterEach(closeAll);

  it('says of a connection whether it is still there', async () => {
    const server = createServer((socket) => socket.on('error', () => {})).listen(0, '::');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    for (const host of ['127.0.0.1', '::1']) {
      const accepted = once(server, 'connection');
      const client = connect({ port, host });
      await Promise.all([once(client, 'connect'), accepted]);
      const diag = SockDiag.open(await loadLibc(), netns);
      const cells: Cell<DiagRow>[] = [];
      const keeper = diag.keep(wholeRow, {
        shown: (cell) => cells.push(cell),
        gone: () => {},
      });
      keeper.begin();
      await diag.dumpKept(tcp, keeper, new TimeSlice());
      const ends = cells.filter(({ value: { local, remote, state } }) => {
        return state === 'established' && [local.port, remote.port].includes(client.localPort!);
      });
      expect(ends).toHaveLength(2);
      const areThere = (): boolean[] =>
        ends.map((cell) => diag.isThere(keeper.identity(cell), cell.value.inode));
      expect(areThere()).toEqual([true, true]);
      // By their ends alone: an IPv6 socket with IPv4 ends is found by those.
      const found = (): (DiagRow | null | 'untold')[] => ends.map(({ value }) => diag.find(value));
      expect(found()).toEqual(ends.map(({ value }) => value));
      client.resetAndDestroy();
      await until('both are gone', () => !areThere().some(Boolean));
      // The accepted end had the address and port of the listener, which is what is found now.
      const states = found().map((now) => (now === null || now === 'untold' ? now : now.state));
      expect(states).toEqual(expect.arrayContaining(['listen', null]));
      diag.close();
    }
    server.close();
  });

  it.each([
    ['udp4', '0.0.0.0', null],
    ['udp4', '127.0.0.1', '127.0.0.1'],
    ['udp6', '::', null],
    ['udp6', '::ffff:127.0.0.1', null],
    ['udp6', '::1', '::1'],
  ] as const)(
    'finds a socket of %s that is bound to %s, with the peer %s, by its ends',
    async (type, host, peer) => {
      const socket = createSocket(type).bind(0, host);
      await once(socket, 'listening');
      if (peer !== null) {
        socket.connect(9, peer);
        await once(socket, 'connect');
      }
      const { port } = socket.address();
      const diag = SockDiag.open(await loadLibc(), netns);
      const { rows } = await diag.dump({ protocol: 'udp', states: everyState }, new TimeSlice());
      const [row] = rows.filter(({ local }) => local.port === port);
      expect(diag.find(row!)).toEqual(row);
      const closed = once(socket, 'close');
      socket.close();
      await closed;
      await until('it is gone', () => diag.find(row!) === null);
      diag.close();
    },
  );

  it('shows the sockets of this process as /proc does', async () => {
    const server = createServer().listen(0, '::1');
    await new Promise((resolve) => server.on('listening', resolve));
    const { port } = server.address() as { port: number };
    const diag = SockDiag.open(await loadLibc(), netns);
    const listeners = { protocol: 'tcp', states: stateMask([10]) } as const;
    for (const families of [undefined, ['ipv6'] as const]) {
      const query = families === undefined ? listeners : { ...listeners, families };
      const { rows } = await diag.dump(query, new TimeSlice());
      const [mine] = rows.filter(({ local }) => local.port === port);
      const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
      const shown = readFileSync('/proc/self/net/tcp6', 'latin1')
        .split('\n')
        .find((line) => line.includes(`:${hexPort} `) && line.includes(' 0A '));
      expect(mine).toMatchObject({ state: 'listen', local: { ip: '::1' }, remote: { ip: '::', port: 0 } });
      expect(String(mine!.inode)).toBe(shown!.trim().split(/\s+/)[9]);
    }
    diag.close();
    server.close();
  });

  describe.skipIf(process.geteuid?.() !== 0)('in another namespace', () => {
    const script = `
      require('node:net').createServer().listen(18081, '127.0.0.1', () => {
        console.log(require('node:fs').statSync('/proc/self/ns/net').ino);
      });`;
    const prefix = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
    const here = (): string => readlinkSync('/proc/thread-self/ns/net');

    it('a socket opened there stays there, and the thread comes back', async () => {
      const before = here();
      const child = children.start(script, { prefix });
      const inode = Number(await child.line());
      const libc = await loadLibc();
      const entry = NetnsEntry.open(libc);
      expect(before).toBe(`net:[${entry.own}]`);
      const diag = entry.within(`/proc/${child.pid}/ns/net`, inode, () => SockDiag.open(libc, inode))!;
      expect(here()).toBe(before);
      const { rows } = await diag.dump(tcp, new TimeSlice());
      expect(rows).toMatchObject([{ state: 'listen', local: { port: 18081 }, netns: inode }]);
      diag.close();
      entry.close();
    });

    it('the thread comes back from a failure too', async () => {
      const before = here();
      const child = children.start(script, { prefix });
      const inode = Number(await child.line());
      const entry = NetnsEntry.open(await loadLibc());
      const fail = (): never => {
        expect(here()).toBe(`net:[${inode}]`);
        throw new Error('as intended');
      };
      expect(() => entry.within(`/proc/${child.pid}/ns/net`, inode, fail)).toThrow('as intended');
      expect(here()).toBe(before);
      expect(entry.within(`/proc/${child.pid}/ns/net`, inode + 1, fail)).toBeNull();
      entry.close();
    });

    it('is refused when the way back is closed', async () => {
      const before = here();
      const child = children.start(script, { prefix });
      const inode = Number(await child.line());
      const entry = NetnsEntry.open(await loadLibc());
      entry.close();
      const enter = (): unknown => entry.within(`/proc/${child.pid}/ns/net`, inode, () => 1);
      expect(enter).toThrow(NetnsRefusedError);
      expect(enter).toThrow('cannot enter network namespaces: the way back is closed');
      expect(here()).toBe(before);
    });

    it('is refused without CAP_SYS_ADMIN, and the own one is not', async () => {
      const child = children.start(script, { prefix });
      const inode = Number(await child.line());
      const libc = await loadLibc();
      const path = `/proc/${child.pid}/ns/net`;
      process.seteuid!(65534);
      const entry = NetnsEntry.open(libc);
      process.seteuid!(0);
      expect(entry.refusal).toBe('EPERM');
      expect(() => entry.within(path, inode, () => 1)).toThrow(NetnsRefusedError);
      expect(() => entry.within(path, inode, () => 1)).toThrow('cannot enter network namespaces: EPERM');
      expect(entry.within('/proc/self/ns/net', entry.own, () => 1)).toBe(1);
      entry.close();
    });
  });
});
