/**
 * The socket tables of every namespace by sock_diag: one socket per namespace, opened inside it and kept for as long as
 * a process is there. A namespace that may not be entered, or whose dump fails, is read from /proc this time.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import { type Protocol, protocolNumbers } from '../../model/socket-state.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { MalformedRow } from '../collector.ts';
import type { Libc } from '../libc.ts';
import { type Cell, type CellWatcher, type DiagRows, noSlot } from '../netlink/diag-rows.ts';
import { everyState, stateMask } from '../netlink/inet-diag.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { NetnsEntry, NetnsRefusedError } from '../netlink/netns-entry.ts';
import { type DiagQuery, type Malformed, SockDiag } from '../netlink/sock-diag.ts';
import { TcpCounters } from '../procfs/net-snmp.ts';
import { denied, isUnread, type Unread, unreadIfAbsent } from '../procfs/proc-file.ts';
import { TableReader } from '../procfs/table-reader.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { type Entrance, readersMax, readNamespaceTables } from './namespace-tables.ts';
import { type OpenCounters, TcpTable, unowned } from './tcp-table.ts';

/** How many namespaces have a socket of their own, which is a descriptor each; further ones are read from /proc. */
export const diagSocketsMax = 4096;

const protocols = Object.keys(protocolNumbers) as Protocol[];

/** Everything that /proc/net shows. */
export const everySocket: readonly DiagQuery[] = protocols.map((protocol) => ({
  protocol,
  states: everyState,
}));

/** What is asked of every namespace. */
export interface TablesQuery extends DiagQuery {
  /** The states of a namespace where they are not the same in all. */
  readonly statesIn?: (netns: number) => number;
}

const everyUdpSocket = { protocol: 'udp', states: everyState } as const;

/** Few sockets, and no walk over TCP's table of connections: TCP_LISTEN; TCP_CLOSE, which for UDP means unconnected. */
const listening: Readonly<Record<Protocol, number>> = { tcp: stateMask([10]), udp: stateMask([7]) };

/** One namespace. */
export interface DiagTable {
  /**
   * As they are when they are asked for: whoever watches the rows may replace them. In parts, each of which is the same
   * array as before while nothing of it changed, unless it was read from /proc.
   */
  parts(): readonly (readonly OwnedSocket[])[];
  readonly malformed: readonly MalformedRow[];
  readonly malformedTotal: number;
  /** Tables of /proc that were longer than is read. */
  readonly truncated: readonly string[];
}

export interface AllDiagTables {
  readonly read: readonly DiagTable[];
  readonly scanned: ReadonlySet<number>;
  /** Namespaces whose tables the agent may not read. */
  readonly closed: number;
  /** Namespaces that the agent may not enter, and why; null = it entered all. */
  readonly closedEntries: { readonly namespaces: number; readonly reason: string } | null;
}

interface OpenTable {
  readonly diag: SockDiag;
  /** What is dumped where everything is asked for. */
  readonly tcp: TcpTable;
  readonly udp: DiagRows<OwnedSocket>;
  /** What is dumped by queries. */
  readonly asked: DiagRows<OwnedSocket>;
}

export class DiagTables {
  readonly #libc: Libc;
  readonly #entry: NetnsEntry;
  readonly #watcher: CellWatcher<OwnedSocket> | null;
  readonly #open = new Map<number, OpenTable>();
  /** Rows that were read from /proc in this scan. */
  #procCells: Cell<OwnedSocket>[] = [];
  readonly #tableReader = new TableReader();
  /** Why a namespace was not entered in this scan. */
  #refusals: string[] = [];
  /** Namespaces that found no room, since the start. */
  #refusedTotal = 0;

  /** @param watcher is told which rows there are. Throws Node's own error where the agent has no /proc. */
  constructor(libc: Libc, watcher: CellWatcher<OwnedSocket> | null = null) {
    this.#libc = libc;
    this.#entry = NetnsEntry.open(libc);
    this.#watcher = watcher;
  }

