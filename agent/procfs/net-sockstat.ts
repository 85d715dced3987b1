/** /proc/PID/net/sockstat: how many sockets there are of which kind (net/ipv4/proc.c, sockstat_seq_show). */
import { isUnread, readRecordFile } from './proc-file.ts';

/** TCP sockets of all namespaces that no file leads to any more; null when that cannot be read. */
export function readOrphans(path: string): number | null {
  const bytes = readRecordFile(`${path}/net/sockstat`);
  return isUnread(bytes) ? null : parseOrphans(bytes.toString('latin1'));
}

/** TCP sockets of all namespaces, whether anything holds them or not; null when that cannot be read. */
export function readTcpSockets(path: string): number | null {
  const bytes = readRecordFile(`${path}/net/sockstat`);
  return isUnread(bytes) ? null : parseTcpSockets(bytes.toString('latin1'));
}

/** The number after `orphan` in the line `TCP: inuse 3 orphan 0 tw 1 alloc 5 mem 1`; null when it is missing. */
export function parseOrphans(text: string): number | null {
  return numberAfter(/^TCP: (?:\S+ \d+ )*?orphan (\d+)/m, text);
}

/** The number after `alloc` in the same line. */
export function parseTcpSockets(text: string): number | null {
  return numberAfter(/^TCP: (?:\S+ \d+ )*?alloc (\d+)/m, text);
}

function numberAfter(pattern: RegExp, text: string): number | null {
  const match = pattern.exec(text);
  return match === null ? null : Number(match[1]);
}
