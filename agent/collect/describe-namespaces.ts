/** Describes every namespace that has a process, and tells which one is the agent's own. */
import type { Netns } from '../../model/netns.ts';
import { readNetnsInode } from '../procfs/pid-netns.ts';
import { readSelf } from '../procfs/pids.ts';
import { processPath } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { NamespaceTable } from '../resolve/namespace-table.ts';
import { type Entrance, readersMax } from './namespace-tables.ts';

/**
 * @param byNetns processes by namespace; each namespace has one at least
 * @param isComplete whether these are all namespaces that have a process
 */
export async function describeNamespaces(
  procRoot: string,
  namespaces: NamespaceTable,
  byNetns: ReadonlyMap<number, readonly Entrance[]>,
  isComplete: boolean,
  slice: TimeSlice,
): Promise<Netns[]> {
  const self = readSelf(procRoot);
  const own = self === null ? null : readNetnsInode(processPath(procRoot, self));
  const nowMs = performance.now();
  const described: Netns[] = [];
  namespaces.begin({ namespaces: byNetns, isComplete });
  for (const [inode, inhabitants] of byNetns) {
    const paths = inhabitants.slice(0, readersMax).map(({ path }) => path);
    described.push(await namespaces.describe({ inode, paths, isHost: inode === own }, nowMs, slice));
    if (slice.isUsedUp()) await slice.rest();
  }
  return described;
}
