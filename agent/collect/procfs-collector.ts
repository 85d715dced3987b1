/**
 * The procfs rung: sockets and their owners from /proc alone.
 *
 *     census       every process, its identity and its network namespace
 *     namespaces   per namespace, once: socket tables → rows, and its addresses
 *     owners       per process: fd links → inodes of those rows; kept only if the process is still the same one
 *
 * The tables are read before the fds, so that a socket which lives through the scan has its owners in it.
 */
import type { Process } from '../../model/process.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { type Collector, malformedRowsMax, type Scan } from '../collector.ts';
import { type LoadLibc, loadLibc } from '../libc.ts';
import { chooseFdReader } from '../procfs/choose-fd-reader.ts';
import type { FdReader, SocketFds } from '../procfs/pid-fd.ts';
import { readPlace } from '../procfs/pid-folder.ts';
import { readPidStat } from '../procfs/pid-stat.ts';
import { denied, gone, isUnread, processPath, type Unread } from '../procfs/proc-file.ts';
import { TableReader } from '../procfs/table-reader.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { NamespaceTable } from '../resolve/namespace-table.ts';
import type { ProcessTable } from '../resolve/process-table.ts';
import { SocketOwners } from '../resolve/socket-owners.ts';
import { UserNames } from '../resolve/user-names.ts';
import { cannotSee } from './cannot-see.ts';
import { type Census, type Inhabitant, takeCensus, visit } from './census.ts';
import { describeNamespaces, readOwnNetns } from './describe-namespaces.ts';
import { KnownNetns } from './known-netns.ts';
import { groupByNetns, type NamespaceTables, readAllTables } from './namespace-tables.ts';
import { openProcessTable, type ProcessTableOptions } from './open-process-table.ts';
import { readPrivilege } from './privilege.ts';

/** How often the fds of a process are walked in one scan, where it seems to be another one afterwards. */
const walksMax = 3;

export interface ProcfsCollectorOptions extends ProcessTableOptions {
  /** Default `/etc/passwd`. */
  readonly passwdPath?: string;
  /** Longest stretch of work without a turn for the event loop; default sliceMs. */
  readonly sliceMs?: number;
  /** How to reach the C library; default koffi. Without it the scan is slower and knows no host-local networks. */
  readonly loadLibc?: LoadLibc;
  /** Where sockets come by eBPF, whether programs may tell it what changed, so that it reads that alone; default true. */
  readonly hearsChanges?: boolean;
}

export function createProcfsCollector(options: ProcfsCollectorOptions = {}): ProcfsCollector {
  return new ProcfsCollector(options);
}

/** One scan at a time. Scans reject with ProcRootError, or with Node's own error where the machine itself fails. */
export class ProcfsCollector implements Collector {
  readonly name = 'procfs';
  readonly #procRoot: string;
  readonly #sliceMs: number | undefined;
  readonly #users: UserNames;
  readonly #processes: ProcessTable;
  readonly #namespaces: NamespaceTable;
  readonly #loadLibc: LoadLibc;
  readonly #knownNetns = new KnownNetns();
  readonly #tableReader = new TableReader();
  #fdReader: FdReader | null = null;

  constructor(options: ProcfsCollectorOptions) {
    this.#procRoot = options.procRoot ?? '/proc';
    this.#sliceMs = options.sliceMs;
    this.#users = new UserNames(options.passwdPath);
    this.#processes = openProcessTable(this.#users, options);
    this.#loadLibc = options.loadLibc ?? loadLibc;
    this.#namespaces = new NamespaceTable(this.#procRoot, this.#loadLibc);
  }

