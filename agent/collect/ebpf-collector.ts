/**
 * The eBPF rung: a program in the kernel walks all processes and their files, and writes down what it finds in memory
 * that the agent reads (agent/bpf).
 *
 *     ownerless    per namespace, by sock_diag: the sockets that no process may hold
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
import { type Collector, malformedRowsMax, type Scan } from '../collector.ts';
import { loadLibc } from '../libc.ts';
import { threadPath } from '../procfs/proc-file.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { HostInterfaceSource } from '../resolve/host-interfaces.ts';
import { NamespaceTable } from '../resolve/namespace-table.ts';
import { ProcessTable } from '../resolve/process-table.ts';
import { UserNames } from '../resolve/user-names.ts';
import { cannotSee } from './cannot-see.ts';
import { describeNamespaces } from './describe-namespaces.ts';
import { type AllDiagTables, DiagTables } from './diag-tables.ts';
import { openEbpfScan } from './ebpf-scan.ts';
import { asUnavailable } from './ebpf-unavailable.ts';
import { HeldSockets } from './held-sockets.ts';
import { type Entrance, readersMax } from './namespace-tables.ts';
import { OwnerlessSockets } from './ownerless-sockets.ts';
import { type Privilege, readPrivilege } from './privilege.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';

export interface EbpfCollectorOptions extends ProcfsCollectorOptions {
  /** How to reach bpf(2); default koffi. */
  readonly loadBpfCalls?: LoadBpfCalls;
}

/** Throws EbpfUnavailableError where this way of collecting is not to be had. */
export async function createEbpfCollector(options: EbpfCollectorOptions = {}): Promise<EbpfCollector> {
  const libc = await loadedOrUnavailable(options.loadLibc ?? loadLibc);
  const calls = await loadedOrUnavailable(options.loadBpfCalls ?? loadBpfCalls);
  const scan = await openEbpfScan(options.procRoot ?? '/proc', calls);
  const ownerless = new OwnerlessSockets(new DiagTables(libc));
  return new EbpfCollector(scan, ownerless, options);
}

async function loadedOrUnavailable<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw asUnavailable(error);
  }
}

/** Records looked at between two looks at the clock: about a millisecond of work. */
const recordsPerLook = 4000;

/** One scan at a time. Scans reject with BpfError, or with Node's own error where the machine itself fails. */
export class EbpfCollector implements Collector {
  readonly name = 'ebpf';
  readonly #procRoot: string;
  readonly #sliceMs: number | undefined;
  readonly #scan: SocketScan;
  readonly #ownerless: OwnerlessSockets;
  readonly #held: HeldSockets;
  readonly #users: UserNames;
  readonly #processes: ProcessTable;
  readonly #namespaces: NamespaceTable;
  /** As of the last scan; the first one looks for them beforehand. */
  #entrances: ReadonlyMap<number, readonly Entrance[]> | null = null;
  #isScanning = false;
  #isClosed = false;

  constructor(scan: SocketScan, ownerless: OwnerlessSockets, options: EbpfCollectorOptions) {
    this.#scan = scan;
    this.#ownerless = ownerless;
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
    if (this.#isClosed) throw new Error('the collector is closed');
    this.#isScanning = true;
    try {
      return await this.#scanOnce();
    } finally {
      this.#isScanning = false;
      if (this.#isClosed) this.#free();
    }
  }

  /** What a scan that goes on needs is freed at its end. */
  close(): void {
    this.#isClosed = true;
    if (!this.#isScanning) this.#free();
  }

  #free(): void {
    this.#scan.close();
    this.#ownerless.close();
    this.#namespaces.close();
  }

  async #scanOnce(): Promise<Scan> {
    const startedAtMs = Date.now();
    const slice = new TimeSlice(this.#sliceMs);
    this.#users.refresh();
    this.#entrances ??= this.#findEntrances(await this.#scan.run());
    const tables = await this.#ownerless.read(this.#entrances, performance.now(), slice);
    const found = await this.#scan.run();
    this.#entrances = this.#findEntrances(found);
    const held = await this.#readHeld(found, slice);
    const netns = await this.#describeNamespaces(this.#entrances, held);
    this.#processes.expire();
    this.#namespaces.expire();
    const malformed = [...this.#held.malformed, ...tables.read.flatMap((table) => table.malformed)];
    return {
      startedAtMs,
      finishedAtMs: Date.now(),
      sockets: held.concat(
        this.#ownerless.besides({ sockets: held, holds: (inode) => this.#held.holds(inode) }),
      ),
      netns,
      scannedNetns: new Set(netns.map(({ inode }) => inode)),
      malformed: malformed.slice(0, malformedRowsMax),
      malformedTotal: tables.read.reduce(
        (sum, table) => sum + table.malformedTotal,
        this.#held.malformedTotal,
      ),
      cannotSee: this.#cannotSee(found, tables),
    };
  }

  /** One process of each namespace. */
  #findEntrances(found: FoundSockets): Map<number, Entrance[]> {
    const tasks = new TaskTable(found.tasks);
    const entrances = new Map<number, Entrance[]>();
    for (let i = 0; i < tasks.length; i++) {
      const path = threadPath(this.#procRoot, tasks.pid(i), tasks.tid(i));
      const known = entrances.get(tasks.netns(i));
      if (known === undefined) entrances.set(tasks.netns(i), [{ path }]);
      else if (known.length < readersMax) known.push({ path });
    }
    return entrances;
  }

  async #readHeld(found: FoundSockets, slice: TimeSlice): Promise<OwnedSocket[]> {
    this.#held.begin(found);
    while (this.#held.readRecords(recordsPerLook)) if (slice.isUsedUp()) await slice.rest();
    return this.#held.end();
  }

  /** Those that a process is in, and those where only sockets are left that a process elsewhere holds. */
  async #describeNamespaces(
    entrances: ReadonlyMap<number, readonly Entrance[]>,
    sockets: readonly OwnedSocket[],
  ): Promise<Netns[]> {
    const described = await describeNamespaces(this.#procRoot, this.#namespaces, entrances);
    const deserted = new Set<number>();
    for (const { netns } of sockets) if (!entrances.has(netns)) deserted.add(netns);
    return [...described, ...[...deserted].map(desertedNetns)];
  }

  #cannotSee(found: FoundSockets, tables: AllDiagTables): string[] {
    const privilege = readPrivilege(this.#procRoot);
    const sentences = cannotSee({
      privilege,
      closedProcesses: 0,
      unplacedProcesses: 0,
      closedNamespaces: tables.closed,
      hidesOthers: false,
      truncatedTables: tables.read.flatMap(({ truncated }) => truncated),
      closedEntries: tables.closedEntries,
      interfacesProblem: this.#namespaces.hostProblem,
    });
    return [...sentences, ...ebpfCannotSee(privilege, found)];
  }
}

/** What only this rung can lack. */
function ebpfCannotSee(privilege: Privilege, { missedRecords, missedTasks }: FoundSockets): string[] {
  const sentences: string[] = [];
  if (privilege !== 'capable') {
    sentences.push(
      'The executables and command lines of other users’ processes may be unknown: ' +
        'this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.',
    );
  }
  if (missedRecords > 0 || missedTasks > 0) {
    sentences.push(
      `${missedRecords} sockets and all of ${missedTasks} processes are left out: there are more than whotalks reads in one scan.`,
    );
  }
  return sentences;
}

/** A namespace without a process, whose addresses nobody tells. */
function desertedNetns(inode: number): Netns {
  return { inode, isHost: false, addresses: [], localNetworks: [], ephemeralPorts: defaultEphemeralPorts };
}
