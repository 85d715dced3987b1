/**
 * The eBPF rungs: a program in the kernel walks all processes and their files, and writes down what it finds in memory
 * that the agent reads (agent/bpf).
 *
 *     ownerless    the sockets that no process may hold
 *     scan         every socket that a process holds, in every namespace, with pid, user, name and start of the process
 *     held         records → sockets with owners; what did not change is what it was
 *     /proc        per process, now and then: executable, command line, cgroups; per namespace: its addresses
 *
 * The kernel does its part on a thread of the pool, while the event loop goes on.
 */
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { type LoadBpfCalls, loadBpfCalls } from '../bpf/bpf-calls.ts';
import type { Extent, FoundSockets } from '../bpf/scan-maps.ts';
import { taskLayout } from '../bpf/scan-memory.ts';
import { largestSizes } from '../bpf/socket-scan.ts';
import { TaskTable } from '../bpf/task-table.ts';
import { type Collector, malformedRowsMax, type Scan } from '../collector.ts';
import { loadLibc } from '../libc.ts';
import { OrphanCount } from '../procfs/net-sockstat.ts';
import { inSlices, TimeSlice } from '../procfs/time-slice.ts';
import { NamespaceTable } from '../resolve/namespace-table.ts';
import type { ProcessTable } from '../resolve/process-table.ts';
import { UserNames } from '../resolve/user-names.ts';
import { describeNamespaces } from './describe-namespaces.ts';
import { DiagTables } from './diag-tables.ts';
import { ebpfCannotSee } from './ebpf-cannot-see.ts';
import { type EbpfKind, type EbpfPrograms, expectSelf, openEbpfPrograms } from './ebpf-programs.ts';
import { asUnavailable } from './ebpf-unavailable.ts';
import { HeldSockets } from './held-sockets.ts';
import { openProcessTable } from './open-process-table.ts';
import { type OwnerlessQuestion, OwnerlessSockets } from './ownerless-sockets.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';
import { ScanExtent } from './scan-extent.ts';
import { readStanding, type Standing } from './standing.ts';
import { TaskDetails } from './task-details.ts';
import { type TaskNamespaces, taskNamespaces } from './task-namespaces.ts';

export interface EbpfCollectorOptions extends ProcfsCollectorOptions {
  /** How to reach bpf(2); default koffi. */
  readonly loadBpfCalls?: LoadBpfCalls;
  /** Default `ebpf`. */
  readonly kind?: EbpfKind;
  /** From one scan of everything to the next, where changes are heard; default everythingIntervalMs. */
  readonly everythingIntervalMs?: number;
}

/** Throws EbpfUnavailableError where this way of collecting is not to be had. */
export async function createEbpfCollector(options: EbpfCollectorOptions = {}): Promise<EbpfCollector> {
  const libc = await loadedOrUnavailable(options.loadLibc ?? loadLibc);
  const calls = await loadedOrUnavailable(options.loadBpfCalls ?? loadBpfCalls);
  const programs = await openEbpfPrograms(options.procRoot ?? '/proc', calls, options.kind ?? 'ebpf');
  return new EbpfCollector(programs, new DiagTables(libc), options);
}

async function loadedOrUnavailable<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw asUnavailable(error);
  }
}

type Sockets = readonly OwnedSocket[];

/** What a scan tells the next one. */
type Surroundings = Pick<OwnerlessQuestion, 'namespaces' | 'signs'>;

interface HeldReading {
  readonly tasks: TaskTable;
  readonly extent: Extent;
  /** On a monotonic clock. */
  readonly nowMs: number;
}

