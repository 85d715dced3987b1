/** Opens the eBPF programs, and shows that they tell of this /proc's processes before anybody relies on it. */
import type { BpfCalls } from '../bpf/bpf-calls.ts';
import { ConnectionWalk } from '../bpf/connection-walk.ts';
import { readKernelLayout } from '../bpf/kernel-layout.ts';
import { SocketScan } from '../bpf/socket-scan.ts';
import { TaskTable } from '../bpf/task-table.ts';
import { readPidStat } from '../procfs/pid-stat.ts';
import { readPidDepth } from '../procfs/pid-status.ts';
import { readSelf } from '../procfs/pids.ts';
import { isUnread, processPath } from '../procfs/proc-file.ts';
import { asUnavailable, EbpfUnavailableError } from './ebpf-unavailable.ts';

export interface EbpfPrograms {
  readonly scan: SocketScan;
  readonly walk: ConnectionWalk;
  /** Pid of the agent. */
  readonly self: number;
}

/** Throws EbpfUnavailableError. */
export async function openEbpfPrograms(procRoot: string, calls: BpfCalls): Promise<EbpfPrograms> {
  const self = expectOwnProc(procRoot);
  const opened: { close(): void }[] = [];
  try {
    const kernel = readKernelLayout();
    const scan = await SocketScan.open(calls, kernel);
    opened.push(scan);
    await expectSelf(scan, procRoot, self);
    const walk = ConnectionWalk.open(calls, kernel);
    return { scan, walk, self };
  } catch (error) {
    for (const one of opened) one.close();
    throw asUnavailable(error);
  }
}

/**
 * An iterator shows the pid namespace of its reader, a /proc that of its mount. Where these are two, pids of the one
 * mean nothing in the other, and most of what /proc shows is out of the iterator's reach.
 *
 * @returns pid of the agent
 */
function expectOwnProc(procRoot: string): number {
  const self = readSelf(procRoot);
  if (self !== null && readPidDepth(processPath(procRoot, self)) === 1) return self;
  const reason = `${procRoot} is not of the agent's own pid namespace, which is all that eBPF shows`;
  throw new EbpfUnavailableError('pids', reason);
}

/** The start of a process is how all collectors know it again, so it has to be the same by every way of looking. */
async function expectSelf(scan: SocketScan, procRoot: string, self: number): Promise<void> {
  const stat = readPidStat(processPath(procRoot, self));
  const tasks = new TaskTable((await scan.run()).tasks);
  const index = Array.from({ length: tasks.length }, (_, i) => i).find((i) => tasks.pid(i) === self);
  if (!isUnread(stat) && index !== undefined && tasks.task(index).startTicks === stat.startTicks) return;
  const reason = `the kernel's tasks do not match ${procRoot}: the agent is not where it should be among them`;
  throw new EbpfUnavailableError('pids', reason);
}
