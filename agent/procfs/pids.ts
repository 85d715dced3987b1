/** The process folders of /proc, and the link by which a reader of /proc names itself. */
import { existsSync } from 'node:fs';
import { isUnread, processPath, readFolder, readLink, type Unread } from './proc-file.ts';

/** Every pid that this /proc shows, ascending. With hidepid=2 the kernel leaves out the processes of other users. */
export function readPids(procRoot: string): number[] | Unread {
  const names = readFolder(procRoot);
  if (isUnread(names)) return names;
  const pids: number[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first >= 0x31 && first <= 0x39) pids.push(Number(name));
  }
  return pids.sort((a, b) => a - b);
}

/** Whether this /proc shows the process. Every pid namespace has a pid 1, which hidepid=2 leaves out for other users. */
export function isShown(procRoot: string, pid: number): boolean {
  return existsSync(processPath(procRoot, pid));
}

/** Pid of the reader as this /proc numbers it; null when the reader is not in its pid namespace. */
export function readSelf(procRoot: string): number | null {
  const link = readLink(`${procRoot}/self`);
  return isUnread(link) || !/^[1-9][0-9]*$/.test(link) ? null : Number(link);
}
