/**
 * The counters of single TCP sockets over NETLINK_SOCK_DIAG: a question that names one socket and asks for INET_DIAG_INFO,
 * which answers with a struct tcp_info (linux/inet_diag.h, linux/tcp.h).
 *
 *     question, 72 bytes                                     struct tcp_info, as far as it is read
 *      0 struct nlmsghdr                                      68 u32 tcpi_rtt, microseconds
 *     16 struct inet_diag_req_v2 (see inet-diag.ts)          100 u32 tcpi_total_retrans
 *        24 be16 sport, be16 dport                           120 u64 tcpi_bytes_acked     Linux 4.1
 *        28 be32 src[4], be32 dst[4]                         128 u64 tcpi_bytes_received  Linux 4.1
 *        60 u32 if, u32 cookie[2]: all ones = any
 */
import type { FourTuple } from '../../model/four-tuple.ts';
import { ipBytes, isIpv6 } from '../../model/ip.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import { protocolNumbers } from '../../model/socket-state.ts';
import { absent, findAttribute, valueAt, valueEnd } from './attribute-at.ts';
import { diagMessageBytes, diagTypes, everyState, families, inodeAt } from './inet-diag.ts';
import { messageFlagBits } from './message.ts';

/** INET_DIAG_INFO; an extension is asked for by the bit before its number. */
const infoAttribute = 2;

export const questionBytes = 72;

/** Length of a tcp_info that has what is read. */
const infoBytes = 136;

/** What an answer tells. */
export interface TcpInfo {
  readonly inode: number;
  readonly counters: SocketCounters;
}

/**
 * Writes the question for one socket to `at`. An IPv4 tuple also finds an IPv6 socket that speaks IPv4.
 *
 * @param bytes with questionBytes zero or overwritten bytes at `at`
 */
export function encodeQuestion(bytes: Buffer, at: number, tuple: FourTuple, sequence: number): void {
  const family = isIpv6(tuple.local.ip) || isIpv6(tuple.remote.ip) ? families.ipv6 : families.ipv4;
  bytes.fill(0, at, at + questionBytes);
  bytes.writeUInt32LE(questionBytes, at);
  bytes.writeUInt16LE(diagTypes.byFamily, at + 4);
  bytes.writeUInt16LE(messageFlagBits.request, at + 6);
  bytes.writeUInt32LE(sequence, at + 8);
  bytes[at + 16] = family;
  bytes[at + 17] = protocolNumbers.tcp;
  bytes[at + 18] = 1 << (infoAttribute - 1);
  bytes.writeUInt32LE(everyState, at + 20);
  bytes.writeUInt16BE(tuple.local.port, at + 24);
  bytes.writeUInt16BE(tuple.remote.port, at + 26);
  bytes.set(ipBytes(tuple.local.ip), at + 28);
  bytes.set(ipBytes(tuple.remote.ip), at + 44);
  bytes.fill(0xff, at + 64, at + 72);
}

/** Null when it has no counters: it is no TCP socket that was connected, or the kernel is older than Linux 4.1. */
export function parseAnswer(payload: Buffer): TcpInfo | null {
  if (payload.length < diagMessageBytes) return null;
  const attribute = findAttribute(payload, diagMessageBytes, payload.length, infoAttribute);
  if (attribute === absent) return null;
  const info = valueAt(attribute);
  if (valueEnd(payload, attribute) - info < infoBytes) return null;
  return { inode: inodeAt(payload, 0), counters: countersOf(payload, info, payload[1]!) };
}

/** TCP_* in which this end's FIN is acknowledged, and in which the far end's has come (include/net/tcp_states.h). */
const finAcknowledged: ReadonlySet<number> = new Set([5, 6]);
const finReceived: ReadonlySet<number> = new Set([6, 8, 9, 11]);

/**
 * @param at where the tcp_info begins
 * @param state TCP_* at the same moment: a FIN counts as one byte, which is none of the payload
 */
function countersOf(bytes: Buffer, at: number, state: number): SocketCounters {
  const acknowledged = uint64(bytes, at + 120);
  const received = uint64(bytes, at + 128);
  return {
    bytesSent: Math.max(0, acknowledged - (finAcknowledged.has(state) ? 1 : 0)),
    bytesReceived: Math.max(0, received - (finReceived.has(state) ? 1 : 0)),
    rttUs: bytes.readUInt32LE(at + 68),
    retransmits: bytes.readUInt32LE(at + 100),
  };
}

/** Exact below 2^53. */
function uint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}
