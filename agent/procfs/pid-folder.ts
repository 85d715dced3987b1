/**
 * The folder of a process in /proc, told from that of any other by its inode number: the kernel makes one for each process,
 * and gives numbers out in turn. The clock by which processes are told apart otherwise ticks a hundred times a
 * second; within a tick the next process may have the same pid, start and name.
 */
import { statSync } from 'node:fs';
import { isUnread, unreadIfAbsent } from './proc-file.ts';

/**
 * The number lasts for as long as the kernel keeps the folder in memory: another one may be of the same process.
 *
 * @param path of a process or a thread
 * @returns 0 where there is none
 */
export function readPlace(path: string): number {
  const place = unreadIfAbsent(() => statSync(path).ino);
  return isUnread(place) ? 0 : place;
}
