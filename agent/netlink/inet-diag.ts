/**
 * Socket tables over NETLINK_SOCK_DIAG: what is asked and what is answered (linux/inet_diag.h, linux/sock_diag.h).
 * Integers are in the host's byte order but ports and addresses, which are in network order.
 *
 *     struct inet_diag_req_v2, 56 bytes               struct inet_diag_msg, 72 bytes, then attributes
 *      0 u8   sdiag_family                              0 u8   idiag_family
 *      1 u8   sdiag_protocol                            1 u8   idiag_state
 *      2 u8   idiag_ext                                 2 u8   idiag_timer, u8 idiag_retrans
 *      4 u32  idiag_states, 1 << state                  4      struct inet_diag_sockid
 *      8      struct inet_diag_sockid                  52 u32  idiag_expires, idiag_rqueue, idiag_wqueue
 *                                                      64 u32  idiag_uid
 *     struct inet_diag_sockid, 48 bytes                68 u32  idiag_inode
 *      0 be16 idiag_sport, be16 idiag_dport
 *      4 be32 idiag_src[4], be32 idiag_dst[4]         struct inet_diag_req, 60 bytes: the older request
 *     36 u32  idiag_if                                  0 u8   idiag_family, u8 src_len, u8 dst_len, u8 ext
 *     40 u32  idiag_cookie[2], low word first           4      struct inet_diag_sockid
 *                                                      52 u32  idiag_states, u32 idiag_dbs
 *
 * The older request answers with both families in one walk over the hash table, which is most of what a dump costs.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import { formatIp, type IpAddress, ipBytes } from '../../model/ip.ts';
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import { type Protocol, protocolNumbers, type SocketState, stateOf } from '../../model/socket-state.ts';
import { encodeMessage, messageFlagBits } from './message.ts';

/** Message types: SOCK_DIAG_BY_FAMILY, and TCPDIAG_GETSOCK of the older request. The answers have the type of the request. */
export const diagTypes = { byFamily: 20, tcpOfEveryFamily: 18 } as const;

/** AF_INET and AF_INET6. */
export const families = { ipv4: 2, ipv6: 10 } as const;

export type Family = keyof typeof families;

/** Every state that /proc/net/tcp and /proc/net/udp show: 1 to 12 of include/net/tcp_states.h. */
export const everyState = 0x1ffe;

/** A set of states as the kernel takes it. @param numbers of include/net/tcp_states.h */
export function stateMask(numbers: readonly number[]): number {
  return numbers.reduce((mask, number) => mask | (1 << number), 0);
}

export const messageHeaderBytes = 16;
export const diagMessageBytes = 72;

/** Where idiag_state stands in inet_diag_msg. */
export const messageStateAt = 1;
const requestBytes = 56;
const legacyRequestBytes = 60;

/** A row of a socket table, with what only netlink tells. */
export interface DiagRow extends SocketRow {
  /** The kernel's own number of the socket, never used again until the next boot. */
  readonly cookie: bigint;
}

/** All sockets of one protocol and family. */
export function encodeDiagRequest(
  protocol: Protocol,
  family: Family,
  states: number,
  sequence: number,
): Buffer {
  const payload = Buffer.alloc(requestBytes);
  payload[0] = families[family];
  payload[1] = protocolNumbers[protocol];
  payload.writeUInt32LE(states, 4);
  return encodeDump(diagTypes.byFamily, payload, sequence);
}

/** All TCP sockets of both families. */
export function encodeTcpDiagRequest(states: number, sequence: number): Buffer {
  const payload = Buffer.alloc(legacyRequestBytes);
  payload[0] = families.ipv4;
  payload.writeUInt32LE(states, 52);
  return encodeDump(diagTypes.tcpOfEveryFamily, payload, sequence);
}

/** What names one socket to the kernel. */
export interface DiagIdentity {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** struct inet_diag_sockid. */
  readonly sockid: Buffer;
}

/** INET_DIAG_NOCOOKIE, in both words: whichever socket has these ends. */
const anyCookie = 0xffff_ffff_ffff_ffffn;

/** The one socket, or one of several, that has the ends of a row. IPv4 ends find IPv6 sockets that carry them, too. */
export function encodeLookupOfEnds({ protocol, local, remote }: SocketRow, sequence: number): Buffer {
  // The kernel looks for the receiver of a packet, and for TCP alone it takes the receiver for the source.
  const [source, destination] = protocol === 'tcp' ? [local, remote] : [remote, local];
  const [sourceIp, destinationIp] = [ipBytes(source.ip), ipBytes(destination.ip)];
  const sockid = Buffer.alloc(48);
  sockid.writeUInt16BE(source.port, 0);
  sockid.writeUInt16BE(destination.port, 2);
  sockid.set(sourceIp, 4);
  sockid.set(destinationIp, 20);
  sockid.writeBigUInt64LE(anyCookie, 40);
  const family = ipBytes(local.ip).length === 4 ? families.ipv4 : families.ipv6;
  return encodeLookup({ family, sockid }, sequence, protocol);
}

/** One socket. */
export function encodeLookup(
  { family, sockid }: DiagIdentity,
  sequence: number,
  protocol: Protocol = 'tcp',
): Buffer {
  const payload = Buffer.alloc(requestBytes);
  payload[0] = family;
  payload[1] = protocolNumbers[protocol];
  payload.writeUInt32LE(everyState, 4);
  sockid.copy(payload, 8);
  return encodeMessage({ type: diagTypes.byFamily, flags: messageFlagBits.request, sequence, payload });
}

