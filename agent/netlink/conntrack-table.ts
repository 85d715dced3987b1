/** What is asked of a whole connection tracking table: how many entries it has, and those that are translated. */
import { encodeAttribute, parseAttributes } from './attribute.ts';
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

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
