/**
 * The interface behind which every way of reading sockets stands: procfs now, sock_diag and eBPF as further rungs.
 *
 * A collector answers one question: which sockets exist at this moment, in every network namespace it can reach, and
 * which processes hold them. It keeps no history; telling two scans apart is the work of agent/watch.
 */
import type { Netns } from '../model/netns.ts';
import type { Process } from '../model/process.ts';
import type { OwnedSocket } from '../model/socket.ts';
import type { BoundedTable } from './bounded-table.ts';
import type { ProcessDetails } from './resolve/process-details.ts';

/** A row that a parser could not read. The rest of its file is read all the same. */
export interface MalformedRow {
  /** Path of the file, as opened. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** Name of the offending column, as the kernel's header calls it. */
  readonly column: string;
  /** The offending text, cut to 80 characters. */
  readonly text: string;
}

export interface Scan {
  /** Unix milliseconds when the scan began: every socket listed existed at or after it. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly sockets: readonly OwnedSocket[];
  /** Every namespace that has a process, also those without sockets. */
  readonly netns: readonly Netns[];
  /**
   * Inodes of the namespaces whose socket tables were read in this scan. A namespace that is missing here was not
   * looked at (its last process went away mid-walk), so its sockets are unknown rather than closed.
   */
  readonly scannedNetns: ReadonlySet<number>;
  /** At most malformedRowsMax of them; malformedTotal counts all. */
  readonly malformed: readonly MalformedRow[];
  readonly malformedTotal: number;
  /** Plain sentences: what this scan could not see, and why. Empty when it is complete. */
  readonly cannotSee: readonly string[];
}

/** How many malformed rows a scan carries with their text. */
export const malformedRowsMax = 16;

export interface Collector {
  /** Name of the rung, such as `procfs`; shown in `hosts` and `doctor`. */
  readonly name: string;
  scan(): Promise<Scan>;
  /** What it knows of a process that held a socket in the last scan, other than by /proc; null = nothing. */
  detailsOf?(process: Pick<Process, 'pid' | 'startTicks'>): ProcessDetails | null;
  /** What of it has a limit, for metrics. */
  readonly tables?: readonly BoundedTable[];
  /** Frees sockets and descriptors. Idempotent. */
  close(): void;
}
