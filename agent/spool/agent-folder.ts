/**
 * The folder that an agent keeps from one run to the next: its epoch, up to when it has watched, and its spool. One agent has
 * it at a time; without it an agent works too, and says so.
 */
import { createHash } from 'node:crypto';
import type { Disk } from '../../disk/disk.ts';
import { diskErrorOf } from '../../disk/disk-error.ts';
import type { FolderLock, FolderTaken } from '../../disk/folder-lock.ts';
import { type Beginning, drawEpoch } from './epoch.ts';
import { readWatched, type Watched } from './watched.ts';

export interface AgentFolder {
  readonly path: string;
  /** Of this run. */
  readonly epoch: number;
  /** Up to when the run before has watched, or when it began where it left no more; null = there was none. */
  readonly before: Watched | null;
  readonly disk: Disk;
  readonly lock: FolderLock;
}

export interface FolderOptions {
  readonly disk: Disk;
  /** Has the folder for this process, once it is there. */
  readonly takeFolder: (folder: string) => Promise<FolderTaken>;
  readonly path: string;
  readonly beginning: Beginning;
}

/** @returns the folder, with the epoch of this run on the disk; or why not, in a sentence */
export async function openAgentFolder({
  disk,
  takeFolder,
  path,
  beginning,
}: FolderOptions): Promise<AgentFolder | string> {
  let lock: FolderLock | null = null;
  try {
    disk.makeFolder(path);
    const taken = await takeFolder(path);
    if (taken.kind === 'in-use') return inMemory(`another agent has ${path}`);
    if (taken.kind === 'failed') return inMemory(taken.error.message);
    lock = taken.lock;
    const { epoch, before } = await drawEpoch(disk, path, beginning);
    return { path, epoch, before: readWatched(disk, path) ?? before, disk, lock };
  } catch (fault) {
    lock?.close();
    return inMemory(diskErrorOf(fault).message);
  }
}

function inMemory(reason: string): string {
  return `what closes while no aggregator takes it is kept in memory only, and is missing after a restart: ${reason}`;
}

/** Names of folders that say which host it is. */
const plainId = /^[\w-][\w.-]{0,99}$/;

/** Each host id has a folder of its own in `base`: what waits there is told under that id. */
export function folderOfHost(base: string, hostId: string): string {
  const name = plainId.test(hostId) ? hostId : createHash('sha256').update(hostId).digest('hex').slice(0, 32);
  return `${base}/${name}`;
}
