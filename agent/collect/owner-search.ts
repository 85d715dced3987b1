/**
 * Keeps the owners of sockets up to date without walking the fds of every process in every scan. A process is walked
 *
 *     always   when it is new, and when the number of its fds changed or is not told
 *     now and  every ownerSweepMs, because fds can be exchanged without changing their number
 *     if need  while a row has an inode that nobody known holds: first the processes of which a socket vanished, then
 *              those of the row's namespace, then all others
 */
import type { Owner, Process } from '../../model/process.ts';
import type { FdReader, SocketFds } from '../procfs/pid-fd.ts';
import { readPidStat } from '../procfs/pid-stat.ts';
import { denied, isUnread, processPath } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { type Holding, Holdings } from '../resolve/holdings.ts';
import type { ProcessTable } from '../resolve/process-table.ts';
import { isRefreshDue } from '../resolve/refresh.ts';
import type { Resident } from './roster.ts';

/** How old the last walk over the fds of a process may be. */
export const ownerSweepMs = 30_000;

/** What is looked for in one scan: inodes without a known owner, by namespace of their rows. */
type Wanted = Map<Holding<Resident>, number>;

export class OwnerSearch {
  readonly #procRoot: string;
  readonly #processes: ProcessTable;
  readonly #fdReader: FdReader;
  readonly #holdings = new Holdings<Resident>();
  readonly #wanted: Wanted = new Map();
  #scan = 1;
  /** Processes walked in this scan. */
  readonly #walked = new Set<Resident>();
  /** Walks over the fds of a process, since the start. */
  walksTotal = 0;

  constructor(procRoot: string, processes: ProcessTable, fdReader: FdReader) {
    this.#procRoot = procRoot;
    this.#processes = processes;
    this.#fdReader = fdReader;
  }

  /** The holding of a row's inode; null for a row that has none. */
  holdingOf(inode: number): Holding<Resident> | null {
    return inode === 0 ? null : this.#holdings.of(inode);
  }

  /** Says that a row of this scan has the inode. */
  show(holding: Holding<Resident>, netns: number): void {
    holding.shownIn = this.#scan;
    if (holding.claims.length === 0) this.#wanted.set(holding, netns);
  }

  /** Begins a scan. @param departed processes that are no more */
  begin(departed: readonly Resident[]): void {
    this.#walked.clear();
    this.#wanted.clear();
    for (const resident of departed) this.#holdings.update(resident, nothing);
  }

  /** Walks whom it has to; afterwards ownersOf tells. @param nowMs on a monotonic clock */
  async search(residents: readonly Resident[], nowMs: number, slice: TimeSlice): Promise<void> {
    this.#dropKnownOwnerless(nowMs);
    for (const resident of residents)
      if (isWalkDue(resident, nowMs)) await this.#walk(resident, nowMs, slice);
    if (this.#wanted.size > 0) await this.#searchWanted(residents, nowMs, slice);
    for (const holding of this.#wanted.keys()) {
      holding.sought = { firstReadAtMs: holding.sought?.firstReadAtMs ?? nowMs, readAtMs: nowMs };
    }
    this.#renewProcesses(residents, nowMs);
  }

  /** By pid, ascending. The same array as before while nothing about it changed. */
  ownersOf(holding: Holding<Resident>, nowMs: number): readonly Owner[] {
    return this.#holdings.ownersOf(holding, (resident) => {
      // One look per scan, however many sockets it holds: those who have details were renewed by search.
      resident.process ??= this.#resolve(resident, nowMs);
      return resident.process;
    });
  }

  /** Ends the scan. */
  expire(): void {
    this.#holdings.expire(this.#scan);
    this.#scan++;
  }

  /** Whoever holds what nobody was found for is looked for again after a while only. */
  #dropKnownOwnerless(nowMs: number): void {
    for (const holding of this.#wanted.keys()) {
      if (holding.sought !== null && !isRefreshDue(holding.sought, nowMs)) this.#wanted.delete(holding);
    }
  }

  async #searchWanted(residents: readonly Resident[], nowMs: number, slice: TimeSlice): Promise<void> {
    for (const resident of this.#losers()) await this.#walk(resident, nowMs, slice);
    const namespaces = new Set(this.#wanted.values());
    const neighbours = residents.filter(({ netns }) => netns !== null && namespaces.has(netns));
    for (const group of [neighbours, residents]) {
      for (const resident of group) {
        if (this.#wanted.size === 0) return;
        if (this.#walked.has(resident) || resident.isClosed) continue;
        await this.#walk(resident, nowMs, slice);
      }
    }
  }

  /** Processes that held a socket which the last scan showed and this one does not: they may hold another instead. */
  #losers(): Resident[] {
    const losers = new Set<Resident>();
    for (const { claims, shownIn } of this.#holdings.all()) {
      if (shownIn !== this.#scan - 1) continue;
      for (const { holder } of claims) if (!this.#walked.has(holder)) losers.add(holder);
    }
    return [...losers];
  }

  async #walk(resident: Resident, nowMs: number, slice: TimeSlice): Promise<void> {
    const held: SocketFds = { fds: [], inodes: [] };
    this.walksTotal++;
    this.#walked.add(resident);
    const unread = await this.#fdReader.readSockets(resident.path, held, slice);
    resident.isClosed = unread === denied;
    const after = readPidStat(processPath(this.#procRoot, resident.pid));
    const isSame = !isUnread(after) && after.startTicks === resident.stat.startTicks;
    this.#holdings.update(resident, unread === null && isSame ? held : nothing);
    for (const inode of resident.held.inodes) this.#wanted.delete(this.#holdings.of(inode));
    resident.walkedFdCount = unread === null || unread === denied ? resident.fdCount : -1;
    resident.nextWalkAtMs = nowMs + (resident.nextWalkAtMs === 0 ? firstSweepMs(resident.pid) : ownerSweepMs);
  }

  /** Details that are read anew are new objects, and so are the owners that have them. */
  #renewProcesses(residents: readonly Resident[], nowMs: number): void {
    for (const resident of residents) {
      if (resident.process === null) continue;
      const before = resident.process;
      resident.process = this.#resolve(resident, nowMs);
      if (resident.process !== before) this.#holdings.renew(resident);
    }
  }

  #resolve({ path, pid, stat }: Resident, nowMs: number): Process | null {
    const process = this.#processes.resolve(path, pid, stat, nowMs);
    return isUnread(process) ? null : process;
  }
}

const nothing: SocketFds = { fds: [], inodes: [] };

/** A process that is closed to the agent has no count to go by, since nothing of what is behind it can be read. */
function isWalkDue(resident: Resident, nowMs: number): boolean {
  if (nowMs >= resident.nextWalkAtMs) return true;
  if (resident.isClosed) return false;
  return resident.fdCount === 0 || resident.fdCount !== resident.walkedFdCount;
}

/** Processes that were first walked together are swept one after the other. The factor spreads neighbouring pids. */
function firstSweepMs(pid: number): number {
  return ownerSweepMs * ((pid * 0.6180339887) % 1);
}
