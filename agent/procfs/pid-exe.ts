/** /proc/PID/exe: link to the executable. */
import { isUnread, readLink, type Unread } from './proc-file.ts';

/** What the kernel appends to the path of an unlinked file (d_path), for instance while a package is upgraded. */
const deletedSuffix = ' (deleted)';

/** Path in the process's own mount namespace. `gone` for kernel threads, which have none. */
export function readExe(path: string): string | Unread {
  const link = readLink(`${path}/exe`);
  return isUnread(link) ? link : parseExe(link);
}

export function parseExe(link: string): string {
  return link.endsWith(deletedSuffix) ? link.slice(0, -deletedSuffix.length) : link;
}
