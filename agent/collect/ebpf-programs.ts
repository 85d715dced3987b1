/** Opens the eBPF programs, and shows of a scan that it tells of this /proc's processes, before anybody relies on it. */
import type { BpfCalls } from '../bpf/bpf-calls.ts';
import { BpfError } from '../bpf/bpf-error.ts';
import { type Btf, BtfError } from '../bpf/btf.ts';
import { CgroupWalk } from '../bpf/cgroup-walk.ts';
import { ConnectionWalk } from '../bpf/connection-walk.ts';
import { cgroupKernel, detailKernel } from '../bpf/detail-kernel.ts';
import { DetailLook } from '../bpf/detail-look.ts';
import { eventLayout } from '../bpf/event-layout.ts';
import { openFileScan } from '../bpf/file-scan.ts';
import { basicLayout, type KernelLayout, kernelLayout, readOwnBtf } from '../bpf/kernel-layout.ts';
import { roomFor, SocketScan } from '../bpf/socket-scan.ts';
import { StateChanges } from '../bpf/state-changes.ts';
import { TaskTable } from '../bpf/task-table.ts';
import { readTcpSockets } from '../procfs/net-sockstat.ts';
import { readPidStat } from '../procfs/pid-stat.ts';
import { isUnread, processPath } from '../procfs/proc-file.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { asUnavailable, EbpfUnavailableError } from './ebpf-unavailable.ts';
import { expectOwnProc } from './own-proc.ts';
import type { RungName } from './source.ts';

/** Which programs: those of socket-scan.ts with the walk over connections, or those of file-scan.ts for older kernels. */
export type EbpfKind = Extract<RungName, 'ebpf' | 'ebpf-files'>;

export interface EbpfPrograms {
  readonly kind: EbpfKind;
  readonly scan: SocketScan;
  readonly walk: Pick<ConnectionWalk, 'run' | 'close'>;
  readonly details: DetailPrograms;
  /** Hears of changes from then on, once; null where the kernel refuses it, or the scan has no use for it. */
  readonly openChanges: () => Promise<StateChanges | null>;
  /** Pid of the agent. */
  readonly self: number;
}

/** What tells of processes beyond the scan. Without one of them, /proc is asked. */
export interface DetailPrograms {
  /** Null where the kernel does not offer it. */
  readonly look: DetailLook | null;
  readonly walk: CgroupWalk | null;
}

/** Older kernels lack what both take. */
const noDetails: DetailPrograms = { look: null, walk: null };

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
  // Too little room costs another load, and another scan.
  const room = roomFor(readTcpSockets(`${procRoot}/self`) ?? 0);
  // Each step is a look through megabytes, or a program that the kernel checks.
  const slice = new TimeSlice(0);
  try {
    const btf = readOwnBtf();
    await slice.rest();
    if (kind === 'ebpf-files') {
      const scan = open(await openFileScan(calls, basicLayout(btf), room));
      return { kind, scan, walk: noWalk, details: noDetails, openChanges: () => Promise.resolve(null), self };
    }
    const kernel = kernelLayout(btf);
    await slice.rest();
    const scan = open(await SocketScan.open(calls, kernel, room));
    await slice.rest();
    const walk = open(await ConnectionWalk.open(calls, kernel));
    await slice.rest();
    const details = await openDetailPrograms(calls, btf, kernel, scan.pidLevel);
    return { kind, scan, walk, details, openChanges: changesOpener(calls, btf, kernel), self };
  } catch (error) {
    for (const one of opened) one.close();
    throw asUnavailable(error);
  }
}

/** As where the table is too small to be walked: sock_diag is asked instead. */
const noWalk: EbpfPrograms['walk'] = { run: () => Promise.resolve(null), close: () => {} };

/**
 * The start of a process is how all collectors know it again, so it has to be the same by every way of looking. Throws
 * EbpfUnavailableError where it is not.
 *
 * @param found tasks of a scan
 */
export function expectSelf(found: Buffer, procRoot: string, self: number): void {
  const stat = readPidStat(processPath(procRoot, self));
  const tasks = new TaskTable(found);
  const index = Array.from({ length: tasks.length }, (_, i) => i).find((i) => tasks.pid(i) === self);
  if (!isUnread(stat) && index !== undefined && tasks.task(index).startTicks === stat.startTicks) return;
  const reason = `the start of the agent is another one in ${procRoot} than in the kernel: a time namespace, or another /proc`;
  throw new EbpfUnavailableError('pids', reason);
}

/** What of them this kernel offers. */
export async function openDetailPrograms(
  calls: BpfCalls,
  btf: Btf,
  kernel: KernelLayout,
  pidLevel: number,
): Promise<DetailPrograms> {
  return {
    look: await orNone(async () => {
      const details = await restAfter(detailKernel(btf));
      return DetailLook.open(calls, kernel, details, pidLevel);
    }),
    walk: await orNone(async () => CgroupWalk.open(calls, await restAfter(cgroupKernel(btf)))),
  };
}

/** Most scans are the only one of their process, so nothing is looked up before. The types are let go of then. */
function changesOpener(calls: BpfCalls, btf: Btf, kernel: KernelLayout): EbpfPrograms['openChanges'] {
  let types: Btf | null = btf;
  return async () => {
    const known = types;
    types = null;
    if (known === null) return null;
    return orNone(async () => StateChanges.open(calls, kernel, await restAfter(eventLayout(known))));
  };
}

/** What was looked up in megabytes of types, after a turn of the event loop. */
async function restAfter<T>(looked: T): Promise<T> {
  await new TimeSlice().rest();
  return looked;
}

/** Null where the kernel refuses or lacks something. */
async function orNone<T>(open: () => Promise<T>): Promise<T | null> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof BpfError || error instanceof BtfError) return null;
    throw error;
  }
}