/** One scan at a time. Scans reject with BpfError, or with Node's own error where the machine itself fails. */
export class EbpfCollector implements Collector {
  readonly name: EbpfKind;
  readonly #procRoot: string;
  readonly #sliceMs: number | undefined;
  readonly #programs: EbpfPrograms;
  readonly #ownerless: OwnerlessSockets;
  readonly #held: HeldSockets;
  readonly #extent: ScanExtent;
  readonly #users: UserNames;
  readonly #processes: ProcessTable;
  readonly #details: TaskDetails;
  readonly #namespaces: NamespaceTable;
  readonly #orphans: OrphanCount;
  /** As of the last scan of everything. */
  #standing: Standing;
  /** Of the last scan that was taken in. */
  #tasks = TaskTable.empty;
  /** Whether a process was known for too short a time then. */
  #hasYoung = false;
  /** As of the last scan; the first one looks for them beforehand. */
  #surroundings: Surroundings | null = null;
  /** How full the maps of the last scan were, and what they had no room for since the start. */
  readonly #room = {
    records: { size: 0, refusedTotal: 0 },
    tasks: { size: 0, refusedTotal: 0 },
  };
  /** The sockets of the last scan, held and ownerless, and all. */
  #last: { readonly parts: readonly [Sockets, Sockets]; readonly sockets: Sockets } = {
    parts: [[], []],
    sockets: [],
  };
  /** Namespaces of held sockets: of all when they were last gone through, which were these, and of new ones since. */
  #inhabited = new Set<number>();
  #goneThrough: Sockets | null = null;
  #isScanning = false;
  #isClosed = false;

  constructor(programs: EbpfPrograms, tables: DiagTables, options: EbpfCollectorOptions) {
    this.name = programs.kind;
    this.#programs = programs;
    this.#ownerless = new OwnerlessSockets(tables, programs.walk, (namespaces) =>
      this.#extent.changeCount(namespaces),
    );
    this.#procRoot = options.procRoot ?? '/proc';
    this.#sliceMs = options.sliceMs;
    this.#users = new UserNames(options.passwdPath);
    this.#users.refresh();
    this.#orphans = new OrphanCount(`${this.#procRoot}/self`);
    this.#standing = readStanding(this.#procRoot);
    this.#processes = openProcessTable(this.#users, options);
    this.#namespaces = new NamespaceTable(this.#procRoot, options.loadLibc ?? loadLibc);
    const { cmdline = 'redacted' } = options;
    this.#details = new TaskDetails({ ...programs.details, procRoot: this.#procRoot, cmdline });
    this.#held = new HeldSockets((task) =>
      this.#processes.resolveSeen(this.#procRoot, task, this.#details.of(task), performance.now()),
    );
    const { hearsChanges = true, everythingIntervalMs } = options;
    this.#extent = new ScanExtent({
      scan: programs.scan,
      held: this.#held,
      openChanges: hearsChanges ? programs.openChanges : () => Promise.resolve(null),
      intervalMs: everythingIntervalMs,
    });
  }

  detailsOf(process: Parameters<TaskDetails['of']>[0]): ReturnType<TaskDetails['of']> {
    return this.#details.of(process);
  }

  get tables(): readonly BoundedTable[] {
    return [
      ...this.#processes.tables,
      ...this.#details.tables,
      ...this.#namespaces.tables,
      ...this.#ownerless.tables,
      { name: 'scan_sockets', limit: largestSizes.records, ...this.#room.records },
      { name: 'scan_tasks', limit: largestSizes.tasks, ...this.#room.tasks },
    ];
  }

  async scan(): Promise<Scan> {
    if (this.#isClosed) throw new Error('the collector is closed');
    this.#isScanning = true;
    try {
      return await this.#scanOnce();
    } catch (error) {
      this.#extent.failed();
      throw error;
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
    this.#extent.close();
    this.#programs.scan.close();
    this.#details.close();
    this.#ownerless.close();
    this.#namespaces.close();
    this.#orphans.close();
  }

  async #scanOnce(): Promise<Scan> {
    const startedAtMs = Date.now();
    const slice = new TimeSlice(this.#sliceMs);
    const nowMs = performance.now();
    this.#surroundings ??= await this.#lookAround(nowMs, slice);
    const isHeld = (inode: number): boolean => this.#held.holds(inode);
    const tables = await this.#ownerless.read({ ...this.#surroundings, isHeld, nowMs }, slice);
    const extent = await this.#extent.begin(nowMs);
    if (extent === 'everything') {
      this.#users.refresh();
      this.#standing = readStanding(this.#procRoot);
    }
    const found = await this.#programs.scan.run(extent);
    this.#extent.walked();
    const tasks = TaskTable.after(this.#tasks, found.tasks);
    const { namespaces, signs } = this.#surroundingsOf(found, tasks);
    await this.#ownerless.readAgain({ namespaces, signs, isHeld, nowMs }, slice);
    const held = await this.#readHeld(found, { tasks, extent, nowMs }, slice);
    this.#tasks = tasks;
    this.#surroundings = { namespaces, signs };
    this.#noteRoom(found);
    const netns = await this.#describeNamespaces(namespaces, held, slice);
    this.#namespaces.expire();
    const malformed = [...this.#held.malformed, ...tables.read.flatMap((table) => table.malformed)];
    return {
      startedAtMs,
      finishedAtMs: Date.now(),
      sockets: this.#joined(held, this.#ownerless.besides(this.#held)),
      netns,
      scannedNetns: new Set(netns.map(({ inode }) => inode)),
      malformed: malformed.slice(0, malformedRowsMax),
      malformedTotal: tables.read.reduce(
        (sum, table) => sum + table.malformedTotal,
        this.#held.malformedTotal,
      ),
      cannotSee: ebpfCannotSee({
        ...this.#standing,
        found,
        tables,
        interfaces: this.#namespaces.problems,
        names: this.#processes.nameProblems,
        details: this.#details.blindness,
      }),
    };
  }

  /**
   * Before the first scan: takes in a walk over the fds, so that of the dump of everything only what nobody holds is ever
   * made into rows. Throws EbpfUnavailableError where the walk is not about this /proc.
   */
  async #lookAround(nowMs: number, slice: TimeSlice): Promise<Surroundings> {
    const found = await this.#programs.scan.run();
    expectSelf(found.tasks, this.#procRoot, this.#programs.self);
    const tasks = TaskTable.after(this.#tasks, found.tasks);
    await this.#readHeld(found, { tasks, extent: 'everything', nowMs }, slice);
    this.#tasks = tasks;
    return this.#surroundingsOf(found, tasks);
  }

  /**
   * Where the tasks are those of the last scan, their processes are asked for only when everything is read, or one may have
   * been known for too short a time to be relied on.
   */
  async #readHeld(
    found: FoundSockets,
    { tasks, extent, nowMs }: HeldReading,
    slice: TimeSlice,
  ): Promise<Sockets> {
    const isSame = tasks === this.#tasks;
    const hasDetails = await this.#details.refresh(found, nowMs, isSame);
    const asksAgain = !isSame || hasDetails || extent === 'everything' || this.#hasYoung;
    const sockets = await inSlices(this.#held.read(found, { tasks, asksAgain }), slice);
    for (const { netns } of this.#held.fresh) this.#inhabited.add(netns);
    if (asksAgain) {
      this.#hasYoung = this.#processes.hasYoung;
      this.#processes.expire();
    }
    return sockets;
  }

  /** An unchanged scan is the same object: nobody has to look for what is different. */
  #joined(held: readonly OwnedSocket[], ownerless: readonly OwnedSocket[]): readonly OwnedSocket[] {
    const { parts } = this.#last;
    const isSame =
      held === parts[0] &&
      ownerless.length === parts[1].length &&
      ownerless.every((socket, i) => socket === parts[1][i]);
    if (isSame) return this.#last.sockets;
    const sockets = ownerless.length === 0 ? held : held.concat(ownerless);
    this.#last = { parts: [held, ownerless], sockets };
    return sockets;
  }

  #noteRoom({ tasks, missedRecords, missedTasks }: FoundSockets): void {
    this.#room.records.size = this.#held.records;
    this.#room.records.refusedTotal += missedRecords;
    this.#room.tasks.size = tasks.length / taskLayout.bytes;
    this.#room.tasks.refusedTotal += missedTasks;
  }

  /** Where the next scan looks for sockets without an owner, and whether there is a sign of any. */
  #surroundingsOf(
    { acceptQueues, passing, handshakes, counts }: Omit<FoundSockets, 'tasks'>,
    tasks: TaskTable,
  ): Surroundings {
    const isSame = tasks === this.#tasks && this.#surroundings !== null;
    return {
      namespaces: isSame
        ? this.#surroundings!.namespaces
        : taskNamespaces(tasks, this.#procRoot, this.#programs.self),
      signs: {
        isPassing: passing > 0 || this.#orphans.read() !== 0,
        hasAcceptQueue: acceptQueues > 0,
        counts: handshakes > 0 ? null : counts,
      },
    };
  }

  /** Those that a process is in, and those where only sockets are left that a process elsewhere holds. */
  async #describeNamespaces(
    { entrances }: TaskNamespaces,
    sockets: readonly OwnedSocket[],
    slice: TimeSlice,
  ): Promise<Netns[]> {
    const described = await describeNamespaces(
      this.#standing.ownNetns,
      this.#namespaces,
      entrances,
      true,
      slice,
    );
    const isDeserted = (netns: number): boolean => !entrances.has(netns);
    if (sockets !== this.#goneThrough && [...this.#inhabited].some(isDeserted)) {
      this.#inhabited = namespacesIn(sockets);
      this.#goneThrough = sockets;
    }
    return [...described, ...[...this.#inhabited].filter(isDeserted).map(desertedNetns)];
  }
}

/** A namespace without a process, whose addresses nobody tells. */
function desertedNetns(inode: number): Netns {
  return { inode, isHost: false, addresses: [], localNetworks: [], ephemeralPorts: defaultEphemeralPorts };
}

/** Sockets of one process mostly are in one namespace, and follow each other. */
function namespacesIn(sockets: Sockets): Set<number> {
  const namespaces = new Set<number>();
  let last: number | null = null;
  for (const { netns } of sockets) {
    if (netns !== last) namespaces.add(netns);
    last = netns;
  }
  return namespaces;
}
