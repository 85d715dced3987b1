/** /proc/PID/status: the user that a process acts as. Layout: Documentation/filesystems/proc.rst, table 1-2. */
import { gone, isUnread, readProcFile, type Unread } from './proc-file.ts';

/** Effective user id. */
export function readUid(path: string): number | Unread {
  const bytes = readProcFile(`${path}/status`);
  return isUnread(bytes) ? bytes : (parseUid(bytes.toString('latin1')) ?? gone);
}

/** The second of `Uid:` real, effective, saved, file system; null when the line is missing. */
export function parseUid(text: string): number | null {
  const match = /^Uid:\t\d+\t(\d+)/m.exec(text);
  return match === null ? null : Number(match[1]);
}
