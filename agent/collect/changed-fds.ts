/**
 * What a process holds after some of its sockets came or went, read without a list of all its fds:
 *
 *     believed   fds whose socket is still shown, and nobody else's
 *     read       the links of the others that it had
 *     guessed    the numbers that the kernel gives out next, as far as it has more
 *
 * As many have to be open as the kernel counts; where they are not, everything is listed.
 */
import { isSameFolder } from '../procfs/fd-folder.ts';
import { closedFd, type LibcFdReader, type SomeFds } from '../procfs/libc-fd-reader.ts';
import { nextFds } from '../procfs/next-fds.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import { isUnread } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { Resident } from './roster.ts';

/** How many fds are listed in the time in which the link of one is read. */
const rereadGain = 4;

/**
 * Null where that does not account for all that it has, would not be cheaper than a list, or the pid is another process's
 * than the roster has seen in this scan.
 *
 * @param isHeldAlone whether a socket is still shown, so that the one process that held it does so still
 */
export async function readChangedFds(
  reader: LibcFdReader,
  { path, held, folder }: Resident,
  isHeldAlone: (inode: number) => boolean,
  slice: TimeSlice,
): Promise<SocketFds | null> {
  const { fdCount } = folder;
  const doubtful = held.fds.filter((_, i) => !isHeldAlone(held.inodes[i]!));
  if (doubtful.length * rereadGain > held.fds.length) return null;
  const openCount = fdCount - (held.fds.length - doubtful.length);
  const read = await reader.readSome(path, doubtful, nextFds(held.fds), openCount, slice);
  if (isUnread(read) || !isSameFolder(read.folder, folder)) return null;
  const now = merged(held, doubtful, read);
  return now.fds.length === fdCount ? now : null;
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
