/**
 * CTA_TUPLE_*: one direction of a tracked conversation.
 *
 *     CTA_TUPLE_IP 1     { V4_SRC 1, V4_DST 2: 4 bytes | V6_SRC 3, V6_DST 4: 16 bytes }
 *     CTA_TUPLE_PROTO 2  { NUM 1: u8, SRC_PORT 2, DST_PORT 3: be16 }
 */
import { type Endpoint, sameEndpoint } from '../../model/endpoint.ts';
import type { FourTuple } from '../../model/four-tuple.ts';
import { formatIp, type IpAddress } from '../../model/ip.ts';
import { type Protocol, protocolOf } from '../../model/socket-state.ts';
import { absent, findAttribute, valueAt, valueEnd } from './attribute-at.ts';
import { ConntrackMessageError } from './conntrack-message.ts';

export const tupleAttributes = { address: 1, protocol: 2 } as const;
export const addressAttributes = {
  ipv4: { source: 1, destination: 2 },
  ipv6: { source: 3, destination: 4 },
} as const;
export const protocolAttributes = { number: 1, sourcePort: 2, destinationPort: 3 } as const;

/** From whom packets of this direction come, and where they go. */
export interface ConntrackTuple {
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** Whether these packets are those that the socket with this tuple sends. */
export function isSentBy(tuple: ConntrackTuple, { local, remote }: FourTuple): boolean {
  return sameEndpoint(tuple.source, local) && sameEndpoint(tuple.destination, remote);
}

/** The protocol of a tuple whose attribute begins at `tupleAt`; null = neither TCP nor UDP. Throws ConntrackMessageError. */
export function parseTupleProtocol(bytes: Buffer, tupleAt: number): Protocol | null {
  const protocolAt = nested(bytes, tupleAt, tupleAttributes.protocol, 'CTA_TUPLE_PROTO');
  return protocolOf(bytes[expect(bytes, protocolAt, protocolAttributes.number, 1, 'CTA_PROTO_NUM')]!);
}

/** A tuple of TCP or UDP whose attribute begins at `tupleAt`. Throws ConntrackMessageError. */
export function parseTuple(bytes: Buffer, tupleAt: number): ConntrackTuple {
  const addressAt = nested(bytes, tupleAt, tupleAttributes.address, 'CTA_TUPLE_IP');
  const protocolAt = nested(bytes, tupleAt, tupleAttributes.protocol, 'CTA_TUPLE_PROTO');
  const isIpv4 = hasAttribute(bytes, addressAt, addressAttributes.ipv4.source);
  const { source, destination } = isIpv4 ? addressAttributes.ipv4 : addressAttributes.ipv6;
  const length = isIpv4 ? 4 : 16;
  const { sourcePort, destinationPort } = protocolAttributes;
  const from = expect(bytes, addressAt, source, length, 'CTA_IP_SRC');
  const to = expect(bytes, addressAt, destination, length, 'CTA_IP_DST');
  const fromPort = expect(bytes, protocolAt, sourcePort, 2, 'CTA_PROTO_SRC_PORT');
  const toPort = expect(bytes, protocolAt, destinationPort, 2, 'CTA_PROTO_DST_PORT');
  return {
    source: { ip: ipAt(bytes, from, isIpv4), port: bytes.readUInt16BE(fromPort) },
    destination: { ip: ipAt(bytes, to, isIpv4), port: bytes.readUInt16BE(toPort) },
  };
}

/** Without a view of the bytes where there are four of them, since that takes longer than the text. */
function ipAt(bytes: Buffer, at: number, isIpv4: boolean): IpAddress {
  if (!isIpv4) return formatIp(bytes.subarray(at, at + 16));
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function hasAttribute(bytes: Buffer, parentAt: number, type: number): boolean {
  return findAttribute(bytes, valueAt(parentAt), valueEnd(bytes, parentAt), type) !== absent;
}

/** Where an attribute within another begins. */
function nested(bytes: Buffer, parentAt: number, type: number, field: string): number {
  const at = findAttribute(bytes, valueAt(parentAt), valueEnd(bytes, parentAt), type);
  if (at === absent) throw new ConntrackMessageError(field, 'is absent');
  return at;
}

/** Where the value of an attribute within another begins; it has `length` bytes. */
function expect(bytes: Buffer, parentAt: number, type: number, length: number, field: string): number {
  const at = nested(bytes, parentAt, type, field);
  const found = valueEnd(bytes, at) - valueAt(at);
  if (found !== length) throw new ConntrackMessageError(field, `has ${found} bytes, not ${length}`);
  return valueAt(at);
}
