/**
 * The census, kept from scan to scan: whoever was there before and shows no sign of change is not asked again.
 *
 * A sign of change is another fd folder (another process under the same pid) or the lack of a count of fds. Besides,
 * what is known is believed for a while only (see isRefreshTurn), since a process may exec or enter another namespace.
 */
import type { Process } from '../../model/process.ts';
import { type FdFolder, isSameFolder, readFdFolder } from '../procfs/fd-folder.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import type { PidStat } from '../procfs/pid-stat.ts';
import { isUnread, processPath } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { isRefreshTurn, type Reading } from '../resolve/refresh.ts';
import { expectPids, type Inhabitant, visit } from './census.ts';

/** One process, for as long as it lives. */
export interface Resident extends Inhabitant {
  path: string;
  stat: PidStat;
  netns: number | null;
  /** As told at the beginning of this scan. */
  folder: FdFolder;
  /** The count of its folder when its fds were last walked; -1 = not since it began, or since an exec. */
  walkedFdCount: number;
  /** When its fds were walked first, on a monotonic clock. */
  firstWalkAtMs: number;
  /** When its fds are walked again whatever their count, on a monotonic clock. */
  nextWalkAtMs: number;
  /** For how long it had run when all of its fds were last walked, see ProcessClock; null = not known. */
  ranNs: number | null;
  /** Walks that were left out since then, because it had not run. */
  restedSweeps: number;
  /** Its files as of the last walk. */
  held: SocketFds;
  /** Which folder of /proc was its own at the last walk: an inode; 0 = it was gone, or not walked yet. */
  place: number;
  /** Its fds are closed to the agent. */
  isClosed: boolean;
  /** Its details, once it was an owner. */
  process: Process | null;
}

/** What is known of a pid. */
interface Known extends Reading {
  readonly folder: FdFolder;
  /** null for a process that holds no files. */
  readonly resident: Resident | null;
  scan: number;
}

export interface RollCall {
  /** By pid, ascending. */
  readonly residents: readonly Resident[];
  /** Those of the last call that are no more. */
  readonly departed: readonly Resident[];
  /** Processes of which not even the identity could be read. */
  readonly closed: number;
  /** This /proc leaves out processes of other users. */
  readonly hidesOthers: boolean;
}

export class Roster {
  readonly #procRoot: string;
  readonly #known = new Map<number, Known>();
  #scan = 0;

  constructor(procRoot: string) {
    this.#procRoot = procRoot;
  }

  /** Throws ProcRootError when /proc itself cannot be read. @param nowMs on a monotonic clock */
  async call(nowMs: number, slice: TimeSlice): Promise<RollCall> {
    const pids = expectPids(this.#procRoot);
    this.#scan++;
    const residents: Resident[] = [];
    const departed: Resident[] = [];
    let closed = 0;
    for (const pid of pids) {
      const found = this.#find(pid, nowMs, departed);
      if (found === 'closed') closed++;
      else if (found !== null) residents.push(found);
      if (slice.isUsedUp()) await slice.rest();
    }
    for (const [pid, known] of this.#known) if (known.scan !== this.#scan) this.#forget(pid, known, departed);
    return { residents, departed, closed, hidesOthers: pids[0] !== 1 };
  }

  #find(pid: number, nowMs: number, departed: Resident[]): Resident | null | 'closed' {
    const known = this.#known.get(pid);
    const folder = readFdFolder(processPath(this.#procRoot, pid));
    if (known !== undefined && !isUnread(folder) && isBelieved(pid, known, folder, nowMs)) {
      known.scan = this.#scan;
      if (known.resident !== null) known.resident.folder = folder;
      return known.resident;
    }
    const visited = visit(this.#procRoot, pid);
    if (visited === 'closed' || isUnread(folder)) {
      if (known !== undefined) this.#forget(pid, known, departed);
      // Whoever went away between the two looks is as if it had been gone before.
      return visited === 'closed' ? 'closed' : null;
    }
    return this.#remember(pid, known, folder, visited, nowMs, departed);
  }

  #remember(
    pid: number,
    known: Known | undefined,
    folder: FdFolder,
    visited: Inhabitant | null,
    nowMs: number,
    departed: Resident[],
  ): Resident | null {
    const before = known?.resident ?? null;
    const isSame = before !== null && visited !== null && before.stat.startTicks === visited.stat.startTicks;
    if (known !== undefined && !isSame) this.#forget(pid, known, departed);
    const resident =
      visited === null ? null : isSame ? renewed(before, visited, folder) : newResident(visited, folder);
    const isKept = known !== undefined && (isSame || resident === before);
    const firstReadAtMs = isKept ? known.firstReadAtMs : nowMs;
    this.#known.set(pid, { folder, resident, firstReadAtMs, readAtMs: nowMs, scan: this.#scan });
    return resident;
  }

  #forget(pid: number, { resident }: Known, departed: Resident[]): void {
    this.#known.delete(pid);
    if (resident !== null) departed.push(resident);
  }
}

/** A process that holds no files has no count to go by. */
function isBelieved(pid: number, known: Known, folder: FdFolder, nowMs: number): boolean {
  const hasSign = known.resident !== null && folder.fdCount === 0;
  return !hasSign && isSameFolder(known.folder, folder) && !isRefreshTurn(known, nowMs, pid);
}

function newResident(visited: Inhabitant, folder: FdFolder): Resident {
  return {
    ...visited,
    folder,
    walkedFdCount: -1,
    firstWalkAtMs: 0,
    nextWalkAtMs: 0,
    ranNs: null,
    restedSweeps: 0,
    held: { fds: [], inodes: [] },
    place: 0,
    isClosed: false,
    process: null,
  };
}

function renewed(resident: Resident, visited: Inhabitant, folder: FdFolder): Resident {
  // An exec closes and replaces fds as it likes.
  if (visited.stat.comm !== resident.stat.comm) resident.walkedFdCount = -1;
  resident.path = visited.path;
  resident.stat = visited.stat;
  resident.netns = visited.netns;
  resident.folder = folder;
  return resident;
}
