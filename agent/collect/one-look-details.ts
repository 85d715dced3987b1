/** What one look tells of processes and namespaces where more is asked for than who holds which socket. */
import type { Netns } from '../../model/netns.ts';
import type { Process } from '../../model/process.ts';
import type { BpfCalls } from '../bpf/bpf-calls.ts';
import type { Btf } from '../bpf/btf.ts';
import type { KernelLayout } from '../bpf/kernel-layout.ts';
import type { FoundSockets } from '../bpf/scan-maps.ts';
import type { SeenTask } from '../bpf/task-table.ts';
import { loadLibc } from '../libc.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { NameProblems } from '../resolve/container-names.ts';
import { type InterfaceProblems, NamespaceTable } from '../resolve/namespace-table.ts';
import { UserNames } from '../resolve/user-names.ts';
import { describeNamespaces, readOwnNetns } from './describe-namespaces.ts';
import { openDetailPrograms } from './ebpf-programs.ts';
import { openProcessTable } from './open-process-table.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';
import { type DetailBlindness, TaskDetails } from './task-details.ts';
import type { TaskNamespaces } from './task-namespaces.ts';

/** What is told of processes and namespaces beside the sockets that are in them. */
export interface Surroundings {
  /** To be called before the others. */
  refresh(found: FoundSockets): Promise<void>;
  processOf(task: SeenTask): Process;
  describe(entrances: TaskNamespaces['entrances'], slice: TimeSlice): Promise<Netns[]>;
  readonly blindness: {
    readonly interfaces: InterfaceProblems;
    readonly names: NameProblems;
    readonly details: DetailBlindness;
  };
  close(): void;
}

export interface SurroundingsOptions {
  readonly calls: BpfCalls;
  readonly btf: Btf;
  readonly kernel: KernelLayout;
  /** See learnedLayout. */
  readonly pidLevel: number;
  readonly options: ProcfsCollectorOptions;
}

export async function openSurroundings({
  calls,
  btf,
  kernel,
  pidLevel,
  options,
}: SurroundingsOptions): Promise<Surroundings> {
  const { procRoot = '/proc', cmdline = 'redacted' } = options;
  const users = new UserNames(options.passwdPath);
  users.refresh();
  const processes = openProcessTable(users, options);
  const namespaces = new NamespaceTable(procRoot, options.loadLibc ?? loadLibc);
  const details = new TaskDetails({
    ...(await openDetailPrograms(calls, btf, kernel, pidLevel)),
    procRoot,
    cmdline,
  });
  return {
    refresh: async (found) => {
      await details.refresh(found, performance.now());
    },
    processOf: (task) => processes.resolveSeen(procRoot, task, details.of(task), performance.now()),
    describe: (entrances, slice) =>
      describeNamespaces(readOwnNetns(procRoot), namespaces, entrances, true, slice),
    get blindness() {
      return {
        interfaces: namespaces.problems,
        names: processes.nameProblems,
        details: details.blindness,
      };
    },
    close: () => {
      details.close();
      namespaces.close();
    },
  };
}
