/**
 * A NETLINK_ROUTE socket of one network namespace, the one it was opened in: dumps of the kernel's tables, and word that
 * they changed. See rtnetlink(7).
 *
 * Dumps and news come over one socket. A message of a dump has the number of its request and is marked as a part of
 * several; one that tells of a change never is (net/core/rtnetlink.c, rtmsg_ifinfo; net/ipv4/devinet.c, rtmsg_ifa).
 */
import type { Libc } from '../libc.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import {
  encodeMessage,
  errnoOf,
  messageFlagBits,
  messageTypes,
  type NetlinkMessage,
  parseDatagram,
} from './message.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';
import { NetlinkSocket, type NetlinkSocketOptions } from './netlink-socket.ts';

const netlinkRoute = 0;

/** What can be heard, as bits of NetlinkSocketOptions.groups: RTMGRP_* of linux/rtnetlink.h. */
export const routeGroups = { link: 0x1, ipv4Address: 0x10, ipv6Address: 0x100 } as const;

/** RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR: what the groups tell of. */
const newsTypes: ReadonlySet<number> = new Set([16, 17, 20, 21]);

/** Upper bound of one dump; a host with more interfaces than this fits is refused rather than half read. */
export const dumpEntriesMax = 100_000;

/** How often a dump is repeated because its table changed underneath it. */
const dumpAttemptsMax = 4;

/** How many datagrams with news are taken at a time; that there are any is all that is asked. */
export const newsDatagramsMax = 1000;

export interface DumpRequest<T> {
  /** RTM_GET* of linux/rtnetlink.h. */
  readonly type: number;
  readonly payload: Buffer;
  /** Null for a message that is no entry. */
  readonly parse: (message: NetlinkMessage) => T | null;
}

/** One attempt. */
interface Dump<T> extends Pick<DumpRequest<T>, 'parse'> {
  readonly sequence: number;
  readonly entries: T[];
  isInterrupted: boolean;
}

export class RouteSocket {
  readonly #socket: NetlinkSocket;
  readonly #isHearing: boolean;
  #sequence = 0;
  #hasNews = false;

  private constructor(socket: NetlinkSocket, isHearing: boolean) {
    this.#socket = socket;
    this.#isHearing = isHearing;
  }

  /** Throws NetlinkError where the machine refuses such sockets (seccomp). */
  static open(libc: Libc, options: NetlinkSocketOptions = {}): RouteSocket {
    const socket = NetlinkSocket.open(libc, netlinkRoute, options);
    return new RouteSocket(socket, options.groups !== undefined && options.groups !== 0);
  }

  /** For poll(2): readable when there may be news. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * All entries of one table, as `parse` reads them; it gets views of a buffer that is used again. Repeats a dump that the
   * kernel says was interrupted; the last attempt stands as it is. One at a time. Throws NetlinkError.
   */
  async dump<T>({ type, payload, parse }: DumpRequest<T>, slice: TimeSlice): Promise<T[]> {
    for (let attempt = 1; ; attempt++) {
      const dump: Dump<T> = { sequence: ++this.#sequence, entries: [], isInterrupted: false, parse };
      const flags = messageFlagBits.request | messageFlagBits.dump;
      this.#socket.send(encodeMessage({ type, flags, sequence: dump.sequence, payload }));
      while (!this.#takeDatagram(dump)) if (slice.isUsedUp()) await slice.rest();
      if (!dump.isInterrupted || attempt === dumpAttemptsMax) return dump.entries;
    }
  }

  /** The answer to a single question; null where the kernel says no to it. Not during a dump. Throws NetlinkError. */
  ask(type: number, payload: Buffer): NetlinkMessage | null {
    const sequence = ++this.#sequence;
    this.#socket.send(encodeMessage({ type, flags: messageFlagBits.request, sequence, payload }));
    for (;;) {
      for (const message of this.#receive()) {
        const isNews = newsTypes.has(message.type);
        if (isNews) this.#hasNews = true;
        if (isNews || message.sequence !== sequence) continue;
        return message.type === messageTypes.error ? null : message;
      }
    }
  }

  /** Whether something changed since this was asked last, or may have. Not during a dump. Throws NetlinkError. */
  takeNews(): boolean {
    for (let taken = 0; taken < newsDatagramsMax; taken++) {
      if (this.#socket.receiveIfAny() === null) break;
      this.#hasNews = true;
    }
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }

  /** Idempotent. */
  close(): void {
    this.#socket.close();
  }

  /** True at the end of the dump. */
  #takeDatagram<T>(dump: Dump<T>): boolean {
    for (const message of this.#receive()) {
      if (!this.#isAnswer(message, dump.sequence)) continue;
      if ((message.flags & messageFlagBits.dumpInterrupted) !== 0) dump.isInterrupted = true;
      if (message.type === messageTypes.done || message.type === messageTypes.error) {
        expectSuccess(message);
        return true;
      }
      const entry = dump.parse(message);
      if (entry !== null) dump.entries.push(entry);
    }
    if (dump.entries.length > dumpEntriesMax) {
      throw new NetlinkError('read a netlink dump', `more than ${dumpEntriesMax} entries`);
    }
    return false;
  }

  /** False for news, and for what an earlier, abandoned dump left in the queue. */
  #isAnswer({ type, flags, sequence }: NetlinkMessage, asked: number): boolean {
    const isPart = (flags & messageFlagBits.part) !== 0 || type === messageTypes.error;
    if (!isPart) this.#hasNews = true;
    return isPart && sequence === asked;
  }

  #receive(): NetlinkMessage[] {
    const length = this.#isHearing ? this.#socket.receiveIfAny() : this.#socket.receive();
    if (length === null) throw new NetlinkError('receive a netlink answer', 'EAGAIN');
    if (length === 'overrun') {
      // It is news that the kernel dropped; the dump waits until there is room again.
      this.#hasNews = true;
      return [];
    }
    return parseDatagram(this.#socket.bytes.subarray(0, length));
  }
}

/** DONE and ERROR both carry an errno; 0 is success. */
function expectSuccess(message: NetlinkMessage): void {
  const errno = errnoOf(message);
  if (errno !== 0) throw new NetlinkError('read a netlink dump', errnoName(errno));
}
