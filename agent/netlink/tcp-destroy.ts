/**
 * What the kernel tells of each TCP socket that is destroyed (SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY of
 * linux/sock_diag.h), in the network namespace in which one listens: since Linux 4.2, and without any privilege.
 *
 *     struct nlmsghdr, 16 bytes, type SOCK_DIAG_BY_FAMILY
 *     struct inet_diag_msg (inet-diag.ts): its four-tuple; its state is always closed, its user and its inode always 0
 *     attributes, among them INET_DIAG_INFO: struct tcp_info
 *         44 u32 tcpi_last_data_sent, 48 ..._ack_sent, 52 ..._data_recv, 56 ..._ack_recv: milliseconds ago
 *         68 u32 tcpi_rtt, 100 u32 tcpi_total_retrans, 120 u64 tcpi_bytes_acked, 128 u64 tcpi_bytes_received
 */
import type { Endpoint } from '../../model/endpoint.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { Libc } from '../libc.ts';
import {
  DiagMessageError,
  DiagParser,
  diagMessageBytes,
  diagTypes,
  messageHeaderBytes,
} from './inet-diag.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const netlinkSockDiag = 4;

/** Groups 1 and 3 as bits. */
const destroyGroups = 0b101;

/**
 * Room for messages that wait. The kernel counts each with some 800 bytes, and doubles what is asked for: 20,000 of them,
 * half a second of 20,000 connections per second with both ends in the namespace.
 */
export const destroyQueueBytes = 8 << 20;

/** INET_DIAG_INFO. */
const infoAttribute = 2;

/** Length of a tcp_info that has what is read. */
const infoBytes = 136;

export interface DestroyedSocket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Milliseconds since anything was heard of the other side; null = never. */
  readonly silentMs: number | null;
  /** Whether the other side has ever answered. */
  readonly wasEstablished: boolean;
  /** A FIN is taken off each way, although nobody tells whether there was one, nor whether a SYN was counted. */
  readonly counters: SocketCounters;
}

/** What was there when one asked for the next socket. */
export type Destroyed = DestroyedSocket | 'nothing' | 'overrun' | 'other';

export class DestroyListener {
  readonly #socket: NetlinkSocket;
  readonly #parser: DiagParser;

  private constructor(socket: NetlinkSocket, netns: number) {
    this.#socket = socket;
    this.#parser = new DiagParser(netns);
  }

  /** In the namespace that the calling thread is in. Throws NetlinkError. */
  static open(libc: Libc, netns: number, bytes: Buffer, queueBytes = destroyQueueBytes): DestroyListener {
    const options = { groups: destroyGroups, queueBytes, bytes };
    return new DestroyListener(NetlinkSocket.open(libc, netlinkSockDiag, options), netns);
  }

  /** For poll. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** `other` for a socket that was not connected, and for what is no such message. Throws NetlinkError. */
  next(): Destroyed {
    const length = this.#socket.receiveIfAny();
    if (length === null) return 'nothing';
    if (length === 'overrun') return 'overrun';
    return parseDestroyed(this.#parser, this.#socket.bytes.subarray(0, length)) ?? 'other';
  }

  /** Idempotent. */
  close(): void {
    this.#socket.close();
  }
}

/** Each datagram is one message. Null for a socket that was not connected, and for what is no such message. */
export function parseDestroyed(parser: DiagParser, datagram: Buffer): DestroyedSocket | null {
  const at = messageHeaderBytes;
  const end = datagram.length >= at ? Math.min(datagram.length, datagram.readUInt32LE(0)) : 0;
  if (end < at + diagMessageBytes || datagram.readUInt16LE(4) !== diagTypes.byFamily) return null;
  const info = infoAt(datagram, at + diagMessageBytes, end);
  if (info === null) return null;
  try {
    const { local, remote } = parser.parse(datagram, at, 'tcp');
    if (local.port === 0 || remote.port === 0) return null;
    return { local, remote, ...parseInfo(datagram, info) };
  } catch (error) {
    if (error instanceof DiagMessageError) return null;
    throw error;
  }
}

/** Where the tcp_info begins that stands among the attributes; null when there is none, or an old one. */
function infoAt(bytes: Buffer, from: number, end: number): number | null {
  for (let at = from; at + 4 <= end; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > end) return null;
    if (bytes.readUInt16LE(at + 2) === infoAttribute) return length - 4 >= infoBytes ? at + 4 : null;
    at += (length + 3) & ~3;
  }
  return null;
}

function parseInfo(
  bytes: Buffer,
  at: number,
): Pick<DestroyedSocket, 'silentMs' | 'wasEstablished' | 'counters'> {
  const rttUs = bytes.readUInt32LE(at + 68);
  // The handshake is what is measured first.
  const wasEstablished = rttUs > 0;
  return {
    silentMs: wasEstablished ? Math.min(bytes.readUInt32LE(at + 52), bytes.readUInt32LE(at + 56)) : null,
    wasEstablished,
    counters: {
      bytesSent: Math.max(0, Number(bytes.readBigUInt64LE(at + 120)) - 1),
      bytesReceived: Math.max(0, Number(bytes.readBigUInt64LE(at + 128)) - 1),
      rttUs,
      retransmits: bytes.readUInt32LE(at + 100),
    },
  };
}
