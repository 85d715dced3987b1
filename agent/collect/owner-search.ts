/**
 * Keeps the owners of sockets up to date without walking the fds of every process in every scan. A process is walked
 *
 *     always    when it is new, when the number of its fds changed or is not told, and when one of its sockets vanished:
 *               where the number is the same, something else was opened in its place
 *     at times  every ownerSweepMs, one process after the other, because fds can be exchanged without changing their number;
 *               unless it has not run since
 *     at need   when one of its sockets got another holder besides, since it may have passed it on and put another in
 *               its place; and while a row has an inode that nobody known holds and is still there: first the processes
 *               of the row's namespace, then all others
 *
 * A walk for the sake of a change reads as few links as it can (changed-fds.ts); any other reads all.
 */
import type { Process } from '../../model/process.ts';
import type { LibcFdReader } from '../procfs/libc-fd-reader.ts';
import { readPidComm } from '../procfs/pid-comm.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import { readPidFolder, readPlace } from '../procfs/pid-folder.ts';
import { readPidStat } from '../procfs/pid-stat.ts';
import { denied, gone, isUnread, processPath } from '../procfs/proc-file.ts';
import type { ProcessClock } from '../procfs/process-clock.ts';
import { inSlices, type TimeSlice } from '../procfs/time-slice.ts';
import type { Holding, RowCell } from '../resolve/holding.ts';
import { Holdings } from '../resolve/holdings.ts';
import type { ProcessTable } from '../resolve/process-table.ts';
import { isRefreshDue, turnAfter } from '../resolve/refresh.ts';
import { readChangedFds, recallFds, type Standing } from './changed-fds.ts';
import type { Resident } from './roster.ts';

/** How old the last walk over the fds of a process may be, if it has run since. */
export const ownerSweepMs = 30_000;

/** How many walks in a row are left out at most: processes that share their fds (CLONE_FILES) change them for each other. */
export const restedSweepsMax = 9;

/** Which links a walk reads: all, or those that may have changed. */
type Walk = 'all' | 'changes';

/** How long a process counts as young: it may be between fork and exec, when all of its fds change at once. */
const youngMs = 2000;

/** How many sockets of one scan are looked up whether they are still there, at 10 µs each. */
export const lookupsMax = 1000;

export class OwnerSearch {
  readonly #procRoot: string;
  readonly #processes: ProcessTable;
  readonly #fdReader: LibcFdReader;
  readonly #clock: Pick<ProcessClock, 'read'> | null;
  readonly #holdings = new Holdings<Resident>();
  /** Processes walked in this scan, and over which of their links. */
  readonly #walked = new Map<Resident, Walk>();
  /** Walks over the fds of a process, since the start. */
  walksTotal = 0;

  /** @param clock null where pids are not those of the agent's own namespace */
  constructor(
    procRoot: string,
    processes: ProcessTable,
    fdReader: LibcFdReader,
    clock: Pick<ProcessClock, 'read'> | null = null,
  ) {
    this.#procRoot = procRoot;
    this.#processes = processes;
    this.#fdReader = fdReader;
    this.#clock = clock;
  }

  /** A row whose owners are to be filled in. */
  shown(cell: RowCell): void {
    this.#holdings.show(cell);
  }

  gone(cell: RowCell): void {
    this.#holdings.hide(cell);
  }

  /** Begins a scan. @param departed processes that are no more */
  begin(departed: readonly Resident[]): void {
    this.#walked.clear();
    for (const resident of departed) this.#holdings.update(resident, nothing);
  }

