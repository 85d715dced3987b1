/**
 * Which sockets go on in a snapshot. A run of an agent knows them by its numbers; another run numbers them anew, and after a
 * reboot none goes on.
 *
 * The same inode under the same tuple is the same socket. A TCP connection has no inode while it waits to be accepted
 * and once it is only remembered, so there the tuple decides, unless the connection would have to go back in its life.
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

/** Finds for each row of a new run's snapshot the one of the run before that goes on in it; each goes on once. */
export function matchContinuations<Row extends { readonly socket: ReportedSocket }>(
  snapshot: readonly OpenedRow[],
  before: Iterable<Row>,
): Map<OpenedRow, Row> {
  const byInode = new Map<string, Row>();
  const byTuple = new Map<string, Row>();
  for (const row of before) {
    byInode.set(inodeKey(row.socket), row);
    if (isConnection(row.socket)) byTuple.set(tupleKeyOf(row.socket), row);
  }
  const matches = new Map<OpenedRow, Row>();
  // An agent that comes in tells its sockets for the first time, and there are many of both.
  if (byInode.size === 0) return matches;
  const taken = new Set<Row>();
  for (const open of snapshot) {
    const row =
      byInode.get(inodeKey(open)) ?? (isConnection(open) ? byTuple.get(tupleKeyOf(open)) : undefined);
    if (row === undefined || taken.has(row) || !continues(row.socket, open)) continue;
    taken.add(row);
    matches.set(open, row);
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
