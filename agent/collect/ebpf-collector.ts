/**
 * The eBPF rung: a program in the kernel walks all processes and their files, and writes down what it finds in memory
 * that the agent reads (agent/bpf).
 *
 *     scan         every socket that a process holds, in every namespace, with pid, user, name and start of the process
 *     held         records → sockets with owners; what did not change is what it was
 *     /proc        per process, now and then: executable, command line, cgroups; per namespace: its addresses
 *
 * The kernel does its part on a thread of the pool, while the event loop goes on.
 */
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { type LoadBpfCalls, loadBpfCalls } from '../bpf/bpf-calls.ts';
import type { FoundSockets } from '../bpf/loaded-scan.ts';
import type { SocketScan } from '../bpf/socket-scan.ts';
import { TaskTable } from '../bpf/task-table.ts';
import type { Collector, Scan } from '../collector.ts';
import { loadLibc } from '../libc.ts';
import { processPath } from '../procfs/proc-file.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { HostInterfaceSource } from '../resolve/host-interfaces.ts';
import { NamespaceTable } from '../resolve/namespace-table.ts';
import { ProcessTable } from '../resolve/process-table.ts';
import { UserNames } from '../resolve/user-names.ts';
import { describeNamespaces } from './describe-namespaces.ts';
import { openEbpfScan } from './ebpf-scan.ts';
import { HeldSockets } from './held-sockets.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';

export interface EbpfCollectorOptions extends ProcfsCollectorOptions {
  /** How to reach bpf(2); default koffi. */
  readonly loadBpfCalls?: LoadBpfCalls;
}

/** Throws EbpfUnavailableError where this way of collecting is not to be had. */
export async function createEbpfCollector(options: EbpfCollectorOptions = {}): Promise<EbpfCollector> {
  const scan = await openEbpfScan(options.procRoot ?? '/proc', options.loadBpfCalls ?? loadBpfCalls);
  return new EbpfCollector(scan, options);
}

/** Records looked at between two looks at the clock: about a millisecond of work. */
const recordsPerLook = 4000;

/** One scan at a time. Scans reject with BpfError, or with Node's own error where the machine itself fails. */
export class EbpfCollector implements Collector {
  readonly name = 'ebpf';
  readonly #procRoot: string;
  readonly #sliceMs: number | undefined;
  readonly #scan: SocketScan;
  readonly #held: HeldSockets;
  readonly #users: UserNames;
  readonly #processes: ProcessTable;
  readonly #namespaces: NamespaceTable;
  #isScanning = false;
  #isClosed = false;

  constructor(scan: SocketScan, options: EbpfCollectorOptions) {
    this.#scan = scan;
    this.#procRoot = options.procRoot ?? '/proc';
    this.#sliceMs = options.sliceMs;
    this.#users = new UserNames(options.passwdPath);
    this.#processes = new ProcessTable(this.#users, options.cmdline ?? 'redacted');
    const interfaces = new HostInterfaceSource(options.loadLibc ?? loadLibc);
    this.#namespaces = new NamespaceTable(this.#procRoot, interfaces);
    this.#held = new HeldSockets((task) =>
      this.#processes.resolveSeen(this.#procRoot, task, performance.now()),
    );
  }

  async scan(): Promise<Scan> {
    this.#isScanning = true;
    try {
      return await this.#scanOnce();
    } finally {
      this.#isScanning = false;
      if (this.#isClosed) this.#scan.close();
    }
  }

  /** The memory of a scan that goes on is freed at its end. */
  close(): void {
    this.#isClosed = true;
    this.#namespaces.close();
    if (!this.#isScanning) this.#scan.close();
  }

  async #scanOnce(): Promise<Scan> {
    const startedAtMs = Date.now();
    this.#users.refresh();
    const found = await this.#scan.run();
    const sockets = await this.#readSockets(found);
    const netns = await this.#describeNamespaces(new TaskTable(found.tasks), sockets);
    this.#processes.expire();
    this.#namespaces.expire();
    return {
      startedAtMs,
      finishedAtMs: Date.now(),
      sockets,
      netns,
      scannedNetns: new Set(netns.map(({ inode }) => inode)),
      malformed: this.#held.malformed,
      malformedTotal: this.#held.malformedTotal,
      cannotSee: [],
    };
  }

  async #readSockets(found: FoundSockets): Promise<OwnedSocket[]> {
    const slice = new TimeSlice(this.#sliceMs);
    this.#held.begin(found);
    while (this.#held.readRecords(recordsPerLook)) if (slice.isUsedUp()) await slice.rest();
    return this.#held.end();
  }

  /** Those that a process is in, and those where only sockets are left that a process elsewhere holds. */
  async #describeNamespaces(tasks: TaskTable, sockets: readonly OwnedSocket[]): Promise<Netns[]> {
    const pathsOf = new Map<number, { path: string }[]>();
    for (let i = 0; i < tasks.length; i++) {
      const inode = tasks.netns(i);
      if (!pathsOf.has(inode)) pathsOf.set(inode, [{ path: processPath(this.#procRoot, tasks.pid(i)) }]);
    }
    const described = await describeNamespaces(this.#procRoot, this.#namespaces, pathsOf);
    const deserted = new Set<number>();
    for (const { netns } of sockets) if (!pathsOf.has(netns)) deserted.add(netns);
    return [...described, ...[...deserted].map(desertedNetns)];
  }
}

/** A namespace without a process, whose addresses nobody tells. */
function desertedNetns(inode: number): Netns {
  return { inode, isHost: false, addresses: [], localNetworks: [], ephemeralPorts: defaultEphemeralPorts };
}
