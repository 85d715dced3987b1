/**
 * /proc/PID/fd: one link per open file; a socket shows as `socket:[INODE]`.
 *
 * Reading every link of every process is most of what a scan costs, about 5 µs per fd, nearly all of it the kernel's.
 * There are two readers: one through Node's fs, which always works, and one through libc, a quarter cheaper
 * and without a string per fd.
 */
import { denied, isUnread, readFolder, readLink, type Unread } from './proc-file.ts';
import type { TimeSlice } from './time-slice.ts';

/** The sockets that one process holds, as pairs of equal index. Reused from process to process. */
export interface SocketFds {
  readonly fds: number[];
  readonly inodes: number[];
}

export interface FdReader {
  /**
   * Adds every socket of a process to `found`; an fd that is closed meanwhile is passed over. `denied` when the folder
   * or its links are closed to the agent, `gone` when the process is, null when all were read.
   *
   * @param path folder of the process or thread
   */
  readSockets(path: string, found: SocketFds, slice: TimeSlice): Promise<Unread | null>;
}

/** How many links are read between two looks at the clock. */
const linksPerLook = 64;

const socketPrefix = 'socket:[';

export class NodeFdReader implements FdReader {
  async readSockets(path: string, found: SocketFds, slice: TimeSlice): Promise<Unread | null> {
    const names = readFolder(`${path}/fd`);
    if (isUnread(names)) return names;
    for (const [i, name] of names.entries()) {
      if (i % linksPerLook === 0 && slice.isUsedUp()) await slice.rest();
      const link = readLink(`${path}/fd/${name}`);
      if (link === denied) return denied;
      const inode = isUnread(link) ? 0 : parseSocketLink(link);
      if (inode === 0) continue;
      found.fds.push(Number(name));
      found.inodes.push(inode);
    }
    return null;
  }
}

/** `socket:[2305224138]` → 2305224138; 0 for the link of any other file. */
export function parseSocketLink(link: string): number {
  if (!link.startsWith(socketPrefix)) return 0;
  const inode = Number(link.slice(socketPrefix.length, -1));
  return Number.isSafeInteger(inode) && inode > 0 ? inode : 0;
}
