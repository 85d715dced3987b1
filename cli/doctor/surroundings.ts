/** Reads in which namespaces this program is. */
import { networkInterfaces } from 'node:os';
import { readNetnsInode } from '../../agent/procfs/pid-netns.ts';
import { readPidDepth } from '../../agent/procfs/pid-status.ts';
import { readSelf } from '../../agent/procfs/pids.ts';
import { denied, isUnread, processPath, readLink } from '../../agent/procfs/proc-file.ts';
import type { Surroundings } from './findings.ts';

/** PROC_PID_INIT_INO of include/linux/proc_ns.h, as the link /proc/PID/ns/pid has it. */
const machinePidNamespace = 'pid:[4026531836]';

export function readSurroundings(procRoot: string): Surroundings {
  return {
    pidNamespace: pidNamespaceOf(procRoot),
    isNetworkOfFirst: isNetworkOfFirst(procRoot),
    isLoopbackUp: isLoopbackUp(),
  };
}

function pidNamespaceOf(procRoot: string): Surroundings['pidNamespace'] {
  const self = readSelf(procRoot);
  if (self === null || readPidDepth(processPath(procRoot, self)) !== 1) return 'not of /proc';
  return readLink(`${procRoot}/self/ns/pid`) === machinePidNamespace ? 'machine' : 'own';
}

function isNetworkOfFirst(procRoot: string): boolean | null {
  const [own, first] = [readNetnsInode(`${procRoot}/self`), readNetnsInode(processPath(procRoot, 1))];
  if (own === denied || first === denied || isUnread(own) || isUnread(first)) return null;
  return own === first;
}

function isLoopbackUp(): boolean {
  try {
    return Object.values(networkInterfaces()).some((entries) => entries?.some(({ internal }) => internal));
  } catch {
    // Without netlink nobody can tell; the server's own answer does.
    return true;
  }
}
