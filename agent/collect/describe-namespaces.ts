/** Describes every namespace that has a process, and tells which one is the agent's own. */
import type { Netns } from '../../model/netns.ts';
import { readNetnsInode } from '../procfs/pid-netns.ts';
import { readSelf } from '../procfs/pids.ts';
import { isUnread, processPath } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { NamespaceTable } from '../resolve/namespace-table.ts';
import { type Entrance, readersMax } from './namespace-tables.ts';

/** The namespace that the agent is in; null when this /proc does not tell. */
export function readOwnNetns(procRoot: string): number | null {
  const self = readSelf(procRoot);
  const own = self === null ? null : readNetnsInode(processPath(procRoot, self));
  return isUnread(own) ? null : own;
}

/**
 * @param own see readOwnNetns
 * @param byNetns processes by namespace; each namespace has one at least
 * @param isComplete whether these are all namespaces that have a process
 */
export async function describeNamespaces(
  own: number | null,
  namespaces: NamespaceTable,
  byNetns: ReadonlyMap<number, readonly Entrance[]>,
  isComplete: boolean,
  slice: TimeSlice,
): Promise<Netns[]> {
  const nowMs = performance.now();
  const described: Netns[] = [];
  namespaces.begin({ namespaces: byNetns, isComplete });
  for (const [inode, inhabitants] of byNetns) {
    const place = { inode, paths: pathsOf(inhabitants), isHost: inode === own };
    const netns = namespaces.describe(place, nowMs, slice);
    // Of hundreds of namespaces hardly any is new: waiting for each would take longer than all else.
    described.push(netns instanceof Promise ? await netns : netns);
    if (slice.isUsedUp()) await slice.rest();
  }
  return described;
}

function pathsOf(inhabitants: readonly Entrance[]): readonly string[] {
  return inhabitants.slice(0, readersMax).map(({ path }) => path);
}
