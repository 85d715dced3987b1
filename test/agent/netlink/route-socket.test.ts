/** Dumps over a C library that answers what a test wants: the kernel's rarer answers. */
import { describe, expect, it } from 'vitest';
import type { Libc } from '../../../agent/libc.ts';
import { linkDump } from '../../../agent/netlink/link.ts';
import type { NetlinkMessage } from '../../../agent/netlink/message.ts';
import { NetlinkError } from '../../../agent/netlink/netlink-error.ts';
import { RouteSocket, routeGroups } from '../../../agent/netlink/route-socket.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { type Answer, fakeLibc } from './fake-libc.ts';
import { end, newLink } from './messages.ts';

const link = (index: number, sequence = 1): NetlinkMessage =>
  newLink({ index, name: `eth${index}`, kind: null, masterIndex: null, peerNetnsId: null }, sequence);

async function dumpNames(libc: Libc): Promise<string[]> {
  const links = await RouteSocket.open(libc).dump(linkDump, new TimeSlice());
  return links.map(({ name }) => name);
}

describe('a dump', () => {
  it('comes in several datagrams of several messages', async () => {
    // The names have four letters and a NUL, so that every message needs padding to be aligned.
    const names = await dumpNames(fakeLibc([[[link(1)], [link(2)], [end(3, 0)]]]));
    expect(names).toEqual(['eth1', 'eth2']);
  });

  it('passes over what an earlier request left in the queue', async () => {
    expect(await dumpNames(fakeLibc([[[link(9, 99)], [end(3, 0, 99)], [link(1)], [end(3, 0)]]]))).toEqual([
      'eth1',
    ]);
  });

  it('is repeated when the table changed meanwhile', async () => {
    const interrupted = { ...link(1), flags: 0x12 };
    const again = [[link(1, 2)], [link(2, 2)], [end(3, 0, 2)]];
    expect(await dumpNames(fakeLibc([[[interrupted], [end(3, 0)]], again]))).toEqual(['eth1', 'eth2']);
  });

  it('stands as it is when it is interrupted every time', async () => {
    const interrupted = [1, 2, 3, 4, 5].map((sequence) => [
      [{ ...link(1, sequence), flags: 0x12 }],
      [end(3, 0, sequence)],
    ]);
    expect(await dumpNames(fakeLibc(interrupted))).toEqual(['eth1']);
  });

  it.each([
    ['an error', [[end(2, 1)]], 'cannot read a netlink dump: EPERM'],
    ['an error at the end', [[link(1)], [end(3, 105)]], 'cannot read a netlink dump: ENOBUFS'],
    ['no answer', [], 'cannot receive a netlink answer: EAGAIN'],
    ['an overrun', [105], 'cannot receive a netlink answer: ENOBUFS'],
    ['an unknown error', [[end(2, 524)]], 'cannot read a netlink dump: errno 524'],
  ])('fails with %s', async (_, answers: readonly Answer[], text) => {
    await expect(dumpNames(fakeLibc([answers]))).rejects.toThrow(NetlinkError);
    await expect(dumpNames(fakeLibc([answers]))).rejects.toThrow(text);
  });

  it('fails with a truncated datagram', async () => {
    const libc = { ...fakeLibc([]), recv: () => 70_000 };
    await expect(dumpNames(libc)).rejects.toThrow(
      'cannot receive a netlink answer: datagram of 70000 bytes is truncated',
    );
  });
});

describe('a socket that hears of changes', () => {
  const open = (libc: Libc): RouteSocket => RouteSocket.open(libc, { groups: routeGroups.link });
  /** Without the mark of a dump's messages, and with the number of somebody else's request. */
  const news = (sequence = 0): NetlinkMessage => ({ ...link(7, sequence), flags: 0 });

  it.each([
    ['nothing', [], false],
    ['two changes', [[news()], [news()]], true],
    ['an overrun', [105], true],
  ])('tells of %s once', (_, unasked: readonly Answer[], expected) => {
    const socket = open(fakeLibc([], {}, unasked));
    expect(socket.takeNews()).toBe(expected);
    expect(socket.takeNews()).toBe(false);
  });

  it.each([
    ['news of the same number as the request', [[news(1)], [link(1)], [end(3, 0)]]],
    ['news and parts in one datagram', [[link(1), news(), end(3, 0)]]],
    ['an overrun', [[link(1)], 105, [end(3, 0)]]],
  ])('reads a dump in spite of %s, which is news', async (_, answers: readonly Answer[]) => {
    const socket = open(fakeLibc([answers]));
    const links = await socket.dump(linkDump, new TimeSlice());
    expect(links.map(({ name }) => name)).toEqual(['eth1']);
    expect(socket.takeNews()).toBe(true);
    expect(socket.takeNews()).toBe(false);
  });
});

describe('the socket', () => {
  it.each([
    ['socket', 'cannot open a netlink socket: EAFNOSUPPORT', 97],
    ['bind', 'cannot bind a netlink socket: EPERM', 1],
    ['send', 'cannot send a netlink request: ECONNREFUSED', 111],
  ] as const)('%s fails', async (call, text, errno) => {
    const libc = fakeLibc([], { [call]: errno });
    await expect(dumpNames(libc)).rejects.toThrow(text);
    expect(libc.closed).toEqual(call === 'bind' ? [5] : []);
  });

  it('is closed once', () => {
    const libc = fakeLibc([]);
    const socket = RouteSocket.open(libc);
    socket.close();
    socket.close();
    expect(libc.closed).toEqual([5]);
  });
});
