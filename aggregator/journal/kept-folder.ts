/** The data folder of an aggregator: who has it, what is in it, and what is wrong with it. */
import type { Disk } from '../../disk/disk.ts';
import { type DiskError, diskErrorOf } from '../../disk/disk-error.ts';
import type { FolderLock, FolderTaken } from '../../disk/folder-lock.ts';
import { Segments } from '../../disk/segments.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readCheckpoint } from './checkpoint-file.ts';
import type { JournalLimits } from './limits.ts';

export interface DataConfig {
  readonly folder: string;
  /** Whether a person named it: else an aggregator that cannot have it does without. */
  readonly isChosen: boolean;
  /** Bytes of the journal. */
  readonly bytesMax: number;
}

export interface DataFolder {
  readonly folder: string;
  readonly bytesMax: number;
  readonly segments: Segments;
  readonly checkpointPath: string;
  /** null where there is none that can be used. */
  readonly checkpoint: Checkpoint | null;
  /** Why a checkpoint that is there cannot be used, and is kept aside; null = it can, or there is none. */
  readonly unusable: string | null;
  readonly lock: FolderLock;
}

export interface DataFolderOptions {
  readonly data: DataConfig;
  readonly disk: Disk;
  readonly takeFolder: (folder: string) => Promise<FolderTaken>;
  readonly limits: JournalLimits;
}

/** Cannot keep anything in the folder. The message is one line. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

/** Takes the folder, and looks at what is in it. Throws DataFolderError; nothing is taken then. */
export async function openDataFolder(options: DataFolderOptions): Promise<DataFolder> {
  const { disk, takeFolder, limits } = options;
  const { folder, bytesMax } = options.data;
  const lock = await take(folder, disk, takeFolder);
  try {
    const checkpointPath = `${folder}/checkpoint`;
    const read = readCheckpoint(disk, checkpointPath);
    const checkpoint = typeof read === 'string' ? null : read;
    if (typeof read === 'string') disk.rename(checkpointPath, `${checkpointPath}.damaged`);
    const segments = Segments.open({
      disk,
      folder: `${folder}/journal`,
      // The journal itself begins them, with what each has to begin with.
      segmentBytes: Number.POSITIVE_INFINITY,
      waitingBytesMax: limits.waitingBytesMax,
      numbersAbove: (checkpoint?.segment ?? 1) - 1,
    });
    if (segments instanceof Error) throw segments;
    const unusable = typeof read === 'string' ? read : null;
    return { folder, bytesMax, segments, checkpointPath, checkpoint, unusable, lock };
  } catch (fault) {
    lock.close();
    throw refusal(diskErrorOf(fault));
  }
}

async function take(
  folder: string,
  disk: Disk,
  takeFolder: DataFolderOptions['takeFolder'],
): Promise<FolderLock> {
  try {
    disk.makeFolder(folder);
  } catch (fault) {
    throw refusal(diskErrorOf(fault));
  }
  const taken = await takeFolder(folder);
  switch (taken.kind) {
    case 'taken':
      return taken.lock;
    case 'in-use':
      throw new DataFolderError(
        `--data ${folder}: another aggregator has it: choose another with --data DIR`,
      );
    case 'failed':
      throw refusal(taken.error);
  }
}

function refusal(error: DiskError): DataFolderError {
  return new DataFolderError(
    `--data: ${error.message}: choose another folder with --data DIR, or none with --data none`,
    { cause: error },
  );
}
