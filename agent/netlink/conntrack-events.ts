/**
 * A socket that is told of each new conversation that its namespace translates, when its first packet has passed. The
 * kernel keeps the events until they are taken.
 */
import { type ConntrackEntry, parseConntrackEntry } from './conntrack-entry.ts';
import { attachTranslatedFilter } from './conntrack-filter.ts';
import { ConntrackMessageError, conntrackTypes, netlinkNetfilter } from './conntrack-message.ts';
import type { ConntrackExchange } from './conntrack-socket.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const solSocket = 1;
const receiveBuffer = 8;
const receiveBufferForced = 33;
const solNetlink = 270;
const addMembership = 1;
/** NFNLGRP_CONNTRACK_NEW. */
const newGroup = 1;

/** Room for events between two looks; the kernel counts some 1,200 bytes for each. */
const queueBytes = 8 << 20;

/** How many events are taken at one look. */
export const eventsPerLookMax = 20_000;

export interface ConntrackNews {
  readonly entries: readonly ConntrackEntry[];
  /** The queue has overflowed since the last look. */
  readonly isLossy: boolean;
}

export class ConntrackEvents {
  readonly #exchange: ConntrackExchange;
  readonly #socket: NetlinkSocket;

  private constructor(exchange: ConntrackExchange, socket: NetlinkSocket) {
    this.#exchange = exchange;
    this.#socket = socket;
  }

  /** In the namespace that the calling thread is in. Throws NetlinkError; needs CAP_NET_ADMIN. */
  static open(exchange: ConntrackExchange): ConntrackEvents {
    const { calls, received } = exchange;
    const socket = NetlinkSocket.open(calls, netlinkNetfilter, { bytes: received.bytes });
    try {
      const room = int32(queueBytes);
      if (calls.setsockopt(socket.fd, solSocket, receiveBufferForced, room, room.length) < 0) {
        calls.setsockopt(socket.fd, solSocket, receiveBuffer, room, room.length);
      }
      attachTranslatedFilter(calls, socket.fd);
      const group = int32(newGroup);
      if (calls.setsockopt(socket.fd, solNetlink, addMembership, group, group.length) < 0) {
        throw new NetlinkError('hear of new conntrack entries', errnoName(calls.errno()));
      }
      return new ConntrackEvents(exchange, socket);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** Events since the last look. Throws NetlinkError when the socket is closed. */
  take(): ConntrackNews {
    const { received, calls } = this.#exchange;
    const entries: ConntrackEntry[] = [];
    let isLossy = false;
    while (entries.length < eventsPerLookMax) {
      const got = received.receive(this.#socket.fd);
      if (got < 0 && errnoName(calls.errno()) === 'ENOBUFS') {
        isLossy = true;
        continue;
      }
      if (got <= 0) break;
      for (let i = 0; i < got; i++) {
        const entry = this.#parse(received.bytes, received.start(i), received.end(i));
        if (entry !== null) entries.push(entry);
      }
    }
    return { entries, isLossy };
  }

  /** Idempotent. */
  close(): void {
    this.#socket.close();
  }

  #parse(bytes: Buffer, at: number, end: number): ConntrackEntry | null {
    if (end - at < headerBytes || bytes.readUInt16LE(at + typeAt) !== conntrackTypes.entry) return null;
    try {
      return parseConntrackEntry(bytes, at, end);
    } catch (error) {
      if (!(error instanceof ConntrackMessageError)) throw error;
      this.#exchange.malformedTotal++;
      return null;
    }
  }
}

/** Of struct nlmsghdr. */
const headerBytes = 16;
const typeAt = 4;

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
