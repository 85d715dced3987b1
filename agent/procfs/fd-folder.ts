/**
 * What stat(2) tells of /proc/PID/fd: cheap hints whether a process is the same one, and whether its open files changed.
 *
 * From Linux 6.2 on the size is the number of open fds (proc_readfd_count of fs/proc/fd.c); before, it is 0. The inode
 * is made for one process and never shows another under the same number and time.
 */
import { type Stats, statSync } from 'node:fs';
import { type Unread, unreadIfAbsent } from './proc-file.ts';

export interface FdFolder {
  readonly inode: number;
  readonly madeAtMs: number;
  /** 0 where the kernel does not tell, and for a process whose first thread has exited. */
  readonly fdCount: number;
}

/** @param path folder of the process. Needs no right to list the folder. */
export function readFdFolder(path: string): FdFolder | Unread {
  return unreadIfAbsent(() => fdFolderOf(statSync(`${path}/fd`)));
}

/** @param stats of the folder */
export function fdFolderOf({ ino, ctimeMs, size }: Stats): FdFolder {
  return { inode: ino, madeAtMs: ctimeMs, fdCount: size };
}

export function isSameFolder(a: FdFolder, b: FdFolder): boolean {
  return a.inode === b.inode && a.madeAtMs === b.madeAtMs;
}
