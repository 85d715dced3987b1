/**
 * All translated entries of the namespace that the calling thread is in. The kernel walks its whole table within one call,
 * which takes 10 to 50 ms, so the calls are made on another thread.
 */
import { type ConntrackEntry, parseConntrackEntry } from './conntrack-entry.ts';
import { ConntrackMessageError, conntrackTypes, netlinkNetfilter } from './conntrack-message.ts';
import type { ConntrackExchange } from './conntrack-socket.ts';
import { encodeTranslatedDump, translatedFilters } from './conntrack-table.ts';
import type { CallResult } from './datagram-calls.ts';
import { messageTypes } from './message.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';
import { NetlinkSocket } from './netlink-socket.ts';

/** How many entries are taken; a table with more is taken in part. */
export const dumpEntriesMax = 100_000;

/** MSG_DONTWAIT: the kernel has the answer ready, or makes it within the call. */
const dontWait = 0x40;

/** Rejects with NetlinkError; needs CAP_NET_ADMIN. */
export async function dumpTranslated(exchange: ConntrackExchange): Promise<ConntrackEntry[]> {
  const socket = NetlinkSocket.open(exchange.calls, netlinkNetfilter);
  const entries: ConntrackEntry[] = [];
  try {
    for (const [i, filter] of translatedFilters.entries()) {
      const request = encodeTranslatedDump(filter, i);
      expectSuccess(await exchange.calls.sendAside(socket.fd, request));
      while (!takeDatagram(exchange, socket.bytes, await receive(exchange, socket), entries));
    }
    return entries;
  } finally {
    socket.close();
  }
}

async function receive({ calls }: ConntrackExchange, socket: NetlinkSocket): Promise<number> {
  return expectSuccess(await calls.recvAside(socket.fd, socket.bytes, dontWait));
}

function expectSuccess({ result, errno }: CallResult): number {
  if (result < 0) throw new NetlinkError('read a dump of conntrack', errnoName(errno));
  return result;
}

/** True at the end of the dump. */
function takeDatagram(
  exchange: ConntrackExchange,
  bytes: Buffer,
  length: number,
  entries: ConntrackEntry[],
): boolean {
  for (let at = 0; at + headerBytes <= length; ) {
    const messageBytes = bytes.readUInt32LE(at);
    const end = at + messageBytes;
    if (messageBytes < headerBytes || end > length) {
      throw new NetlinkError(
        'read a dump of conntrack',
        `message at byte ${at} claims ${messageBytes} bytes`,
      );
    }
    const type = bytes.readUInt16LE(at + typeAt);
    if (type === messageTypes.done || type === messageTypes.error) {
      const errno = messageBytes >= headerBytes + 4 ? -bytes.readInt32LE(at + headerBytes) : 0;
      if (errno !== 0) throw new NetlinkError('read a dump of conntrack', errnoName(errno));
      return true;
    }
    if (type === conntrackTypes.entry && entries.length < dumpEntriesMax) {
      takeEntry(exchange, bytes, at, end, entries);
    }
    at = (end + 3) & ~3;
  }
  return false;
}

/** Of struct nlmsghdr. */
const headerBytes = 16;
const typeAt = 4;

function takeEntry(
  exchange: ConntrackExchange,
  bytes: Buffer,
  at: number,
  end: number,
  entries: ConntrackEntry[],
): void {
  try {
    const entry = parseConntrackEntry(bytes, at, end);
    // A kernel that does not know the filter sends every entry.
    if (entry?.isTranslated === true) entries.push(entry);
  } catch (error) {
    if (!(error instanceof ConntrackMessageError)) throw error;
    exchange.malformedTotal++;
  }
}
