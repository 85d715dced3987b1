/** How several values share one u32 column, and IPv4 addresses become numbers. Both directions stand side by side. */
import { type IpAddress, ipBytes, isIpv6 } from '../model/ip.ts';
import {
  type Protocol,
  protocolNumbers,
  protocolOf,
  type SocketState,
  stateNumber,
  stateOf,
} from '../model/socket-state.ts';

/** What the meta column of an open row says. */
export interface OpenMeta {
  readonly protocol: Protocol;
  readonly state: SocketState;
  /** Both addresses of the row are ids of the address dictionary. */
  readonly v6: boolean;
  /** A peer of an unconnected UDP socket, known by conntrack alone. */
  readonly byConntrack: boolean;
}

/** state | protocol << 8 | v6 << 16 | byConntrack << 17. */
export function packMeta(meta: OpenMeta): number {
  const flags = (meta.v6 ? v6Bit : 0) | (meta.byConntrack ? conntrackBit : 0);
  return stateNumber(meta.state) | (protocolNumbers[meta.protocol] << 8) | flags;
}

const v6Bit = 1 << 16;
const conntrackBit = 1 << 17;

/** Null when the kernel has no such protocol or state. Bits above those are left to later versions. */
export function unpackMeta(packed: number): OpenMeta | null {
  const protocol = protocolOf((packed >>> 8) & 0xff);
  const state = protocol === null ? null : stateOf(protocol, packed & 0xff);
  if (protocol === null || state === null) return null;
  return { protocol, state, v6: (packed & v6Bit) !== 0, byConntrack: (packed & conntrackBit) !== 0 };
}

/** local << 16 | remote, unsigned. */
export function packPorts(local: number, remote: number): number {
  return ((local << 16) | remote) >>> 0;
}

export function unpackPorts(packed: number): { readonly local: number; readonly remote: number } {
  return { local: packed >>> 16, remote: packed & 0xffff };
}

/** 10.0.0.1 to 0x0a000001. Throws RangeError when `ip` is not IPv4. */
export function ipv4ToNumber(ip: IpAddress): number {
  const bytes = ipBytes(ip);
  if (bytes.length !== 4) throw new RangeError(`not an IPv4 address: ${JSON.stringify(ip)}`);
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

export function ipv4FromNumber(number: number): IpAddress {
  return `${number >>> 24}.${(number >>> 16) & 0xff}.${(number >>> 8) & 0xff}.${number & 0xff}`;
}

/**
 * 16 bytes in network order for the address dictionary. An IPv4 address becomes IPv4-mapped: a row has one family
 * bit, and an unconnected socket can show a mapped local beside an IPv6 remote address.
 */
export function ip16Bytes(ip: IpAddress): Uint8Array {
  const bytes = ipBytes(ip);
  if (isIpv6(ip)) return bytes;
  const mapped = new Uint8Array(16);
  mapped.fill(0xff, 10, 12);
  mapped.set(bytes, 12);
  return mapped;
}

/** The largest value of a u32 column. */
export const u32Max = 0xffffffff;

/** `value` as a u32: rounded, and cut to what a column can hold. */
export function clampU32(value: number): number {
  return Math.min(u32Max, Math.max(0, Math.round(value)));
}
