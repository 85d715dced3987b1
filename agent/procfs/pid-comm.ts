/** /proc/PID/comm: the name of a process as in /proc/PID/stat, for a third of the time. */
import { isUnread, readRecordFile, type Unread } from './proc-file.ts';

/** @param path folder of the process or thread */
export function readPidComm(path: string): string | Unread {
  const bytes = readRecordFile(`${path}/comm`);
  // A name may hold line ends; the last one is the file's.
  return isUnread(bytes) ? bytes : bytes.toString('utf8', 0, bytes.length - 1);
}
