/**
 * The network namespace of each process, kept from scan to scan: reading it is a look-up of a path in the kernel, and
 * hardly any process ever changes it. What is known is believed for a while only (see isRefreshDue), and not beyond an exec.
 */
import { readNetnsInode } from '../procfs/pid-netns.ts';
import type { PidStat } from '../procfs/pid-stat.ts';
import { isUnread, type Unread } from '../procfs/proc-file.ts';
import { isRefreshDue, type Reading } from '../resolve/refresh.ts';

interface Known extends Reading {
  readonly netns: number;
  readonly path: string;
  readonly startTicks: number;
  readonly comm: string;
  scan: number;
}

export class KnownNetns {
  /** By pid; of processes that the last scan found. */
  readonly #known = new Map<number, Known>();
  #scan = 0;

  /** As readNetnsInode. @param nowMs monotonic clock */
  read(pid: number, path: string, { startTicks, comm }: PidStat, nowMs: number): number | Unread {
    const known = this.#known.get(pid);
    const isSame = known?.path === path && known.startTicks === startTicks && known.comm === comm;
    if (isSame && !isRefreshDue(known, nowMs)) {
      known.scan = this.#scan;
      return known.netns;
    }
    const netns = readNetnsInode(path);
    if (isUnread(netns)) return netns;
    const firstReadAtMs = isSame && known.netns === netns ? known.firstReadAtMs : nowMs;
    const scan = this.#scan;
    this.#known.set(pid, { netns, path, startTicks, comm, firstReadAtMs, readAtMs: nowMs, scan });
    return netns;
  }

  /** Ends a scan: forgets whoever was not asked about during it. */
  expire(): void {
    for (const [pid, { scan }] of this.#known) if (scan !== this.#scan) this.#known.delete(pid);
    this.#scan++;
  }
}
