/**
 * /proc/net/snmp: what TCP of one network namespace has counted (net/ipv4/proc.c, snmp_seq_show_tcp_udp; RFC 1213). Pairs
 * of lines, one with names and one with values:
 *
 *     Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs ...
 *     Tcp: 1 200 120000 -1 29167 26627 1861 843 12 788818 ...
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** Which connections began, broke off and are there. Counts are those since the namespace was made. */
export interface TcpTotals {
  /** ActiveOpens and PassiveOpens: connections that began, counted before they are established. */
  readonly opens: number;
  /** EstabResets: connections that were there and went without a farewell. */
  readonly resets: number;
  /** CurrEstab: those that are established now; from Linux 6.10 on, and where it was mended, also those in CLOSE_WAIT. */
  readonly established: number;
}

/** The file has some 1.5 KB. */
const fileBytes = 8192;

/** Of the namespace that the calling thread is in, wherever the /proc is mounted that tells of other processes. */
const ownSnmpPath = '/proc/thread-self/net/snmp';

const names = ['ActiveOpens', 'PassiveOpens', 'EstabResets', 'CurrEstab'] as const;

/** Kept open: it goes on telling of the namespace in which it was opened, and keeps that alive. */
export class TcpCounters {
  readonly #fd: number;
  readonly #bytes = Buffer.allocUnsafeSlow(fileBytes);
  #isOpen = true;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Throws Node's own error where there is no such file, or no descriptor left. */
  static open(path: string = ownSnmpPath): TcpCounters {
    return new TcpCounters(openSync(path, 'r'));
  }

  /** As they are now; null when they cannot be told. Throws Node's own error. */
  read(): TcpTotals | null {
    if (!this.#isOpen) return null;
    // Reading from the beginning makes the kernel count anew.
    const length = readSync(this.#fd, this.#bytes, 0, fileBytes, 0);
    return parseTcpTotals(this.#bytes.toString('latin1', 0, length));
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }
}

/** Null when a count is missing. */
export function parseTcpTotals(text: string): TcpTotals | null {
  const [header, line] = text.split('\n').filter((each) => each.startsWith('Tcp: '));
  if (header === undefined || line === undefined) return null;
  const [columns, values] = [header.split(' '), line.split(' ')];
  const [active, passive, resets, established] = names.map((name) => Number(values[columns.indexOf(name)]));
  if (![active, passive, resets, established].every(Number.isSafeInteger)) return null;
  return { opens: active! + passive!, resets: resets!, established: established! };
}
