/** /proc/PID/fd: one link per open file; a socket shows as `socket:[INODE]`. */
import { isUnread, readFolder, readLink, type Unread } from './proc-file.ts';

const socketPrefix = 'socket:[';

/** Numbers of the open fds, as text and in the kernel's order: the text is what a path needs. */
export function readFds(path: string): string[] | Unread {
  return readFolder(`${path}/fd`);
}

/** Inode of the socket behind one fd, 0 when the file is no socket. */
export function readSocketInode(path: string, fd: string): number | Unread {
  const link = readLink(`${path}/fd/${fd}`);
  return isUnread(link) ? link : parseSocketLink(link);
}

/** `socket:[2305224138]` → 2305224138; 0 for the link of any other file. */
export function parseSocketLink(link: string): number {
  if (!link.startsWith(socketPrefix)) return 0;
  const inode = Number(link.slice(socketPrefix.length, -1));
  return Number.isSafeInteger(inode) ? inode : 0;
}
