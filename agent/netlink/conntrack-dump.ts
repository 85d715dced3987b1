/**
 * Many entries of a conntrack table at once: those that are translated, or those of UDP. The kernel walks its whole table
 * within one call, which takes 10 to 50 ms, so the calls are made on another thread.
 */
import { type ConntrackEntry, parseConntrackEntry } from './conntrack-entry.ts';
import { ConntrackMessageError, conntrackTypes, netlinkNetfilter } from './conntrack-message.ts';
import type { ConntrackExchange } from './conntrack-socket.ts';
import {
  encodeDatagramDump,
  encodeTranslatedDump,
  encodeWholeDump,
  translatedFilters,
} from './conntrack-table.ts';
import type { CallResult } from './datagram-calls.ts';
import { messageTypes } from './message.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';
import { NetlinkSocket } from './netlink-socket.ts';

/** How many entries are taken; a table with more is taken in part. */
export const dumpEntriesMax = 100_000;

/**
 * Up to so many entries one walk that sends them all takes less than one walk for each family that sends those of UDP: a
 * walk over a table of 262,144 buckets is 11 ms, and an entry that is sent 2.4 us.
 */
export const sentWholeMax = 4_000;

/** MSG_DONTWAIT: the kernel has the answer ready, or makes it within the call. */
const dontWait = 0x40;

/** What a table has, or the part of it that was taken. */
export interface ConntrackDump {
  readonly entries: ConntrackEntry[];
  readonly isWhole: boolean;
}

/** Of the namespace that the calling thread is in. Rejects with NetlinkError; needs CAP_NET_ADMIN. */
export async function dumpTranslated(exchange: ConntrackExchange): Promise<ConntrackEntry[]> {
  const socket = NetlinkSocket.open(exchange.calls, netlinkNetfilter);
  const requests = translatedFilters.map(encodeTranslatedDump);
  // A kernel that does not know the filter sends every entry.
  const dump = new Dump(exchange, socket, ({ isTranslated }) => isTranslated);
  return (await dump.take(requests)).entries;
}

/**
 * The UDP entries of a namespace. Rejects with NetlinkError.
 *
 * @param socket of NETLINK_NETFILTER in that namespace, which is closed in the end
 * @param count how many entries the table has in all, about
 */
export async function dumpDatagrams(
  exchange: ConntrackExchange,
  socket: NetlinkSocket,
  count: number,
): Promise<ConntrackDump> {
  const requests =
    count <= sentWholeMax
      ? [encodeWholeDump(0)]
      : [encodeDatagramDump('ipv4', 0), encodeDatagramDump('ipv6', 1)];
  return new Dump(exchange, socket, ({ protocol }) => protocol === 'udp').take(requests);
}

class Dump {
  readonly #exchange: ConntrackExchange;
  readonly #socket: NetlinkSocket;
  readonly #isWanted: (entry: ConntrackEntry) => boolean;
  readonly #entries: ConntrackEntry[] = [];
  #isWhole = true;

  constructor(
    exchange: ConntrackExchange,
    socket: NetlinkSocket,
    isWanted: (entry: ConntrackEntry) => boolean,
  ) {
    this.#exchange = exchange;
    this.#socket = socket;
    this.#isWanted = isWanted;
  }

  /** Makes one request after the other, and closes the socket. */
  async take(requests: readonly Buffer[]): Promise<ConntrackDump> {
    const { calls } = this.#exchange;
    try {
      for (const request of requests) {
        expectSuccess(await calls.sendAside(this.#socket.fd, request));
        while (!this.#takeDatagram(await this.#receive()));
      }
      return { entries: this.#entries, isWhole: this.#isWhole };
    } finally {
      this.#socket.close();
    }
  }

  async #receive(): Promise<number> {
    const { fd, bytes } = this.#socket;
    return expectSuccess(await this.#exchange.calls.recvAside(fd, bytes, dontWait));
  }

  /** True at the end of the dump. */
  #takeDatagram(length: number): boolean {
    const { bytes } = this.#socket;
    for (let at = 0; at + headerBytes <= length; ) {
      const messageBytes = bytes.readUInt32LE(at);
      const end = at + messageBytes;
      if (messageBytes < headerBytes || end > length) {
        throw new NetlinkError(operation, `message at byte ${at} claims ${messageBytes} bytes`);
      }
      const type = bytes.readUInt16LE(at + typeAt);
      if (type === messageTypes.done || type === messageTypes.error) {
        const errno = messageBytes >= headerBytes + 4 ? -bytes.readInt32LE(at + headerBytes) : 0;
        if (errno !== 0) throw new NetlinkError(operation, errnoName(errno));
        return true;
      }
      if (type === conntrackTypes.entry) this.#takeEntry(at, end);
      at = (end + 3) & ~3;
    }
    return false;
  }

  #takeEntry(at: number, end: number): void {
    if (this.#entries.length >= dumpEntriesMax) {
      this.#isWhole = false;
      return;
    }
    try {
      const entry = parseConntrackEntry(this.#socket.bytes, at, end);
      if (entry !== null && this.#isWanted(entry)) this.#entries.push(entry);
    } catch (error) {
      if (!(error instanceof ConntrackMessageError)) throw error;
      this.#exchange.malformedTotal++;
    }
  }
}

const operation = 'read a dump of conntrack';

function expectSuccess({ result, errno }: CallResult): number {
  if (result < 0) throw new NetlinkError(operation, errnoName(errno));
  return result;
}

/** Of struct nlmsghdr. */
const headerBytes = 16;
const typeAt = 4;
