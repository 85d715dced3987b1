/**
 * How many connections the kernel counts in the agent's own namespace, from before a scan to after it: where they are as
 * many as processes hold, no other is there, and none has to be looked for.
 *
 *     none began             ActiveOpens and PassiveOpens are what they were
 *     none broke off         so is EstabResets
 *     none ended otherwise   so is CurrEstab, which begins alone bring back to what it was
 *
 * From Linux 6.10 on CurrEstab has those in CLOSE_WAIT too, so that it is greater where there are some, and says nothing.
 */
import { statSync } from 'node:fs';
import { TcpCounters, type TcpTotals } from '../procfs/net-snmp.ts';

/** Of the calling thread, whatever /proc is read otherwise. */
const ownNetnsPath = '/proc/thread-self/ns/net';

type Read = () => TcpTotals | null;

export class ConnectionCount {
  /** Inode of the namespace. */
  readonly netns: number;
  readonly #before: TcpTotals;
  readonly #read: Read;

  private constructor(netns: number, before: TcpTotals, read: Read) {
    this.netns = netns;
    this.#before = before;
    this.#read = read;
  }

  /** To be called before the scan. Null where the kernel does not count, or does not tell. */
  static begin(read: Read = readTotals): ConnectionCount | null {
    try {
      const before = read();
      return before === null ? null : new ConnectionCount(statSync(ownNetnsPath).ino, before, read);
    } catch {
      return null;
    }
  }

  /** To be called after the scan. @param held how many established connections it has shown */
  isStill(held: number): boolean {
    const { opens, resets, established } = this.#before;
    if (established !== held) return false;
    try {
      const now = this.#read();
      return now?.opens === opens && now.resets === resets && now.established === held;
    } catch {
      return false;
    }
  }
}

/** Throws Node's own error. */
function readTotals(): TcpTotals | null {
  const counters = TcpCounters.open();
  try {
    return counters.read();
  } finally {
    counters.close();
  }
}
