/** Whether /proc is that of the agent's own pid namespace: what the kernel tells elsewhere is numbered as that one counts. */
import { readPidDepth } from '../procfs/pid-status.ts';
import { readSelf } from '../procfs/pids.ts';
import { processPath } from '../procfs/proc-file.ts';
import { EbpfUnavailableError } from './ebpf-unavailable.ts';

/**
 * An iterator shows the pid namespace of its reader, a /proc that of its mount. Where these are two, pids of the one
 * mean nothing in the other, and most of what /proc shows is out of the iterator's reach. Throws EbpfUnavailableError.
 *
 * @returns pid of the agent
 */
export function expectOwnProc(procRoot: string): number {
  const self = readOwnPid(procRoot);
  if (self !== null) return self;
  const reason = `${procRoot} is not of the agent's own pid namespace, which is all that eBPF shows`;
  throw new EbpfUnavailableError('pids', reason);
}

/** Pid of the agent; null where /proc is not of its pid namespace. */
export function readOwnPid(procRoot: string): number | null {
  const self = readSelf(procRoot);
  return self !== null && readPidDepth(processPath(procRoot, self)) === 1 ? self : null;
}
