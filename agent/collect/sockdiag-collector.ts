/**
 * The sock_diag rung: rows by netlink, owners from an index of /proc/PID/fd that is kept from scan to scan.
 *
 *     roster    every process; only those that changed are looked at again
 *     tables    per namespace: a dump over the socket that is kept open in it; unchanged rows are the same objects
 *     owners    the fds of those processes that changed, or that may hold what has no known owner
 *
 * The tables are read before the fds, so that a socket which lives through the scan has its owners in it.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { type Collector, malformedRowsMax, type Scan } from '../collector.ts';
import { type LoadLibc, loadLibc } from '../libc.ts';
import { LibcFdReader } from '../procfs/libc-fd-reader.ts';
import { ProcessClock } from '../procfs/process-clock.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { NamespaceTable } from '../resolve/namespace-table.ts';
import type { ProcessTable } from '../resolve/process-table.ts';
import { UserNames } from '../resolve/user-names.ts';
import { cannotSee } from './cannot-see.ts';
import { describeNamespaces, readOwnNetns } from './describe-namespaces.ts';
import { type AllDiagTables, DiagTables } from './diag-tables.ts';
import { groupByNetns } from './namespace-tables.ts';
import { openProcessTable } from './open-process-table.ts';
import { readOwnPid } from './own-proc.ts';
import { OwnerSearch } from './owner-search.ts';
import { readPrivilege } from './privilege.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';
import { type RollCall, Roster } from './roster.ts';

/** Throws LibcError or NetlinkError where this way of collecting is not to be had. */
export async function createSockdiagCollector(
  options: ProcfsCollectorOptions = {},
): Promise<SockdiagCollector> {
  const load = options.loadLibc ?? loadLibc;
  const libc = await load();
  const procRoot = options.procRoot ?? '/proc';
  const users = new UserNames(options.passwdPath);
  const processes = openProcessTable(users, options);
  const clock = readOwnPid(procRoot) === null ? null : new ProcessClock(libc);
  const search = new OwnerSearch(procRoot, processes, new LibcFdReader(libc), clock);
  const tables = new DiagTables(libc, search);
  try {
    await tables.probe(new TimeSlice(options.sliceMs));
  } catch (error) {
    tables.close();
    throw error;
  }
  const roster = new Roster(procRoot, clock);
  return new SockdiagCollector(procRoot, options.sliceMs, users, processes, roster, search, tables, load);
}

type Parts = readonly (readonly OwnedSocket[])[];

/** concat copies whole arrays, several times faster than flatMap goes through them. */
const noSockets: readonly OwnedSocket[] = [];

/** One scan at a time. Scans reject with ProcRootError, or with Node's own error where the machine itself fails. */
export class SockdiagCollector implements Collector {
  readonly name = 'sockdiag';
  readonly #procRoot: string;
  readonly #sliceMs: number | undefined;
  readonly #users: UserNames;
  readonly #processes: ProcessTable;
  readonly #search: OwnerSearch;
  readonly #tables: DiagTables;
  readonly #roster: Roster;
  readonly #namespaces: NamespaceTable;
  /** Of the last scan. */
  #parts: Parts = [];
  #sockets = noSockets;

  constructor(
    procRoot: string,
    sliceMs: number | undefined,
    users: UserNames,
    processes: ProcessTable,
    roster: Roster,
    search: OwnerSearch,
    tables: DiagTables,
    load: LoadLibc,
  ) {
    this.#procRoot = procRoot;
    this.#sliceMs = sliceMs;
    this.#users = users;
    this.#processes = processes;
    this.#search = search;
    this.#tables = tables;
    this.#roster = roster;
    this.#namespaces = new NamespaceTable(procRoot, load);
  }

  get tables(): readonly BoundedTable[] {
    return [...this.#processes.tables, ...this.#namespaces.tables, ...this.#tables.tables];
  }

  /** Walks over the fds of a process, since the start. */
  get walksTotal(): number {
    return this.#search.walksTotal;
  }

  async scan(): Promise<Scan> {
    const startedAtMs = Date.now();
    const nowMs = performance.now();
    const slice = new TimeSlice(this.#sliceMs);
    this.#users.refresh();
    const roll = await this.#roster.call(nowMs, slice);
    this.#search.begin(roll.departed);
    const byNetns = groupByNetns(roll.residents);
    const tables = await this.#tables.read(byNetns, slice);
    const isComplete = seesEveryNamespace(roll);
    const netns = await describeNamespaces(
      readOwnNetns(this.#procRoot),
      this.#namespaces,
      byNetns,
      isComplete,
      slice,
    );
    await this.#search.search(roll.residents, nowMs, slice, (cell) => this.#tables.isThere(cell));
    this.#processes.expire();
    this.#namespaces.expire();
    return {
      startedAtMs,
      finishedAtMs: Date.now(),
      sockets: this.#joined(tables.read.flatMap((table) => table.parts())),
      netns,
      scannedNetns: tables.scanned,
      malformed: tables.read.flatMap(({ malformed }) => malformed).slice(0, malformedRowsMax),
      malformedTotal: tables.read.reduce((sum, { malformedTotal }) => sum + malformedTotal, 0),
      cannotSee: this.#cannotSee(roll, tables),
    };
  }

  close(): void {
    this.#tables.close();
    this.#namespaces.close();
  }

  /** The same array as before when all parts are. */
  #joined(parts: Parts): readonly OwnedSocket[] {
    const isSame = parts.length === this.#parts.length && parts.every((part, i) => part === this.#parts[i]);
    if (!isSame) this.#sockets = noSockets.concat(...parts);
    this.#parts = parts;
    return this.#sockets;
  }

  #cannotSee(roll: RollCall, tables: AllDiagTables): string[] {
    return cannotSee({
      privilege: readPrivilege(this.#procRoot),
      closedProcesses: roll.closed + roll.residents.filter(({ isClosed }) => isClosed).length,
      unplacedProcesses: roll.closed + roll.residents.filter(({ netns }) => netns === null).length,
      closedNamespaces: tables.closed,
      hidesOthers: roll.hidesOthers,
      truncatedTables: tables.read.flatMap(({ truncated }) => truncated),
      closedEntries: tables.closedEntries,
      names: this.#processes.nameProblems,
      interfaces: this.#namespaces.problems,
    });
  }
}

function seesEveryNamespace({ closed, hidesOthers, residents }: RollCall): boolean {
  return closed === 0 && !hidesOthers && residents.every(({ netns }) => netns !== null);
}
