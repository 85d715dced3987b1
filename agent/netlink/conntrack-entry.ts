/** An entry of the kernel's connection tracking, as answers, dumps and events show it: CTA_* behind struct nfgenmsg. */
import type { Protocol } from '../../model/socket-state.ts';
import { absent, findAttribute, valueAt, valueEnd } from './attribute-at.ts';
import {
  ConntrackMessageError,
  conntrackAttributes,
  headersBytes,
  statusBits,
  translatedBits,
} from './conntrack-message.ts';
import { type ConntrackTuple, parseTuple, parseTupleProtocol } from './conntrack-tuple.ts';

/** CTA_PROTOINFO_TCP, and CTA_PROTOINFO_TCP_STATE in it. */
const tcpInfo = 1;
const tcpStateOfInfo = 1;

/** TCP_CONNTRACK_TIME_WAIT and TCP_CONNTRACK_CLOSE (linux/netfilter/nf_conntrack_tcp.h): nothing more will be sent. */
const tcpOver: ReadonlySet<number> = new Set([7, 8]);

export interface ConntrackEntry {
  readonly protocol: Protocol;
  /** As the one who began sends. */
  readonly original: ConntrackTuple;
  /** As answers come in: the reverse of `original` where nothing is translated. */
  readonly reply: ConntrackTuple;
  readonly isTranslated: boolean;
  /** NAT is configured where the entry is, whether or not it applies to this conversation. */
  readonly passedNat: boolean;
  /** Open vSwitch and OVN keep equal tuples apart by zones; 0 is everybody's. */
  readonly zone: number;
  /** Differs between two conversations that have the same tuple one after the other. */
  readonly id: number;
  /** A TCP connection of which only the memory is left. */
  readonly isOver: boolean;
  /** How long it stays without another packet; each one begins this anew. null = not told. */
  readonly expiresInS: number | null;
}

/**
 * The entry in the message that begins at `at`, with struct nlmsghdr; null when it is neither TCP nor UDP. Throws
 * ConntrackMessageError.
 */
export function parseConntrackEntry(bytes: Buffer, at: number, end: number): ConntrackEntry | null {
  const from = at + headersBytes;
  const originalAt = find(bytes, from, end, conntrackAttributes.original, 'CTA_TUPLE_ORIG');
  const replyAt = find(bytes, from, end, conntrackAttributes.reply, 'CTA_TUPLE_REPLY');
  const protocol = parseTupleProtocol(bytes, originalAt);
  if (protocol === null) return null;
  const status = uint32(
    bytes,
    find(bytes, from, end, conntrackAttributes.status, 'CTA_STATUS'),
    'CTA_STATUS',
  );
  const idAt = findAttribute(bytes, from, end, conntrackAttributes.id);
  const timeoutAt = findAttribute(bytes, from, end, conntrackAttributes.timeout);
  return {
    protocol,
    original: parseTuple(bytes, originalAt),
    reply: parseTuple(bytes, replyAt),
    isTranslated: (status & translatedBits) !== 0,
    passedNat: (status & statusBits.passedNat) !== 0,
    zone: parseZone(bytes, findAttribute(bytes, from, end, conntrackAttributes.zone)),
    id: idAt === absent ? 0 : uint32(bytes, idAt, 'CTA_ID'),
    isOver: isOver(bytes, findAttribute(bytes, from, end, conntrackAttributes.protocolState)),
    expiresInS: timeoutAt === absent ? null : uint32(bytes, timeoutAt, 'CTA_TIMEOUT'),
  };
}

function find(bytes: Buffer, from: number, end: number, type: number, field: string): number {
  const at = findAttribute(bytes, from, end, type);
  if (at === absent) throw new ConntrackMessageError(field, 'is absent');
  return at;
}

function uint32(bytes: Buffer, attributeAt: number, field: string): number {
  const length = valueEnd(bytes, attributeAt) - valueAt(attributeAt);
  if (length !== 4) throw new ConntrackMessageError(field, `has ${length} bytes, not 4`);
  return bytes.readUInt32BE(valueAt(attributeAt));
}

function parseZone(bytes: Buffer, attributeAt: number): number {
  if (attributeAt === absent) return 0;
  const length = valueEnd(bytes, attributeAt) - valueAt(attributeAt);
  if (length !== 2) throw new ConntrackMessageError('CTA_ZONE', `has ${length} bytes, not 2`);
  return bytes.readUInt16BE(valueAt(attributeAt));
}

/** UDP has no state to show; neither has TCP in some events. */
function isOver(bytes: Buffer, stateAt: number): boolean {
  if (stateAt === absent) return false;
  const infoAt = findAttribute(bytes, valueAt(stateAt), valueEnd(bytes, stateAt), tcpInfo);
  if (infoAt === absent) return false;
  const at = findAttribute(bytes, valueAt(infoAt), valueEnd(bytes, infoAt), tcpStateOfInfo);
  return at !== absent && valueEnd(bytes, at) - valueAt(at) === 1 && tcpOver.has(bytes[valueAt(at)]!);
}
