/** What is asked of a whole connection tracking table: how many entries it has, which are translated, and which are UDP. */
import { protocolNumbers } from '../../model/socket-state.ts';
import { encodeAttribute, encodeNested, parseAttributes, u32 } from './attribute.ts';
import {
  ConntrackMessageError,
  conntrackAttributes,
  conntrackTypes,
  encodeConntrackMessage,
  everyFamily,
  headersBytes,
  statusBits,
  translatedBits,
} from './conntrack-message.ts';
import { protocolAttributes, tupleAttributes } from './conntrack-tuple.ts';
import { type Family, families } from './inet-diag.ts';

/** CTA_STATS_GLOBAL_ENTRIES. */
const entriesAttribute = 1;

export function encodeStatisticsRequest(sequence: number): Buffer {
  return encodeConntrackMessage(conntrackTypes.statistics, false, everyFamily, sequence, []);
}

/** Entries of the answer that begins at `at`, those that have expired and wait to be collected included. */
export function parseStatistics(bytes: Buffer, at: number, end: number): number {
  const entries = parseAttributes(bytes.subarray(at + headersBytes, end)).get(entriesAttribute);
  if (entries?.length !== 4) throw new ConntrackMessageError('CTA_STATS_GLOBAL_ENTRIES', 'is absent');
  return entries.readUInt32BE(0);
}

/**
 * The kernel compares (status & mask) with one value, so all that is translated takes two dumps: those with their source
 * translated, and those with their destination alone. Kernels before 5.15 send every entry all the same.
 */
export const translatedFilters = [
  { status: statusBits.sourceTranslated, mask: statusBits.sourceTranslated },
  { status: statusBits.destinationTranslated, mask: translatedBits },
] as const;

export function encodeTranslatedDump(
  { status, mask }: (typeof translatedFilters)[number],
  sequence: number,
): Buffer {
  return encodeConntrackMessage(conntrackTypes.get, true, everyFamily, sequence, [
    encodeAttribute(conntrackAttributes.status, uint32(status)),
    encodeAttribute(conntrackAttributes.statusMask, uint32(mask)),
  ]);
}

/**
 * The entries of one family that are UDP: their original direction is to have that protocol number, CTA_FILTER_F_CTA_PROTO_NUM
 * of net/netfilter/nf_conntrack_netlink.c. Kernels before 5.8 send every entry all the same, later ones refuse to filter
 * without a family.
 */
export function encodeDatagramDump(family: Family, sequence: number): Buffer {
  const { number } = protocolAttributes;
  const protocol = encodeAttribute(number, Buffer.from([protocolNumbers.udp]));
  const tuple = encodeNested(tupleAttributes.protocol, [protocol]);
  return encodeConntrackMessage(conntrackTypes.get, true, families[family], sequence, [
    encodeNested(conntrackAttributes.original, [tuple]),
    encodeNested(conntrackAttributes.filter, [
      encodeAttribute(filterAttributes.original, u32(byProtocolNumber)),
      encodeAttribute(filterAttributes.reply, u32(0)),
    ]),
  ]);
}

/** CTA_FILTER_ORIG_FLAGS and CTA_FILTER_REPLY_FLAGS: what of a tuple is compared, in the host's byte order. */
const filterAttributes = { original: 1, reply: 2 } as const;
const byProtocolNumber = 1 << 3;

/** Every entry there is. */
export function encodeWholeDump(sequence: number): Buffer {
  return encodeConntrackMessage(conntrackTypes.get, true, everyFamily, sequence, []);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