  /** Walks whom it has to, and gives every row its owners. @param nowMs on a monotonic clock */
  async search(
    residents: readonly Resident[],
    nowMs: number,
    slice: TimeSlice,
    isThere: (cell: RowCell) => boolean,
  ): Promise<void> {
    for (const resident of residents) {
      if (nowMs >= resident.nextWalkAtMs && this.#hasRested(resident))
        resident.nextWalkAtMs = turnAfter(nowMs, ownerSweepMs, resident.pid);
      const due = walkDue(resident, nowMs);
      if (due !== null) await this.#walk(resident, due, nowMs, slice);
    }
    for (const resident of this.#losers())
      await this.#walk(resident, walkForChange(resident, nowMs), nowMs, slice);
    for (const resident of this.#sharers()) await this.#walk(resident, 'all', nowMs, slice);
    await this.#searchWanted(residents, nowMs, slice, isThere);
    await inSlices(this.#renewProcesses(residents, nowMs), slice);
    const settling = this.#holdings.settling((resident) => {
      // One look per scan, however many sockets it holds: those who have details have just been renewed.
      resident.process ??= this.#resolve(resident, nowMs);
      return resident.process;
    });
    await inSlices(settling, slice);
  }

  /** Whoever holds what nobody was found for is looked for again after a while only. */
  async #searchWanted(
    residents: readonly Resident[],
    nowMs: number,
    slice: TimeSlice,
    isThere: (cell: RowCell) => boolean,
  ): Promise<void> {
    const due = this.#holdings
      .wanted()
      .filter(({ sought }) => sought === null || isRefreshDue(sought, nowMs));
    if (due.length === 0) return;
    // Where connections come and go, most of what nobody holds was closed after its row was read.
    const wanted = due
      .filter(({ isHeld }) => !isHeld)
      .filter(({ cell, sought }, i) => sought !== null || i >= lookupsMax || isThere(cell!));
    await this.#walkEverybody(wanted, residents, nowMs, slice);
    for (const holding of wanted) {
      if (holding.isHeld) continue;
      holding.sought = { firstReadAtMs: holding.sought?.firstReadAtMs ?? nowMs, readAtMs: nowMs };
    }
  }

  /**
   * Until all are found. Who has not run since its last walk can have got nothing but through others that share its fds, so
   * it comes last.
   */
  async #walkEverybody(
    wanted: readonly Holding<Resident>[],
    residents: readonly Resident[],
    nowMs: number,
    slice: TimeSlice,
  ): Promise<void> {
    const namespaces = new Set(wanted.map(({ cell }) => cell!.value.netns));
    const neighbours = residents.filter(({ netns }) => netns !== null && namespaces.has(netns));
    let found = 0;
    for (const resident of this.#idleLast([...neighbours, ...residents])) {
      while (found < wanted.length && wanted[found]!.isHeld) found++;
      if (found === wanted.length) return;
      if (this.#walked.get(resident) === 'all' || resident.isClosed) continue;
      await this.#walk(resident, 'all', nowMs, slice);
    }
  }

  *#idleLast(residents: Iterable<Resident>): Generator<Resident, void> {
    const idle: Resident[] = [];
    for (const resident of residents) {
      if (this.#isIdle(resident)) idle.push(resident);
      else yield resident;
    }
    yield* idle;
  }

  async #walk(resident: Resident, walk: Walk, nowMs: number, slice: TimeSlice): Promise<void> {
    this.walksTotal++;
    this.#walked.set(resident, walk);
    if (walk === 'changes' && (await this.#walkBriefly(resident, slice))) return;
    const { path, held: before } = resident;
    const ranNs = walk === 'all' ? this.#ranNsOf(resident) : null;
    const folder = readPidFolder(path);
    resident.place = folder?.place ?? 0;
    let held: SocketFds = { fds: [], inodes: [] };
    let unread =
      walk === 'all'
        ? await this.#fdReader.readAnew(path, held, slice)
        : await this.#fdReader.readFiles(path, held, slice, recallFds(before, this.#standingOf));
    // Read before the look that tells whether it is still there, an owner's details need none of their own.
    const isNewOwner = resident.process === null && held.inodes.some((inode) => this.#isShown(inode));
    const process = isNewOwner
      ? this.#processes.resolve(path, resident.pid, resident.stat, nowMs, folder?.uid)
      : gone;
    let isSame = this.#isStill(resident);
    if (isSame === 'same' && !isUnread(process)) resident.process = process;
    if (unread === null && isSame === 'renamed') {
      held = { fds: [], inodes: [] };
      unread = await this.#fdReader.readAnew(path, held, slice);
      isSame = this.#isStill(resident);
    }
    resident.isClosed = unread === denied;
    this.#holdings.update(resident, unread === null && isSame === 'same' ? held : nothing);
    resident.walkedFdCount = unread === null || unread === denied ? resident.folder.fdCount : -1;
    if (resident.nextWalkAtMs === 0) resident.firstWalkAtMs = nowMs;
    if (walk === 'changes') return;
    resident.nextWalkAtMs = turnAfter(nowMs, ownerSweepMs, resident.pid);
    resident.ranNs = unread === null && isSame === 'same' ? ranNs : null;
    resident.restedSweeps = 0;
  }

  /**
   * Looks at those fds alone that may have changed. Its folder tells the process from any other, and an exec shows in its
   * name. False where they do not account for all that it has, and it is to be walked after all.
   */
  async #walkBriefly(resident: Resident, slice: TimeSlice): Promise<boolean> {
    const held = await readChangedFds(this.#fdReader, resident, this.#standingOf, slice);
    if (held === null || readPidComm(resident.path) !== resident.stat.comm) return false;
    this.#holdings.update(resident, held);
    resident.walkedFdCount = held.fds.length;
    return true;
  }

  /**
   * Whether a process cannot have exchanged fds, for want of time, since all of them were walked. Counts how often that is
   * taken for granted.
   */
  #hasRested(resident: Resident): boolean {
    if (resident.restedSweeps >= restedSweepsMax || !this.#isIdle(resident)) return false;
    resident.restedSweeps++;
    return true;
  }

  /** Whether it has not run since all of its fds were walked. */
  #isIdle(resident: Resident): boolean {
    return resident.ranNs !== null && resident.ranNs === this.#ranNsOf(resident);
  }

  #ranNsOf({ pid }: Resident): number | null {
    return this.#clock?.read(pid) ?? null;
  }

  /**
   * Whether the pid is still that of the process whose fds were walked. The clock by which processes are told apart ticks
   * slowly, so one that came in the same tick is known by its folder in /proc, which is never another's. Where the kernel
   * has made the folder anew all the same, the process is walked again. A new name may be that of another program, so
   * what was read before goes for neither; from here on it is the one that is there.
   */
  #isStill(resident: Resident): 'same' | 'renamed' | 'gone' {
    const path = processPath(this.#procRoot, resident.pid);
    const { stat, place } = resident;
    const hasPlace = readPlace(resident.path) === place;
    // What has its folder is no other process.
    if (hasPlace && place !== 0 && readPidComm(path) === stat.comm) return 'same';
    const now = readPidStat(path);
    const isThere = hasPlace && !isUnread(now) && now.startTicks === stat.startTicks;
    if (isThere && now.comm === stat.comm) return 'same';
    resident.walkedFdCount = -1;
    if (!isThere) return 'gone';
    resident.stat = now;
    return 'renamed';
  }

  /** How what a process held stands in this scan. */
  readonly #standingOf = (inode: number): Standing => {
    const holding = inode === 0 ? undefined : this.#holdings.get(inode);
    if (holding === undefined) return 'other';
    if (holding.isShown) return holding.isHeldOnce ? 'alone' : 'shared';
    return this.#holdings.isInDoubt(holding) ? 'doubtful' : 'other';
  };

