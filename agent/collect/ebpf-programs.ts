/** Opens the eBPF programs, and shows that they tell of this /proc's processes before anybody relies on it. */
import type { BpfCalls } from '../bpf/bpf-calls.ts';
import { ConnectionWalk } from '../bpf/connection-walk.ts';
import { openFileScan } from '../bpf/file-scan.ts';
import { readBasicLayout, readKernelLayout } from '../bpf/kernel-layout.ts';
import { SocketScan } from '../bpf/socket-scan.ts';
import { TaskTable } from '../bpf/task-table.ts';
import { readPidStat } from '../procfs/pid-stat.ts';
import { isUnread, processPath } from '../procfs/proc-file.ts';
import { asUnavailable, EbpfUnavailableError } from './ebpf-unavailable.ts';
import { expectOwnProc } from './own-proc.ts';
import type { RungName } from './source.ts';

/** Which programs: those of socket-scan.ts with the walk over connections, or those of file-scan.ts for older kernels. */
export type EbpfKind = Extract<RungName, 'ebpf' | 'ebpf-files'>;

export interface EbpfPrograms {
  readonly kind: EbpfKind;
  readonly scan: SocketScan;
  readonly walk: Pick<ConnectionWalk, 'run' | 'close'>;
  /** Pid of the agent. */
  readonly self: number;
}

/** Throws EbpfUnavailableError. */
export async function openEbpfPrograms(
  procRoot: string,
  calls: BpfCalls,
  kind: EbpfKind,
): Promise<EbpfPrograms> {
  const self = expectOwnProc(procRoot);
  const opened: { close(): void }[] = [];
  const open = <T extends { close(): void }>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    if (kind === 'ebpf-files') {
      const scan = open(await openFileScan(calls, readBasicLayout()));
      await expectSelf(scan, procRoot, self);
      return { kind, scan, walk: noWalk, self };
    }
    const kernel = readKernelLayout();
    const scan = open(await SocketScan.open(calls, kernel));
    await expectSelf(scan, procRoot, self);
    return { kind, scan, walk: ConnectionWalk.open(calls, kernel), self };
  } catch (error) {
    for (const one of opened) one.close();
    throw asUnavailable(error);
  }
}

/** As where the table is too small to be walked: sock_diag is asked instead. */
const noWalk: EbpfPrograms['walk'] = { run: () => Promise.resolve(null), close: () => {} };

/** The start of a process is how all collectors know it again, so it has to be the same by every way of looking. */
async function expectSelf(scan: SocketScan, procRoot: string, self: number): Promise<void> {
  const stat = readPidStat(processPath(procRoot, self));
  const tasks = new TaskTable((await scan.run()).tasks);
  const index = Array.from({ length: tasks.length }, (_, i) => i).find((i) => tasks.pid(i) === self);
  if (!isUnread(stat) && index !== undefined && tasks.task(index).startTicks === stat.startTicks) return;
  const reason = `the kernel's tasks do not match ${procRoot}: the agent is not where it should be among them`;
  throw new EbpfUnavailableError('pids', reason);
}
