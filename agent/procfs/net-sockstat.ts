/** /proc/PID/net/sockstat: how many sockets there are of which kind (net/ipv4/proc.c, sockstat_seq_show). */
import { closeSync, openSync, readSync } from 'node:fs';
import { isUnread, readRecordFile, unreadIfAbsent } from './proc-file.ts';

/** The file has a few hundred. */
const fileBytes = 2048;

/** How many TCP sockets of all namespaces there are that no file leads to any more: to be asked again and again. */
export class OrphanCount {
  readonly #path: string;
  readonly #bytes = Buffer.allocUnsafeSlow(fileBytes);
  /** Kept open, since finding the file takes longer than reading it. Null where it is not there. */
  #fd: number | null = null;

  /** @param path of a process, whose network namespace is kept alive until close() */
  constructor(path: string) {
    this.#path = path;
  }

  /** Null when that cannot be read. Throws Node's own error where the machine fails. */
  read(): number | null {
    const text = unreadIfAbsent(() => {
      this.#fd ??= openSync(`${this.#path}/net/sockstat`, 'r');
      // From the beginning, which makes the kernel count anew.
      return this.#bytes.toString('latin1', 0, readSync(this.#fd, this.#bytes, 0, fileBytes, 0));
    });
    return isUnread(text) ? null : parseOrphans(text);
  }

  /** Idempotent. */
  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
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
