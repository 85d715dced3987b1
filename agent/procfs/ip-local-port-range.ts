/**
 * /proc/sys/net/ipv4/ip_local_port_range: from which ports the kernel picks the local one of an outgoing connection.
 * The file shows the READER's network namespace, whichever /proc it is opened through.
 */
import { isUnread, readRecordFile } from './proc-file.ts';

/** First and last port, both inclusive; null where it cannot be read. */
export function readLocalPortRange(procRoot: string): readonly [number, number] | null {
  const bytes = readRecordFile(`${procRoot}/sys/net/ipv4/ip_local_port_range`);
  return isUnread(bytes) ? null : parseLocalPortRange(bytes.toString('latin1'));
}

export function parseLocalPortRange(text: string): readonly [number, number] | null {
  const match = /^(\d{1,5})\s+(\d{1,5})\n?$/.exec(text);
  if (match === null) return null;
  const first = Number(match[1]);
  const last = Number(match[2]);
  return first <= last && last <= 65535 ? [first, last] : null;
}
