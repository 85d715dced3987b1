/** A wrong --procfs is a mistake on the command line, found before anything is scanned or served. */
import { readPids } from '../agent/procfs/pids.ts';
import { denied, isUnread } from '../agent/procfs/proc-file.ts';
import { usageFailure } from './exit.ts';
import { plainText } from './format/plain-text.ts';

/** Throws a usage failure unless processes are seen at `procRoot`. */
export function requireProcfs(procRoot: string): void {
  const pids = readPids(procRoot);
  if (!isUnread(pids) && pids.length > 0) return;
  const reason = isUnread(pids)
    ? pids === denied
      ? 'may not be read'
      : 'no such folder'
    : 'no process is in it';
  throw usageFailure(`--procfs ${plainText(procRoot)}: ${reason}; name the folder where proc is mounted`);
}
