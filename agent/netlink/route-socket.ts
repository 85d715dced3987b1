/** A NETLINK_ROUTE socket: dumps of the kernel's tables of one network namespace, the one it was opened in. */
import type { Libc } from '../libc.ts';
import {
  encodeMessage,
  errnoOf,
  messageFlagBits,
  messageTypes,
  type NetlinkMessage,
  parseDatagram,
} from './message.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';

const afNetlink = 16;
const sockRaw = 3;
const sockCloexec = 0o2000000;
const netlinkRoute = 0;

/** recv(2) flags: never wait, and tell the true length of a datagram that did not fit. */
const dontWait = 0x40;
const truncated = 0x20;

/** The kernel never puts more than 32 KiB into one datagram of a dump. */
const receiveBytes = 64 << 10;

/** Upper bound of one dump; a host with more interfaces than this fits is refused rather than half read. */
export const dumpMessagesMax = 100_000;

/** How often a dump is repeated because its table changed underneath it. */
const dumpAttemptsMax = 4;

export class RouteSocket {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(receiveBytes);
  #sequence = 0;
  #isOpen = true;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** Throws NetlinkError where the machine refuses such sockets (seccomp). */
  static open(libc: Libc): RouteSocket {
    const fd = libc.socket(afNetlink, sockRaw | sockCloexec, netlinkRoute);
    if (fd < 0) throw new NetlinkError('open a netlink socket', errnoName(libc.errno()));
    const socket = new RouteSocket(libc, fd);
    // struct sockaddr_nl, 12 bytes: u16 family, u16 padding, u32 port id (0 = kernel's choice), u32 groups.
    const address = Buffer.alloc(12);
    address.writeUInt16LE(afNetlink, 0);
    if (libc.bind(fd, address, address.length) < 0) {
      const errno = libc.errno();
      socket.close();
      throw new NetlinkError('bind a netlink socket', errnoName(errno));
    }
    return socket;
  }

  /** All entries of one table. Repeats a dump that the kernel says was interrupted; the last attempt stands as it is. */
  dump(type: number, payload: Buffer): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const messages = this.#dumpOnce(type, payload);
      const isInterrupted = messages.some(({ flags }) => (flags & messageFlagBits.dumpInterrupted) !== 0);
      if (!isInterrupted || attempt === dumpAttemptsMax) return messages;
    }
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#libc.close(this.#fd);
  }

  #dumpOnce(type: number, payload: Buffer): NetlinkMessage[] {
    const sequence = ++this.#sequence;
    const flags = messageFlagBits.request | messageFlagBits.dump;
    const request = encodeMessage({ type, flags, sequence, payload });
    if (this.#libc.send(this.#fd, request, request.length, 0) < 0) {
      throw new NetlinkError('send a netlink request', errnoName(this.#libc.errno()));
    }
    const entries: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive()) {
        // What an earlier, abandoned dump left in the queue.
        if (message.sequence !== sequence) continue;
        if (message.type === messageTypes.done || message.type === messageTypes.error) {
          return endOfDump(message, entries);
        }
        entries.push(message);
      }
      if (entries.length > dumpMessagesMax) {
        throw new NetlinkError('read a netlink dump', `more than ${dumpMessagesMax} entries`);
      }
    }
  }

  /** The kernel fills the queue during send and recv themselves, so an empty queue means that no answer will come. */
  #receive(): NetlinkMessage[] {
    const length = this.#libc.recv(this.#fd, this.#buffer, this.#buffer.length, dontWait | truncated);
    if (length < 0) throw new NetlinkError('receive a netlink answer', errnoName(this.#libc.errno()));
    if (length > this.#buffer.length) {
      throw new NetlinkError('receive a netlink answer', `datagram of ${length} bytes is truncated`);
    }
    // The buffer is used again for the next datagram, while the entries of this one are kept.
    return parseDatagram(Buffer.from(this.#buffer.subarray(0, length)));
  }
}

/** DONE and ERROR both carry an errno; 0 is success. */
function endOfDump(message: NetlinkMessage, entries: NetlinkMessage[]): NetlinkMessage[] {
  const errno = errnoOf(message);
  if (errno !== 0) throw new NetlinkError('read a netlink dump', errnoName(errno));
  return entries;
}