  get tables(): readonly BoundedTable[] {
    return [...this.#processes.tables, ...this.#namespaces.tables];
  }

  /** Every socket of every namespace that has a process. */
  async scan(): Promise<Scan> {
    const startedAtMs = Date.now();
    const slice = new TimeSlice(this.#sliceMs);
    const nowMs = performance.now();
    const census = await takeCensus(this.#procRoot, slice, (pid, path, stat) =>
      this.#knownNetns.read(pid, path, stat, nowMs),
    );
    const { scan } = await this.#scanInhabitants(census, startedAtMs, slice);
    this.#processes.expire();
    this.#namespaces.expire();
    this.#knownNetns.expire();
    return scan;
  }

  /**
   * Only the sockets that one process holds, at the cost of its fds and its namespace's tables. Owners other than that
   * process are not looked for. `gone` when there is no such process, `denied` when its files are closed to the agent.
   */
  async scanProcess(pid: number): Promise<Scan | Unread> {
    const startedAtMs = Date.now();
    const found = visit(this.#procRoot, pid);
    if (found === 'closed') return denied;
    if (found === null) return gone;
    const census: Census = { isWhole: false, inhabitants: [found], closed: 0, hidesOthers: false };
    const { scan, closed } = await this.#scanInhabitants(census, startedAtMs, new TimeSlice(this.#sliceMs));
    if (closed > 0) return denied;
    return { ...scan, sockets: scan.sockets.filter((socket) => socket.owners.length > 0) };
  }

  close(): void {
    this.#namespaces.close();
  }

  /** @returns the scan, and how many of the inhabitants are closed to the agent */
  async #scanInhabitants(
    census: Census,
    startedAtMs: number,
    slice: TimeSlice,
  ): Promise<{ scan: Scan; closed: number }> {
    this.#users.refresh();
    const byNetns = groupByNetns(census.inhabitants);
    const tables = await readAllTables(byNetns, this.#tableReader, slice);
    const isComplete = seesEveryNamespace(census);
    const netns = await describeNamespaces(
      readOwnNetns(this.#procRoot),
      this.#namespaces,
      byNetns,
      isComplete,
      slice,
    );
    const closed = await this.#resolveOwners(census.inhabitants, tables.read, slice);
    const blindness = {
      privilege: readPrivilege(this.#procRoot),
      closedProcesses: census.closed + closed,
      unplacedProcesses: census.closed + census.inhabitants.filter((one) => one.netns === null).length,
      closedNamespaces: tables.closed,
      hidesOthers: census.hidesOthers,
      truncatedTables: tables.read.flatMap(({ truncated }) => truncated),
      closedEntries: null,
      names: this.#processes.nameProblems,
      interfaces: this.#namespaces.problems,
    };
    const scan = {
      startedAtMs,
      finishedAtMs: Date.now(),
      sockets: tables.read.flatMap(({ rows }) => rows),
      netns,
      scannedNetns: tables.scanned,
      malformed: tables.read.flatMap(({ malformed }) => malformed).slice(0, malformedRowsMax),
      malformedTotal: tables.read.reduce((sum, { malformedTotal }) => sum + malformedTotal, 0),
      cannotSee: cannotSee(blindness),
    };
    return { scan, closed };
  }

  /**
   * Walks the fds of every process; drops what belongs to a process that went away or was replaced meanwhile.
   *
   * @returns how many processes are closed to the agent
   */
  async #resolveOwners(
    inhabitants: readonly Inhabitant[],
    tables: readonly NamespaceTables[],
    slice: TimeSlice,
  ): Promise<number> {
    const owners = new SocketOwners();
    for (const { rows } of tables) for (const row of rows) owners.add(row);
    this.#fdReader ??= await chooseFdReader(this.#loadLibc);
    let closed = 0;
    for (const inhabitant of inhabitants) {
      if ((await this.#claim(inhabitant, owners, this.#fdReader, slice)) === denied) closed++;
    }
    owners.finish();
    return closed;
  }

  /** Claims what one process holds. What closes its files to the agent, or null. */
  async #claim(
    inhabitant: Inhabitant,
    owners: SocketOwners,
    reader: FdReader,
    slice: TimeSlice,
  ): Promise<Unread | null> {
    const { path } = inhabitant;
    for (let walk = 1; walk <= walksMax; walk++) {
      const place = readPlace(path);
      const held: SocketFds = { fds: [], inodes: [] };
      const unread = await reader.readSockets(path, held, slice);
      if (unread !== null || !owners.concerns(held)) return unread;
      const holder = this.#holderOf(inhabitant);
      if (holder === null) return null;
      if (readPlace(path) === place) {
        owners.claim(holder, held);
        return null;
      }
      // Another process came in the same tick of the clock, with the same name; or the kernel has made the folder anew.
    }
    return null;
  }

  /** Null where it went away, or another process has its pid. One that has another name now may have come in the same tick. */
  #holderOf({ pid, path, stat }: Inhabitant): Process | null {
    const holder = this.#processes.resolve(path, pid, stat, performance.now());
    const now = readPidStat(processPath(this.#procRoot, pid));
    if (isUnread(holder) || isUnread(now)) return null;
    return now.startTicks === stat.startTicks && now.comm === stat.comm ? holder : null;
  }
}

function seesEveryNamespace({ isWhole, closed, hidesOthers, inhabitants }: Census): boolean {
  return isWhole && closed === 0 && !hidesOthers && inhabitants.every(({ netns }) => netns !== null);
}
