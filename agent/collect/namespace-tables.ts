/** Reads the socket tables of one network namespace, once, through any process in it. */
import type { OwnedSocket } from '../../model/socket.ts';
import type { MalformedRow } from '../collector.ts';
import { SocketTableParser, socketTables } from '../procfs/net-tcp.ts';
import { readNetnsInode } from '../procfs/pid-netns.ts';
import { denied, gone, isUnread, type Unread } from '../procfs/proc-file.ts';
import type { TableReader } from '../procfs/table-reader.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { Inhabitant } from './census.ts';

/** Through how many processes a namespace is tried, when one after the other exits while its tables are read. */
export const readersMax = 16;

/** Rows parsed between two looks at the clock: about a millisecond of work. */
const rowsPerLook = 2000;

export interface NamespaceTables {
  /** Their owners are still to be found. */
  readonly rows: readonly OwnedSocket[];
  readonly malformed: readonly MalformedRow[];
  readonly malformedTotal: number;
  /** Tables that were longer than tableBytesMax. */
  readonly truncated: readonly string[];
}

/** Processes by namespace, as far as the agent may know it. */
export function groupByNetns(inhabitants: readonly Inhabitant[]): Map<number, Inhabitant[]> {
  const groups = new Map<number, Inhabitant[]>();
  for (const inhabitant of inhabitants) {
    if (inhabitant.netns === null) continue;
    const group = groups.get(inhabitant.netns);
    if (group === undefined) groups.set(inhabitant.netns, [inhabitant]);
    else group.push(inhabitant);
  }
  return groups;
}

export interface AllTables {
  readonly read: readonly NamespaceTables[];
  readonly scanned: ReadonlySet<number>;
  /** Namespaces whose tables the agent may not read. */
  readonly closed: number;
}

/** Reads every namespace once. */
export async function readAllTables(
  byNetns: ReadonlyMap<number, readonly Inhabitant[]>,
  reader: TableReader,
  slice: TimeSlice,
): Promise<AllTables> {
  const read: NamespaceTables[] = [];
  const scanned = new Set<number>();
  let closed = 0;
  for (const [netns, inhabitants] of byNetns) {
    const tables = await readNamespaceTables(netns, inhabitants, reader, slice);
    if (tables === denied) closed++;
    if (isUnread(tables)) continue;
    read.push(tables);
    scanned.add(netns);
  }
  return { read, scanned, closed };
}

/** A process through whose folder a namespace is read. */
export type Entrance = Pick<Inhabitant, 'path'>;

/** `gone` when every process tried went away meanwhile: nothing is known then about the sockets of the namespace. */
export async function readNamespaceTables(
  netns: number,
  inhabitants: readonly Entrance[],
  reader: TableReader,
  slice: TimeSlice,
): Promise<NamespaceTables | Unread> {
  let unread: Unread = gone;
  for (const { path } of inhabitants.slice(0, readersMax)) {
    const tables = await readThrough(path, netns, reader, slice);
    if (!isUnread(tables)) return tables;
    unread = tables;
  }
  return unread;
}

async function readThrough(
  path: string,
  netns: number,
  reader: TableReader,
  slice: TimeSlice,
): Promise<NamespaceTables | Unread> {
  const rows: OwnedSocket[] = [];
  const malformed: MalformedRow[] = [];
  const truncated: string[] = [];
  let malformedTotal = 0;
  for (const table of socketTables) {
    const file = `${path}/net/${table}`;
    const read = await reader.read(file, slice);
    if (read === denied) return denied;
    // A table may be absent (tcp6 without IPv6); whether the process is still there is asked below, once for all.
    if (isUnread(read)) continue;
    if (read.truncated) truncated.push(file);
    const parser = new SocketTableParser(read.bytes, { table, file, netns });
    while (parser.parseRows(rowsPerLook)) if (slice.isUsedUp()) await slice.rest();
    for (const row of parser.rows) rows.push(row);
    malformed.push(...parser.malformed);
    malformedTotal += parser.malformedTotal;
  }
  // Only a process that is in the namespace before and after has shown that namespace's tables and all of them.
  const after = readNetnsInode(path);
  if (isUnread(after)) return after;
  return after === netns ? { rows, malformed, malformedTotal, truncated } : gone;
}
