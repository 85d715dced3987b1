/** /proc/PID/ns/net: the network namespace of a process, as `net:[INODE]`. See namespaces(7). */
import { gone, isUnread, readLink, type Unread } from './proc-file.ts';

/** `gone` also for a zombie, which has left its namespaces. */
export function readNetnsInode(path: string): number | Unread {
  const link = readLink(`${path}/ns/net`);
  return isUnread(link) ? link : (parseNetnsLink(link) ?? gone);
}

export function parseNetnsLink(link: string): number | null {
  const match = /^net:\[(\d{1,15})\]$/.exec(link);
  return match === null ? null : Number(match[1]);
}
