/** Dumps over a C library that answers what a test wants: the kernel's rarer answers. */
import { describe, expect, it } from 'vitest';
import type { Libc } from '../../../agent/libc.ts';
import { getLink, parseLink } from '../../../agent/netlink/link.ts';
import type { NetlinkMessage } from '../../../agent/netlink/message.ts';
import { NetlinkError } from '../../../agent/netlink/netlink-error.ts';
import { RouteSocket } from '../../../agent/netlink/route-socket.ts';
import { type Answer, fakeLibc } from './fake-libc.ts';
import { end, newLink } from './messages.ts';

const link = (index: number, sequence = 1): NetlinkMessage =>
  newLink({ index, name: `eth${index}`, kind: null, masterIndex: null, hasPeerNetns: false }, sequence);

function dumpNames(libc: Libc): (string | undefined)[] {
  return RouteSocket.open(libc)
    .dump(getLink, Buffer.alloc(16))
    .map((message) => parseLink(message)?.name);
}

describe('a dump', () => {
  it('comes in several datagrams of several messages', () => {
    // The names have four letters and a NUL, so that every message needs padding to be aligned.
    const names = dumpNames(fakeLibc([[[link(1)], [link(2)], [end(3, 0)]]]));
    expect(names).toEqual(['eth1', 'eth2']);
  });

  it('passes over what an earlier request left in the queue', () => {
    expect(dumpNames(fakeLibc([[[link(9, 99)], [end(3, 0, 99)], [link(1)], [end(3, 0)]]]))).toEqual(['eth1']);
  });

  it('is repeated when the table changed meanwhile', () => {
    const interrupted = { ...link(1), flags: 0x12 };
    const again = [[link(1, 2)], [link(2, 2)], [end(3, 0, 2)]];
    expect(dumpNames(fakeLibc([[[interrupted], [end(3, 0)]], again]))).toEqual(['eth1', 'eth2']);
  });

  it('stands as it is when it is interrupted every time', () => {
    const interrupted = [1, 2, 3, 4, 5].map((sequence) => [
      [{ ...link(1, sequence), flags: 0x12 }],
      [end(3, 0, sequence)],
    ]);
    expect(dumpNames(fakeLibc(interrupted))).toEqual(['eth1']);
  });

  it.each([
    ['an error', [[end(2, 1)]], 'cannot read a netlink dump: EPERM'],
    ['an error at the end', [[link(1)], [end(3, 105)]], 'cannot read a netlink dump: ENOBUFS'],
    ['no answer', [], 'cannot receive a netlink answer: EAGAIN'],
    ['an overrun', [105], 'cannot receive a netlink answer: ENOBUFS'],
    ['an unknown error', [[end(2, 524)]], 'cannot read a netlink dump: errno 524'],
  ])('fails with %s', (_, answers: readonly Answer[], text) => {
    expect(() => dumpNames(fakeLibc([answers]))).toThrow(NetlinkError);
    expect(() => dumpNames(fakeLibc([answers]))).toThrow(text);
  });

  it('fails with a truncated datagram', () => {
    const libc = { ...fakeLibc([]), recv: () => 70_000 };
    expect(() => dumpNames(libc)).toThrow(
      'cannot receive a netlink answer: datagram of 70000 bytes is truncated',
    );
  });
});

describe('the socket', () => {
  it.each([
    ['socket', 'cannot open a netlink socket: EAFNOSUPPORT', 97],
    ['bind', 'cannot bind a netlink socket: EPERM', 1],
    ['send', 'cannot send a netlink request: ECONNREFUSED', 111],
  ] as const)('%s fails', (call, text, errno) => {
    const libc = fakeLibc([], { [call]: errno });
    expect(() => dumpNames(libc)).toThrow(text);
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