  /**
   * Reads every namespace once, and lets go of those that have no process any more.
   *
   * @param queries what is asked for, default everything; where /proc has to do, it tells everything all the same
   */
  async read(
    byNetns: ReadonlyMap<number, readonly Entrance[]>,
    slice: TimeSlice,
    queries: readonly TablesQuery[] | null = null,
  ): Promise<AllDiagTables> {
    for (const [netns, table] of this.#open) if (!byNetns.has(netns)) this.#drop(netns, table);
    for (const cell of this.#procCells) this.#watcher?.gone(cell);
    this.#procCells = [];
    this.#refusals = [];
    const read: DiagTable[] = [];
    const scanned = new Set<number>();
    let closed = 0;
    for (const [netns, inhabitants] of byNetns) {
      const refusals = this.#refusals.length;
      const table =
        (await this.#dump(netns, inhabitants, slice, queries)) ??
        (await this.#readProc(netns, inhabitants, slice));
      if (table === denied) {
        closed++;
        // Nothing is read instead.
        this.#refusals.length = refusals;
      }
      if (isUnread(table)) continue;
      read.push(table);
      scanned.add(netns);
    }
    const [reason] = this.#refusals;
    const closedEntries = reason === undefined ? null : { namespaces: this.#refusals.length, reason };
    return { read, scanned, closed, closedEntries };
  }

  get tables(): readonly BoundedTable[] {
    const { size } = this.#open;
    return [{ name: 'dumped_namespaces', size, limit: diagSocketsMax, refusedTotal: this.#refusedTotal }];
  }

  /** Whether the socket of a row still has the row's inode; true where that is not to be told. */
  isThere(cell: Cell<OwnedSocket>): boolean {
    const { netns, protocol, inode } = cell.value;
    const table = this.#open.get(netns);
    if (table === undefined || protocol !== 'tcp' || cell.slot === noSlot) return true;
    try {
      const isThere = table.diag.isThere(table.tcp.identity(cell), inode);
      if (!isThere) table.tcp.stir();
      return isThere;
    } catch (error) {
      // The next dump finds its socket closed, and opens another.
      if (error instanceof NetlinkError) return true;
      throw error;
    }
  }

  /**
   * What became of sockets since a dump showed them: the rows as they are now, without those that are gone. Rows of
   * namespaces that cannot be asked are believed.
   */
  confirm(
    rows: readonly OwnedSocket[],
    byNetns: ReadonlyMap<number, readonly Entrance[]>,
  ): readonly OwnedSocket[] {
    return rows.flatMap((row) => {
      const { netns } = row;
      const table = this.#open.get(netns) ?? this.#openFor(netns, byNetns.get(netns) ?? []);
      if (table === null) return [row];
      try {
        const now = table.diag.find(row);
        if (now === 'untold') return [row];
        if (now === null || now.inode !== row.inode) return [];
        return [now.state === row.state ? row : { ...row, state: now.state }];
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        this.#drop(netns, table);
        return [row];
      }
    });
  }

  /** Throws NetlinkError when the kernel does not answer such questions in the agent's own namespace. */
  async probe(slice: TimeSlice): Promise<void> {
    const diag = SockDiag.open(this.#libc, this.#entry.own);
    try {
      // What is asked is whether there is an answer.
      for (const protocol of protocols) await diag.dump({ protocol, states: listening[protocol] }, slice);
    } finally {
      diag.close();
    }
  }

  /** Idempotent. */
  close(): void {
    for (const { diag, tcp } of this.#open.values()) {
      diag.close();
      tcp.close();
    }
    this.#entry.close();
  }

  #drop(netns: number, { diag, tcp, udp, asked }: OpenTable): void {
    diag.close();
    tcp.close();
    udp.clear();
    asked.clear();
    this.#open.delete(netns);
  }

  /** Null where the namespace is not to be had this way. */
  async #dump(
    netns: number,
    inhabitants: readonly Entrance[],
    slice: TimeSlice,
    queries: readonly TablesQuery[] | null,
  ): Promise<DiagTable | null> {
    const table = this.#open.get(netns) ?? this.#openFor(netns, inhabitants);
    if (table === null) return null;
    try {
      if (queries !== null) return await dumpAsked(table, netns, queries, slice);
      return await dumpEverything(table, slice, () => this.#openCounters(netns, inhabitants));
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#drop(netns, table);
      return null;
    }
  }

  #openFor(netns: number, inhabitants: readonly Entrance[]): OpenTable | null {
    if (this.#open.size >= diagSocketsMax) {
      this.#refusedTotal++;
      return null;
    }
    for (const { path } of inhabitants.slice(0, readersMax)) {
      const diag = this.#openThrough(path, netns);
      if (diag === denied) return null;
      if (diag === null || isUnread(diag)) continue;
      const table = {
        diag,
        tcp: new TcpTable(diag, this.#watcher),
        udp: diag.keep(unowned, this.#watcher),
        asked: diag.keep(unowned, this.#watcher),
      };
      this.#open.set(netns, table);
      return table;
    }
    return null;
  }

  /** Null when the process has gone elsewhere. */
  #openThrough(path: string, netns: number): SockDiag | Unread | null {
    try {
      return unreadIfAbsent(() =>
        this.#entry.within(`${path}/ns/net`, netns, () => SockDiag.open(this.#libc, netns)),
      );
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      if (error instanceof NetnsRefusedError) this.#refusals.push(error.reason);
      return denied;
    }
  }

  /** Null where they are not to be had: the table does without. */
  #openCounters(netns: number, inhabitants: readonly Entrance[]): TcpCounters | null {
    for (const { path } of inhabitants.slice(0, readersMax)) {
      try {
        const counters = this.#entry.within(`${path}/ns/net`, netns, () => TcpCounters.open());
        if (counters !== null) return counters;
      } catch {
        // The process went away, or there is no descriptor left.
      }
    }
    return null;
  }

  async #readProc(
    netns: number,
    inhabitants: readonly Entrance[],
    slice: TimeSlice,
  ): Promise<DiagTable | Unread> {
    const tables = await readNamespaceTables(netns, inhabitants, this.#tableReader, slice);
    if (isUnread(tables)) return tables;
    const cells = tables.rows.map((value) => ({ value, slot: noSlot }));
    for (const cell of cells) this.#watcher?.shown(cell);
    this.#procCells.push(...cells);
    return { ...tables, parts: () => [cells.map(({ value }) => value)] };
  }
}

async function dumpEverything(
  { diag, tcp, udp }: OpenTable,
  slice: TimeSlice,
  openCounters: OpenCounters,
): Promise<DiagTable> {
  const ofTcp = await tcp.dump(performance.now(), slice, openCounters);
  udp.begin();
  const ofUdp = await diag.dumpKept(everyUdpSocket, udp, slice);
  udp.end();
  return { ...joined([ofTcp, ofUdp]), parts: () => [...tcp.parts(), udp.values()], truncated: [] };
}

async function dumpAsked(
  { diag, asked }: OpenTable,
  netns: number,
  queries: readonly TablesQuery[],
  slice: TimeSlice,
): Promise<DiagTable> {
  const dumps: Malformed[] = [];
  asked.begin();
  for (const query of queries) {
    const states = query.statesIn?.(netns) ?? query.states;
    dumps.push(await diag.dumpKept({ ...query, states }, asked, slice));
  }
  asked.end();
  return { ...joined(dumps), parts: () => [asked.values()], truncated: [] };
}

function joined(dumps: readonly Malformed[]): Malformed {
  return {
    malformed: dumps.flatMap(({ malformed }) => malformed),
    malformedTotal: dumps.reduce((sum, { malformedTotal }) => sum + malformedTotal, 0),
  };
}
