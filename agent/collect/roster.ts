/**
 * The census, kept from scan to scan: whoever was there before and shows no sign of change is not asked again.
 *
 * A sign of change is another fd folder (another process under the same pid) or the lack of a count of fds. Besides,
 * what is known is believed for a while only (see isRefreshTurn), since a process may exec or enter another namespace.
 *
 * The folder itself is not looked at while an old acquaintance has not run: most processes of a host wait for something.
 */
import type { Process } from '../../model/process.ts';
import { type FdFolder, isSameFolder, readFdFolder } from '../procfs/fd-folder.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import type { PidStat } from '../procfs/pid-stat.ts';
import { isUnread, processPath } from '../procfs/proc-file.ts';
import type { ProcessClock } from '../procfs/process-clock.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { isRefreshTurn, type Reading, turnAfter } from '../resolve/refresh.ts';
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

/**
 * How long the folder of a process that has not run is believed: processes that share their fds (CLONE_FILES) change them for
 * each other.
 */
export const folderBelievedMs = 5000;

/**
 * For how long a process has to be known until it is told by its clock. Whoever takes over a pid might have run for as long
 * as the one before, to the nanosecond, where both have done next to nothing.
 */
export const clockBelievedFromMs = 30_000;

/** What is known of a pid. */
interface Known extends Reading {
  readonly folder: FdFolder;
  /** null for a process that holds no files. */
  readonly resident: Resident | null;
  scan: number;
  /** When its folder was looked at last, and for how long it had run before that; null = not known. */
  seenAtMs: number;
  ranNs: number | null;
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
  readonly #clock: Pick<ProcessClock, 'read'> | null;
  readonly #known = new Map<number, Known>();
  #scan = 0;

  /** @param clock null where pids are not those of the agent's own namespace */
  constructor(procRoot: string, clock: Pick<ProcessClock, 'read'> | null = null) {
    this.#procRoot = procRoot;
    this.#clock = clock;
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
    const ranNs = this.#clock?.read(pid) ?? null;
    if (known !== undefined && ranNs !== null && hasRested(pid, known, ranNs, nowMs)) {
      known.scan = this.#scan;
      return known.resident;
    }
    const folder = readFdFolder(processPath(this.#procRoot, pid));
    if (known !== undefined && !isUnread(folder) && isBelieved(pid, known, folder, nowMs)) {
      known.scan = this.#scan;
      known.seenAtMs = nowMs;
      known.ranNs = ranNs;
      if (known.resident !== null) known.resident.folder = folder;
      return known.resident;
    }
    const visited = visit(this.#procRoot, pid);
    if (visited === 'closed' || isUnread(folder)) {
      if (known !== undefined) this.#forget(pid, known, departed);
      // Whoever went away between the two looks is as if it had been gone before.
      return visited === 'closed' ? 'closed' : null;
    }
    return this.#remember(pid, known, folder, visited, { nowMs, ranNs }, departed);
  }

  #remember(
    pid: number,
    known: Known | undefined,
    folder: FdFolder,
    visited: Inhabitant | null,
    { nowMs, ranNs }: { readonly nowMs: number; readonly ranNs: number | null },
    departed: Resident[],
  ): Resident | null {
    const before = known?.resident ?? null;
    const isSame = before !== null && visited !== null && before.stat.startTicks === visited.stat.startTicks;
    if (known !== undefined && !isSame) this.#forget(pid, known, departed);
    const resident =
      visited === null ? null : isSame ? renewed(before, visited, folder) : newResident(visited, folder);
    const isKept = known !== undefined && (isSame || resident === before);
    const firstReadAtMs = isKept ? known.firstReadAtMs : nowMs;
    const reading = { firstReadAtMs, readAtMs: nowMs };
    this.#known.set(pid, { folder, resident, ...reading, scan: this.#scan, seenAtMs: nowMs, ranNs });
    return resident;
  }

  #forget(pid: number, { resident }: Known, departed: Resident[]): void {
    this.#known.delete(pid);
    if (resident !== null) departed.push(resident);
  }
}

/** Whether its folder is as it was, for want of time to change anything. */
function hasRested(pid: number, known: Known, ranNs: number, nowMs: number): boolean {
  if (ranNs !== known.ranNs || known.seenAtMs - known.firstReadAtMs < clockBelievedFromMs) return false;
  if (nowMs >= turnAfter(known.seenAtMs, folderBelievedMs, pid)) return false;
  return !isUncounted(known.resident?.folder, known) && !isRefreshTurn(known, nowMs, pid);
}

function isBelieved(pid: number, known: Known, folder: FdFolder, nowMs: number): boolean {
  return (
    !isUncounted(folder, known) && isSameFolder(known.folder, folder) && !isRefreshTurn(known, nowMs, pid)
  );
}

/** A process that may hold files, and has no count to go by. */
function isUncounted(folder: FdFolder | undefined, { resident }: Known): boolean {
  return resident !== null && folder?.fdCount === 0;
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
