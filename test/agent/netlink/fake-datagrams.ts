/** A C library whose netlink sockets hand out many datagrams at once, as a test wants them. */

import { ConntrackExchange } from '../../../agent/netlink/conntrack-socket.ts';
import type { DatagramCalls } from '../../../agent/netlink/datagram-calls.ts';
import { fakeLibc } from './fake-libc.ts';

/** The datagrams that one call receives, or the errno with which it fails. */
export type Receipt = readonly Buffer[] | number;

/** struct mmsghdr: its flags, and the length received. */
const mmsghdr = { bytes: 64, flags: 48, length: 56 } as const;
const truncated = 0x20;
/** Room that a datagram has in the exchange. */
const room = 1024;

/** @param receipts of one call after the other; then there is nothing more */
export function exchangeThatReceives(receipts: readonly Receipt[]): {
  readonly exchange: ConntrackExchange;
  /** Values of the options that were set, by their number. */
  readonly options: ReadonlyMap<number, number>;
} {
  const left = [...receipts];
  const options = new Map<number, number>();
  let errno = 0;
  const calls: DatagramCalls = {
    ...fakeLibc([]),
    recvmmsg: (_, headers) => {
      const receipt = left.shift() ?? 11;
      if (typeof receipt === 'number') {
        errno = receipt;
        return -1;
      }
      for (const [i, datagram] of receipt.entries()) {
        datagram.copy(exchange.received.bytes, i * room, 0, room);
        headers.writeUInt32LE(datagram.length > room ? truncated : 0, i * mmsghdr.bytes + mmsghdr.flags);
        headers.writeUInt32LE(Math.min(datagram.length, room), i * mmsghdr.bytes + mmsghdr.length);
      }
      return receipt.length;
    },
    setsockopt: (_fd, _level, name, value) => {
      options.set(name, value.readInt32LE(0));
      return 0;
    },
    sendAside: () => Promise.reject(new Error('not here')),
    recvAside: () => Promise.reject(new Error('not here')),
    address: () => 0n,
    errno: () => errno,
  };
  const exchange: ConntrackExchange = new ConntrackExchange(calls);
  return { exchange, options };
}
