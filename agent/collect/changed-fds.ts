/**
 * What a process holds after some of its sockets came or went, told with as few looks at links as can be. What it had before
 * stands as follows:
 *
 *     alone      a socket that is still shown, and nobody else's: it is believed
 *     shared     still shown, with other holders or fds: the process may have given its own up
 *     doubtful   a socket that is not shown any more, or was not yet: another file may have its number
 *     other      whatever is never shown (files, pipes, local sockets): read again where it is little, else believed until the
 *                next sweep. A new socket that nobody seems to hold is looked for everywhere.
 */
import { isSameFolder } from '../procfs/fd-folder.ts';
import {
  closedFd,
  type LibcFdReader,
  type Recall,
  type SomeFds,
  unknownFile,
} from '../procfs/libc-fd-reader.ts';
import { nextFds } from '../procfs/next-fds.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import { isUnread } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { Resident } from './roster.ts';

/** How many fds are listed in the time in which the link of one is read. */
const rereadGain = 4;

/** So many other files have their links read again; where there are more, none. */
export const othersReadMax = 64;

export type Standing = 'alone' | 'shared' | 'doubtful' | 'other';

/** @param inode of what a process held; 0 = no socket */
export type StandingOf = (inode: number) => Standing;

/**
 * By the links of those that are not believed, and by the numbers that the kernel gives out next, without a list of all. Null
 * where that does not account for all that it has, would not be cheaper than a list, or the pid is another process's than the
 * roster has seen in this scan.
 */
export async function readChangedFds(
  reader: Pick<LibcFdReader, 'readSome'>,
  { path, held, folder }: Pick<Resident, 'path' | 'held' | 'folder'>,
  standingOf: StandingOf,
  slice: TimeSlice,
): Promise<SocketFds | null> {
  const { fdCount } = folder;
  const standings = standingsOf(held, standingOf);
  const doubtful = held.fds.filter((_, i) => standings[i] !== 'alone');
  if (doubtful.length * rereadGain > held.fds.length) return null;
  const openCount = fdCount - (held.fds.length - doubtful.length);
  const read = await reader.readSome(path, doubtful, nextFds(held.fds), openCount, slice);
  if (isUnread(read) || !isSameFolder(read.folder, folder)) return null;
  const now = merged(held, doubtful, read);
  return now.fds.length === fdCount ? now : null;
}

/** For a list of all of its fds: what they were, as far as that is believed. */
export function recallFds(held: SocketFds, standingOf: StandingOf): Recall {
  const { fds, inodes } = held;
  const standings = standingsOf(held, standingOf);
  let at = 0;
  return (fd) => {
    while (at < fds.length && fds[at]! < fd) at++;
    if (at === fds.length || fds[at] !== fd) return unknownFile;
    const isBelieved = standings[at] === 'alone' || standings[at] === 'shared';
    return isBelieved ? inodes[at]! : unknownFile;
  };
}

/** By fd. Others that are believed stand as sockets do that are. */
function standingsOf({ inodes }: SocketFds, standingOf: StandingOf): Standing[] {
  const standings = inodes.map(standingOf);
  const others = standings.reduce((count, standing) => (standing === 'other' ? count + 1 : count), 0);
  if (others <= othersReadMax) return standings;
  return standings.map((standing) => (standing === 'other' ? 'alone' : standing));
}

/** What it has now, all in ascending order. */
function merged(before: SocketFds, doubtful: readonly number[], { inodes, further }: SomeFds): SocketFds {
  const now: SocketFds = { fds: [], inodes: [] };
  let [read, found] = [0, 0];
  for (let i = 0; i < before.fds.length; i++) {
    const fd = before.fds[i]!;
    while (found < further.fds.length && further.fds[found]! < fd) putFrom(further, found++, now);
    const isRead = read < doubtful.length && doubtful[read] === fd;
    const inode = isRead ? inodes[read++]! : before.inodes[i]!;
    if (inode !== closedFd) put(fd, inode, now);
  }
  while (found < further.fds.length) putFrom(further, found++, now);
  return now;
}

function putFrom({ fds, inodes }: SocketFds, i: number, into: SocketFds): void {
  put(fds[i]!, inodes[i]!, into);
}

function put(fd: number, inode: number, { fds, inodes }: SocketFds): void {
  fds.push(fd);
  inodes.push(inode);
}
