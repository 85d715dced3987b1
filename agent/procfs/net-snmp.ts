/**
 * /proc/net/snmp and /proc/net/netstat: what TCP of one network namespace has counted (net/ipv4/proc.c, net/mptcp/mib.c; names
 * as in RFC 1213). Pairs of lines, one with names and one with values:
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

/** Each file has a few KB. */
const fileBytes = 16 << 10;

/** Of the namespace that the calling thread is in, wherever the /proc is mounted that tells of other processes. */
const ownFolder = '/proc/thread-self/net';

/** Kept open: it goes on telling of the namespace in which it was opened, and keeps that alive. */
export class TcpCounters {
  readonly #snmp: number;
  readonly #netstat: number;
  readonly #bytes = Buffer.allocUnsafeSlow(fileBytes);
  #isOpen = true;

  private constructor(snmp: number, netstat: number) {
    this.#snmp = snmp;
    this.#netstat = netstat;
  }

  /** Throws Node's own error where there are no such files, or no descriptor is left. */
  static open(folder: string = ownFolder): TcpCounters {
    const snmp = openSync(`${folder}/snmp`, 'r');
    try {
      return new TcpCounters(snmp, openSync(`${folder}/netstat`, 'r'));
    } catch (error) {
      closeSync(snmp);
      throw error;
    }
  }

  /** As they are now; null when they cannot be told. Throws Node's own error. */
  read(): TcpTotals | null {
    return this.#isOpen ? parseTcpTotals(this.#read(this.#snmp)) : null;
  }

  /** Whether connections of several paths are there; true also when that cannot be told. Throws Node's own error. */
  hasMultipath(): boolean {
    return !this.#isOpen || parseMultipath(this.#read(this.#netstat));
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#snmp);
    closeSync(this.#netstat);
  }

  /** From the beginning, which makes the kernel count anew. */
  #read(fd: number): string {
    return this.#bytes.toString('latin1', 0, readSync(fd, this.#bytes, 0, fileBytes, 0));
  }
}

/** Null when a count is missing. */
export function parseTcpTotals(text: string): TcpTotals | null {
  const counts = parseCounts(text, 'Tcp');
  const [active, passive] = [counts.get('ActiveOpens'), counts.get('PassiveOpens')];
  const [resets, established] = [counts.get('EstabResets'), counts.get('CurrEstab')];
  if (active === undefined || passive === undefined) return null;
  if (resets === undefined || established === undefined) return null;
  return { opens: active + passive, resets, established };
}

/** Before Linux 6.8 the kernel does not say how many are there, but whether there ever was one. */
export function parseMultipath(text: string): boolean {
  const counts = parseCounts(text, 'MPTcpExt');
  // A kernel without MPTCP has no such line.
  if (counts.size === 0) return text === '';
  const begun = ['MPCapableSYNRX', 'MPCapableSYNTX'].map((name) => counts.get(name));
  return (counts.get('MPCurrEstab') ?? (begun.every((count) => count === 0) ? 0 : 1)) > 0;
}

/** By name; what is no whole number is left out. */
function parseCounts(text: string, group: string): Map<string, number> {
  const [header, line] = text.split('\n').filter((each) => each.startsWith(`${group}: `));
  if (header === undefined || line === undefined) return new Map();
  const values = line.split(' ').slice(1).map(Number);
  const named = header
    .split(' ')
    .slice(1)
    .map((name, i) => [name, values[i]!] as const);
  return new Map(named.filter(([, value]) => Number.isSafeInteger(value)));
}
