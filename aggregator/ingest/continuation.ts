/**
 * Which sockets go on in a snapshot. A run of an agent knows them by its numbers; another run numbers them anew, and after a
 * reboot none goes on.
 *
 * The same inode under the same tuple is the same socket. A TCP connection has no inode while it waits to be accepted
 * and once it is only remembered, so there the tuple decides, unless the connection would have to go back in its life. Nor has
 * one whose end an event told before a scan of that run could show it: it was there when the run began.
 */
import { continues } from '../../model/continuity.ts';
import { formatEndpoint } from '../../model/endpoint.ts';
import { isListening } from '../../model/socket-state.ts';
import type { ReportedSocket } from '../correlate/report.ts';
import type { OpenedRow } from './opened-row.ts';

type Comparable = Pick<OpenedRow, 'protocol' | 'netns' | 'local' | 'remote' | 'inode' | 'state'>;

/** Finds for each row of a snapshot the one that has its number in the same run of the agent. */
export function matchNumbers<Row>(
  snapshot: readonly OpenedRow[],
  byId: ReadonlyMap<number, Row>,
): Map<OpenedRow, Row> {
  const matches = new Map<OpenedRow, Row>();
  for (const open of snapshot) {
    const row = byId.get(open.id);
    if (row !== undefined) matches.set(open, row);
  }
  return matches;
}

/** Sockets of a run of an agent that may go on in another one; each goes on once. */
export class Continuable<Row extends { readonly socket: Comparable }> {
  readonly #rows: readonly Row[];
  readonly #byInode = new Map<string, Row>();
  readonly #byTuple = new Map<string, Row>();
  readonly #taken = new Set<Row>();

  /** @param rows where two have the same key, the later one stands for both */
  constructor(rows: Iterable<Row>) {
    this.#rows = [...rows];
    for (const row of this.#rows) {
      this.#byInode.set(inodeKey(row.socket), row);
      if (isConnection(row.socket)) this.#byTuple.set(tupleKeyOf(row.socket), row);
    }
  }

  get isEmpty(): boolean {
    return this.#byInode.size === 0;
  }

  /** Those that nobody took. */
  left(): Row[] {
    return this.#rows.filter((row) => !this.#taken.has(row));
  }

  /** The one that goes on in it, from now on for nobody else. */
  take(open: OpenedRow): Row | undefined {
    const row =
      this.#byInode.get(inodeKey(open)) ??
      (isConnection(open) ? this.#byTuple.get(tupleKeyOf(open)) : undefined);
    if (row === undefined || this.#taken.has(row)) return undefined;
    const before = isToldByItsEnd(open) ? { ...row.socket, inode: 0 } : row.socket;
    if (!continues(before, open)) return undefined;
    this.#taken.add(row);
    return row;
  }
}

/** Whether all that its run knows of it is its end: events tell no inode, and a state that may be any. */
function isToldByItsEnd({ inode, notBeforeMs, closedAtMs }: OpenedRow): boolean {
  return inode === 0 && notBeforeMs === 0 && closedAtMs !== null;
}

/** Finds for each row of a new run's snapshot the one of the run before that goes on in it; each goes on once. */
export function matchContinuations<Row extends { readonly socket: ReportedSocket }>(
  snapshot: readonly OpenedRow[],
  before: Iterable<Row>,
): Map<OpenedRow, Row> {
  const continuable = new Continuable(before);
  const matches = new Map<OpenedRow, Row>();
  // An agent that comes in tells its sockets for the first time, and there are many of both.
  if (continuable.isEmpty) return matches;
  for (const open of snapshot) {
    const row = continuable.take(open);
    if (row !== undefined) matches.set(open, row);
  }
  return matches;
}

function isConnection({ protocol, state }: Comparable): boolean {
  return protocol === 'tcp' && !isListening(state);
}

function tupleKeyOf({ protocol, netns, local, remote }: Comparable): string {
  return `${protocol}|${netns}|${formatEndpoint(local)}|${formatEndpoint(remote)}`;
}

function inodeKey(socket: Comparable): string {
  return `${tupleKeyOf(socket)}|${socket.inode}`;
}
