/** Who is there: every process that can hold sockets, with its identity and its network namespace. */
import { readNetnsInode } from '../procfs/pid-netns.ts';
import { type PidStat, readPidStat } from '../procfs/pid-stat.ts';
import { readPids } from '../procfs/pids.ts';
import { denied, isUnread, processPath, readFolder, type Unread } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';

export interface Inhabitant {
  readonly pid: number;
  /** Folder to read its files from: `/proc/PID`, or that of a thread where the first thread has exited. */
  readonly path: string;
  /** As it was when the census found it; the walk over its files is valid only while startTicks stays. */
  readonly stat: PidStat;
  /** null where the agent may not know. */
  readonly netns: number | null;
}

export interface Census {
  /** By pid, ascending. */
  readonly inhabitants: readonly Inhabitant[];
  /** Everybody was looked for, rather than one process. */
  readonly isWhole: boolean;
  /** Processes of which not even the identity could be read. */
  readonly closed: number;
  /** This /proc leaves out processes of other users: every pid namespace has a pid 1. */
  readonly hidesOthers: boolean;
}

/** Throws when `procRoot` itself cannot be read: then there is nothing to say about any socket. */
export async function takeCensus(
  procRoot: string,
  slice: TimeSlice,
  readNetns: ReadNetns = readAnew,
): Promise<Census> {
  const pids = expectPids(procRoot);
  const inhabitants: Inhabitant[] = [];
  let closed = 0;
  for (const pid of pids) {
    const found = visit(procRoot, pid, readNetns);
    if (found === 'closed') closed++;
    else if (found !== null) inhabitants.push(found);
    if (slice.isUsedUp()) await slice.rest();
  }
  return { isWhole: true, inhabitants, closed, hidesOthers: pids[0] !== 1 };
}

/**
 * Every pid that is shown, ascending, and at least one: a /proc shows its reader. Throws ProcRootError.
 */
export function expectPids(procRoot: string): readonly number[] {
  const pids = readPids(procRoot);
  if (isUnread(pids))
    throw new ProcRootError(procRoot, pids === denied ? 'permission denied' : 'no such folder');
  if (pids.length === 0) throw new ProcRootError(procRoot, 'no process is in it');
  return pids;
}

/** Tells the namespace of a process from its folder. */
export type ReadNetns = (pid: number, path: string, stat: PidStat) => number | Unread;

const readAnew: ReadNetns = (_, path) => readNetnsInode(path);

/** Null for a process that holds no files (kernel threads, zombies) or is gone; `closed` when it cannot be read. */
export function visit(
  procRoot: string,
  pid: number,
  readNetns: ReadNetns = readAnew,
): Inhabitant | null | 'closed' {
  const processFolder = processPath(procRoot, pid);
  const stat = readPidStat(processFolder);
  if (isUnread(stat)) return stat === denied ? 'closed' : null;
  if (stat.isKernelThread) return null;
  const path = stat.state === 'Z' ? livingThread(processFolder, stat) : processFolder;
  if (path === null) return null;
  const netns = readNetns(pid, path, stat);
  if (isUnread(netns)) return netns === denied ? { pid, path, stat, netns: null } : null;
  return { pid, path, stat, netns };
}

/**
 * A process whose first thread has exited shows as a zombie without files, although its other threads run and hold
 * sockets. Their folder shows the same files; null when none of them lives.
 */
function livingThread(processFolder: string, stat: PidStat): string | null {
  if (stat.threads < 2) return null;
  const threads = readFolder(`${processFolder}/task`);
  if (isUnread(threads)) return null;
  for (const thread of threads) {
    const path = `${processFolder}/task/${thread}`;
    const threadStat = readPidStat(path);
    if (!isUnread(threadStat) && threadStat.state !== 'Z') return path;
  }
  return null;
}

/** The root of /proc is not there, not readable, or none. */
export class ProcRootError extends Error {
  override readonly name = 'ProcRootError';

  constructor(procRoot: string, reason: string) {
    super(`cannot read ${procRoot}: ${reason}; name the place of /proc with --procfs`);
  }
}
