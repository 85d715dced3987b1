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
import { NetlinkSocket } from './netlink-socket.ts';

const netlinkRoute = 0;

/** Upper bound of one dump; a host with more interfaces than this fits is refused rather than half read. */
export const dumpMessagesMax = 100_000;

/** How often a dump is repeated because its table changed underneath it. */
const dumpAttemptsMax = 4;

export class RouteSocket {
  readonly #socket: NetlinkSocket;
  #sequence = 0;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Throws NetlinkError where the machine refuses such sockets (seccomp). */
  static open(libc: Libc): RouteSocket {
    return new RouteSocket(NetlinkSocket.open(libc, netlinkRoute));
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
    this.#socket.close();
  }

  #dumpOnce(type: number, payload: Buffer): NetlinkMessage[] {
    const sequence = ++this.#sequence;
    const flags = messageFlagBits.request | messageFlagBits.dump;
    this.#socket.send(encodeMessage({ type, flags, sequence, payload }));
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

  #receive(): NetlinkMessage[] {
    const length = this.#socket.receive();
    // The buffer is used again for the next datagram, while the entries of this one are kept.
    return parseDatagram(Buffer.from(this.#socket.bytes.subarray(0, length)));
  }
}

/** DONE and ERROR both carry an errno; 0 is success. */
function endOfDump(message: NetlinkMessage, entries: NetlinkMessage[]): NetlinkMessage[] {
  const errno = errnoOf(message);
  if (errno !== 0) throw new NetlinkError('read a netlink dump', errnoName(errno));
  return entries;
}
