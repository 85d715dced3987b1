/** /proc/PID/cmdline: arguments, each ended by a NUL byte. */
import { isUnread, readProcFile, type Unread } from './proc-file.ts';

/** How much of a command line is read; what lies beyond is cut. */
export const cmdlineBytesMax = 4096;

/** Empty for kernel threads and zombies. */
export function readCmdline(path: string): string[] | Unread {
  const bytes = readProcFile(`${path}/cmdline`, cmdlineBytesMax);
  return isUnread(bytes) ? bytes : parseCmdline(bytes);
}

/** A process that rewrote its title may show one argument with spaces, and any number of NUL bytes after it. */
export function parseCmdline(bytes: Buffer): string[] {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end === 0 ? [] : bytes.toString('utf8', 0, end).split('\0');
}
