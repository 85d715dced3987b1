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

/** How far a TCP connection has come: nobody has ended it, somebody has, only the memory of it is left. */
export type ConntrackPhase = 'open' | 'ending' | 'over';

/** By the states of linux/netfilter/nf_conntrack_tcp.h, TCP_CONNTRACK_NONE first. */
const phases = [
  null,
  // SYN_SENT, SYN_RECV, ESTABLISHED
  'open',
  'open',
  'open',
  // FIN_WAIT, CLOSE_WAIT, LAST_ACK
  'ending',
  'ending',
  'ending',
  // TIME_WAIT, CLOSE
  'over',
  'over',
  // SYN_SENT2
  'open',
] as const satisfies readonly (ConntrackPhase | null)[];

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
  /** null = not told: UDP has none, and TCP in some events. */
  readonly phase: ConntrackPhase | null;
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
    phase: parsePhase(bytes, findAttribute(bytes, from, end, conntrackAttributes.protocolState)),
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

function parsePhase(bytes: Buffer, stateAt: number): ConntrackPhase | null {
  if (stateAt === absent) return null;
  const infoAt = findAttribute(bytes, valueAt(stateAt), valueEnd(bytes, stateAt), tcpInfo);
  if (infoAt === absent) return null;
  const at = findAttribute(bytes, valueAt(infoAt), valueEnd(bytes, infoAt), tcpStateOfInfo);
  if (at === absent || valueEnd(bytes, at) - valueAt(at) !== 1) return null;
  return phases[bytes[valueAt(at)]!] ?? null;
}
