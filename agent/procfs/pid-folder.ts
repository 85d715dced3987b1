/**
 * The folder of a process in /proc, told from that of any other by its inode number: the kernel makes one for each process,
 * and gives numbers out in turn. The clock by which processes are told apart otherwise ticks a hundred times a
 * second; within a tick the next process may have the same pid, start and name.
 */
import { statSync } from 'node:fs';
import { isUnread, unreadIfAbsent } from './proc-file.ts';

export interface PidFolder {
  /** The number of its inode. It lasts for as long as the kernel keeps the folder in memory: another one may be of the same process. */
  readonly place: number;
  /**
   * The effective user of the process, also where its files belong to root because it may not be dumped: the kernel keeps to
   * that for folders that everybody may read (task_dump_owner of fs/proc/base.c). Only the kernel's own folder tells it.
   */
  readonly uid: number;
}

/** @param path of a process or a thread. Null where there is none. */
export function readPidFolder(path: string): PidFolder | null {
  const stats = unreadIfAbsent(() => statSync(path));
  return isUnread(stats) ? null : { place: stats.ino, uid: stats.uid };
}

/** 0 where there is no folder. */
export function readPlace(path: string): number {
  return readPidFolder(path)?.place ?? 0;
}