  #isShown(inode: number): boolean {
    return this.#holdings.get(inode)?.isShown === true;
  }

  /** Holders of sockets that got another one besides. */
  #sharers(): Resident[] {
    const sharers = new Set<Resident>();
    for (const holding of this.#holdings.shared) {
      for (const holder of holding.holders()) if (this.#walked.get(holder) !== 'all') sharers.add(holder);
    }
    return [...sharers];
  }

  /** Processes that held a socket which was shown before and is not now: they may hold another instead. */
  #losers(): Resident[] {
    const losers = new Set<Resident>();
    for (const holding of this.#holdings.lost) {
      for (const holder of holding.holders()) if (!this.#walked.has(holder)) losers.add(holder);
    }
    return [...losers];
  }

  /** Details that are read anew are new objects, and so are the owners that have them. */
  *#renewProcesses(residents: readonly Resident[], nowMs: number): Generator<void, void> {
    for (const resident of residents) {
      if (resident.process === null) continue;
      yield;
      const before = resident.process;
      resident.process = this.#resolve(resident, nowMs);
      if (resident.process !== before) this.#holdings.renew(resident);
    }
  }

  /** Details that were just read are those of another process, when that has got the pid since the walk. */
  #resolve(resident: Resident, nowMs: number): Process | null {
    const { path, pid, stat } = resident;
    const process = this.#processes.resolve(path, pid, stat, nowMs);
    if (isUnread(process)) return null;
    return process === resident.process || this.#isStill(resident) === 'same' ? process : null;
  }
}

const nothing: SocketFds = { fds: [], inodes: [] };

/** null for a process that shows no sign of change. */
function walkDue(resident: Resident, nowMs: number): Walk | null {
  if (nowMs >= resident.nextWalkAtMs) return 'all';
  // Of one that is closed to the agent nothing more will be known whatever its count is.
  if (resident.isClosed) return null;
  if (resident.folder.fdCount === 0 || resident.walkedFdCount < 0) return 'all';
  if (resident.folder.fdCount === resident.walkedFdCount) return null;
  return walkForChange(resident, nowMs);
}

function walkForChange({ firstWalkAtMs }: Resident, nowMs: number): Walk {
  return nowMs - firstWalkAtMs < youngMs ? 'all' : 'changes';
}
