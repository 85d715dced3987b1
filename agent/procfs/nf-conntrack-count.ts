/**
 * /proc/sys/net/netfilter/nf_conntrack_count: how many conversations are tracked (nf_conntrack-sysctl.rst), with those
 * that have expired and wait to be collected. It is there where the kernel tracks connections at all, anybody may read
 * it, and it shows the READER's network namespace.
 */
import { isUnread, readRecordFile } from './proc-file.ts';

/** Null where the kernel tracks nothing. */
export function readConntrackCount(procRoot: string): number | null {
  const bytes = readRecordFile(`${procRoot}/sys/net/netfilter/nf_conntrack_count`);
  return isUnread(bytes) ? null : parseConntrackCount(bytes.toString('latin1'));
}

export function parseConntrackCount(text: string): number | null {
  return /^\d{1,10}\n?$/.test(text) ? Number(text) : null;
}