/** @param at where inet_diag_msg begins */
export function inodeAt(bytes: Buffer, at: number): number {
  return littleWord(bytes, at + 68);
}

/** Four bytes as one number. Buffer's own methods check where they read, which takes longer than to read. */
function littleWord(bytes: Buffer, at: number): number {
  const upper = bytes[at + 3]! * 2 ** 24;
  return upper + (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16));
}

function encodeDump(type: number, payload: Buffer, sequence: number): Buffer {
  return encodeMessage({ type, flags: messageFlagBits.request | messageFlagBits.dump, sequence, payload });
}

/** What is wrong with a message: the field, and its value. */
export class DiagMessageError extends Error {
  override readonly name = 'DiagMessageError';
  readonly field: string;
  readonly value: string;

  constructor(field: string, value: string) {
    super(`${field} is ${value}`);
    this.field = field;
    this.value = value;
  }
}

/** Throws DiagMessageError unless there is room for an inet_diag_msg from `at` to `end`. */
export function expectWhole(at: number, end: number): void {
  if (end - at < diagMessageBytes) throw new DiagMessageError('inet_diag_msg', `${end - at} bytes long`);
}

/** How many addresses are kept as text. Few distinct ones stand in many rows. */
export const knownAddressesMax = 16_384;

/**
 * How many endpoints are kept, a power of two. Each has one place, from which a later one with the same place drives it:
 * where a server listens stands in half of the rows, and is soon back.
 */
const knownEndpointsMax = 256;

/**
 * Parses inet_diag_msg. Keeps the texts of addresses, so that equal ones are one string, and some endpoints, so that those
 * that stand in many rows are one object.
 */
export class DiagParser {
  readonly #netns: number;
  readonly #ipv4 = new Map<number, IpAddress>();
  readonly #ipv6 = new Map<string, IpAddress>();
  readonly #endpoints: (Endpoint | undefined)[] = Array.from({ length: knownEndpointsMax });

  /** @param netns inode of the namespace that the rows belong to */
  constructor(netns: number) {
    this.#netns = netns;
  }

  /** @param at where a whole inet_diag_msg begins. Throws DiagMessageError. */
  parse(bytes: Buffer, at: number, protocol: Protocol): DiagRow {
    return {
      protocol,
      state: stateIn(bytes, at, protocol),
      local: this.#endpoint(bytes, at, at + 8, at + 4),
      remote: this.#endpoint(bytes, at, at + 24, at + 6),
      inode: inodeAt(bytes, at),
      uid: littleWord(bytes, at + 64),
      netns: this.#netns,
      cookie: bytes.readBigUInt64LE(at + 44),
    };
  }

  /** As parse, at once in the form in which rows are kept by the hundred thousand: with owners, and without a cookie. */
  parseOwned(bytes: Buffer, at: number, protocol: Protocol, owners: readonly Owner[]): OwnedSocket {
    return {
      protocol,
      state: stateIn(bytes, at, protocol),
      local: this.#endpoint(bytes, at, at + 8, at + 4),
      remote: this.#endpoint(bytes, at, at + 24, at + 6),
      inode: inodeAt(bytes, at),
      uid: littleWord(bytes, at + 64),
      netns: this.#netns,
      owners,
    };
  }

  #endpoint(bytes: Buffer, at: number, addressAt: number, portAt: number): Endpoint {
    const isIpv4 = bytes[at] === families.ipv4;
    const ip = isIpv4 ? this.#ipv4At(bytes, addressAt) : this.#ipv6At(bytes, addressAt);
    const port = (bytes[portAt]! << 8) | bytes[portAt + 1]!;
    const place = (port ^ bytes[addressAt + (isIpv4 ? 3 : 15)]!) & (knownEndpointsMax - 1);
    const known = this.#endpoints[place];
    if (known !== undefined && known.port === port && known.ip === ip) return known;
    const endpoint = { ip, port };
    this.#endpoints[place] = endpoint;
    return endpoint;
  }

  #ipv4At(bytes: Buffer, at: number): IpAddress {
    // Signed: V8 keeps such a number in place, where one of 2^31 or more takes an object.
    const key = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return this.#ipv4.get(key) ?? remember(this.#ipv4, key, bytes.subarray(at, at + 4));
  }

  /** IPv4-mapped addresses become IPv4 ones (formatIp folds them). */
  #ipv6At(bytes: Buffer, at: number): IpAddress {
    const key = bytes.toString('latin1', at, at + 16);
    return this.#ipv6.get(key) ?? remember(this.#ipv6, key, bytes.subarray(at, at + 16));
  }
}

/** Throws DiagMessageError for a family or a state that no row has. */
function stateIn(bytes: Buffer, at: number, protocol: Protocol): SocketState {
  const family = bytes[at]!;
  if (family !== families.ipv4 && family !== families.ipv6)
    throw new DiagMessageError('idiag_family', String(family));
  const number = bytes[at + messageStateAt]!;
  const state = stateOf(protocol, number);
  if (state === null) throw new DiagMessageError('idiag_state', String(number));
  return state;
}

function remember<K>(known: Map<K, IpAddress>, key: K, address: Uint8Array): IpAddress {
  if (known.size >= knownAddressesMax) known.clear();
  const ip = formatIp(address);
  known.set(key, ip);
  return ip;
}
