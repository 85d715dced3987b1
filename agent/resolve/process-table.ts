/** What is known of the processes that hold sockets: read once, kept across scans, dropped when they are gone. */
import { type Process, processKey } from '../../model/process.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { readCgroup } from '../procfs/pid-cgroup.ts';
import { readCmdline } from '../procfs/pid-cmdline.ts';
import { readExe } from '../procfs/pid-exe.ts';
import { type PidStat, readPidStat } from '../procfs/pid-stat.ts';
import { readUid } from '../procfs/pid-status.ts';
import { isUnread, orElse, processPath, threadPath, type Unread } from '../procfs/proc-file.ts';
import { AlikeDetails } from './alike-details.ts';
import type { ContainerNameTable, NameProblems } from './container-names.ts';
import { type ProcessDetails, unknownDetails } from './process-details.ts';
import type { CmdlineMode } from './redact-cmdline.ts';
import { isRefreshTurn, type Reading, refreshIntervalMaxMs } from './refresh.ts';
import type { UserNames } from './user-names.ts';

/** How many processes are remembered; the details of any further one are read anew in every scan. */
export const rememberedProcessesMax = 65_536;

interface Remembered extends Reading {
  readonly process: Process;
  /** What it was made of, where that did not come from /proc. */
  readonly details: ProcessDetails | null;
  /** Number of the last scan that asked for it. */
  scan: number;
}

/** What a process is without its files in /proc. */
type Identity = Pick<Process, 'pid' | 'startTicks' | 'comm' | 'uid'>;

interface ReadIdentity {
  readonly pid: number;
  readonly stat: PidStat;
  readonly uid: number | Unread;
}

/** A process as something other than /proc has seen it. */
export interface SeenProcess extends Identity {
  /** A thread that has files: pid, or another one where the first thread has exited. */
  readonly tid: number;
}

export class ProcessTable {
  readonly #users: UserNames;
  readonly #alike: AlikeDetails;
  readonly #containers: ContainerNameTable;
  readonly #remembered = new Map<string, Remembered>();
  #scan = 0;
  /** Whether one of those that were asked for in this scan is soon to be read again: it has not been as it is for long. */
  hasYoung = false;
  /** Readings that found no room, since the start. */
  unrememberedTotal = 0;

  constructor(users: UserNames, cmdline: CmdlineMode, containers: ContainerNameTable) {
    this.#users = users;
    this.#alike = new AlikeDetails(cmdline);
    this.#containers = containers;
  }

  get size(): number {
    return this.#remembered.size;
  }

  get tables(): readonly BoundedTable[] {
    const { size, unrememberedTotal: refusedTotal } = this;
    return [
      { name: 'processes', size, limit: rememberedProcessesMax, refusedTotal },
      this.#alike.table,
      ...this.#containers.tables,
    ];
  }

  get nameProblems(): NameProblems {
    return this.#containers.problems;
  }

  /**
   * Details of a process. The same object as before while nothing about it changed, so that scans compare by identity.
   * A new comm under an old identity is an exec: everything is read again.
   *
   * @param uid of the process, where it was just read
   */
  resolve(path: string, pid: number, stat: PidStat, nowMs: number, uid?: number): Process | Unread {
    const key = processKey({ pid, startTicks: stat.startTicks });
    const known = this.#remembered.get(key);
    if (known !== undefined && known.process.comm === stat.comm && !isRefreshTurn(known, nowMs, pid)) {
      known.scan = this.#scan;
      return known.process;
    }
    const read = this.#read(path, { pid, stat, uid: uid ?? readUid(path) }, nowMs);
    if (isUnread(read)) return read;
    return this.#renew(key, known, read, nowMs);
  }

  /**
   * Details of a process that something other than /proc has seen. What is not known of it otherwise, /proc is asked for;
   * what that does not tell, because it may not or the process is gone, is unknown; the process is there all the same.
   *
   * @param details null = ask /proc
   */
  resolveSeen(procRoot: string, seen: SeenProcess, details: ProcessDetails | null, nowMs: number): Process {
    const key = processKey(seen);
    const known = this.#remembered.get(key);
    const isAsKnown = known?.process.comm === seen.comm && known.process.uid === seen.uid;
    const isFresh =
      known !== undefined && known.details === details && !isRefreshTurn(known, nowMs, seen.pid);
    if (isAsKnown && isFresh) {
      known.scan = this.#scan;
      this.hasYoung ||= isYoung(known);
      return known.process;
    }
    const read =
      details === null
        ? this.#readSeen(procRoot, seen, isAsKnown ? known.process : undefined, nowMs)
        : this.#describe(seen, details, nowMs);
    return this.#renew(key, known, read, nowMs, details);
  }

  /** Ends a scan: forgets every process that was not asked for during it. */
  expire(): void {
    for (const [key, { scan }] of this.#remembered) if (scan !== this.#scan) this.#remembered.delete(key);
    this.#scan++;
    this.hasYoung = false;
  }

  /** The known object, unless something about it changed. */
  #renew(
    key: string,
    known: Remembered | undefined,
    read: Process,
    nowMs: number,
    details: ProcessDetails | null = null,
  ): Process {
    const process = known !== undefined && isSameProcess(known.process, read) ? known.process : read;
    const remembered: Remembered = {
      process,
      details,
      firstReadAtMs: process === known?.process ? known.firstReadAtMs : nowMs,
      readAtMs: nowMs,
      scan: this.#scan,
    };
    this.hasYoung ||= isYoung(remembered);
    this.#remember(key, remembered);
    return process;
  }

  #remember(key: string, entry: Remembered): void {
    if (this.#remembered.size >= rememberedProcessesMax && !this.#remembered.has(key))
      this.unrememberedTotal++;
    else this.#remembered.set(key, entry);
  }

  #read(path: string, { pid, stat, uid }: ReadIdentity, nowMs: number): Process | Unread {
    if (isUnread(uid)) return uid;
    const { startTicks, comm } = stat;
    return this.#describe({ pid, startTicks, comm, uid }, this.#readDetails(path), nowMs);
  }

  /** @param before what is known of it, and stays so when it has gone away meanwhile */
  #readSeen(procRoot: string, seen: SeenProcess, before: Process | undefined, nowMs: number): Process {
    const { pid, tid, startTicks } = seen;
    const details = this.#readDetails(threadPath(procRoot, pid, tid));
    const stat = readPidStat(processPath(procRoot, pid));
    const isThere = !isUnread(stat) && stat.startTicks === startTicks;
    if (isThere) return this.#describe(seen, details, nowMs);
    return before ?? this.#describe(seen, unknownDetails, nowMs);
  }

  #readDetails(path: string): ProcessDetails {
    const exe = orElse(readExe(path), null);
    const args = orElse(readCmdline(path), []);
    const cgroups = orElse(readCgroup(path), []);
    return this.#alike.describe({ exe, args, cgroups });
  }

  #describe({ pid, startTicks, comm, uid }: Identity, details: ProcessDetails, nowMs: number): Process {
    const { exe, cmdline, program, placement } = details;
    const user = this.#users.nameOf(uid);
    const container = this.#containers.identify(placement, nowMs);
    return { pid, startTicks, comm, exe, cmdline, program, uid, user, unit: placement.unit, ...container };
  }
}

function isYoung({ firstReadAtMs, readAtMs }: Reading): boolean {
  return readAtMs - firstReadAtMs < refreshIntervalMaxMs;
}

/** Every field of a process is a plain value. */
function isSameProcess(a: Process, b: Process): boolean {
  return (Object.keys(a) as (keyof Process)[]).every((key) => a[key] === b[key]);
}
