/**
 * Up to when nothing would be missing if the agent died now, in a file that grows by a record a second and is now and then
 * begun anew. Nothing is synced in between: what was written survives the process, and after a power failure an older record
 * stands last, which only makes the gap longer. What it relies on is on a disk before it is written.
 */
import type { AppendFile, Disk } from '../../disk/disk.ts';
import { type DiskError, diskErrorOf } from '../../disk/disk-error.ts';
import { encodeKept, type KeptValue, parseKept } from './kept-value.ts';

/** A file that is longer is begun anew. */
export const watchedFileMax = 64 * 1024;

export interface Watched {
  /** Unix milliseconds. */
  readonly unixMs: number;
  /** Of the host when it was written; empty where that could not be read. */
  readonly bootId: string;
}

/** What the run before has left; null where there is nothing to be read. Throws DiskError. */
export function readWatched(disk: Disk, folder: string): Watched | null {
  return watchedOf(parseKept(disk.read(pathIn(folder))));
}

function watchedOf(kept: KeptValue | null): Watched | null {
  const { unixMs, bootId } = kept ?? {};
  return typeof unixMs === 'number' && typeof bootId === 'string' ? { unixMs, bootId } : null;
}

function pathIn(folder: string): string {
  return `${folder}/watched`;
}

export class WatchedFile {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #bootId: string;
  #file: AppendFile | null = null;
  #writtenMs = 0;
  #writing: Promise<void> | null = null;
  /** Why the disk did not take it at last; null = it did. */
  failure: DiskError | null = null;

  constructor(disk: Disk, folder: string, bootId: string) {
    this.#disk = disk;
    this.#path = pathIn(folder);
    this.#bootId = bootId;
  }

  /** Writes it where it has moved on, and nothing is being written. */
  write(unixMs: number): void {
    if (unixMs <= this.#writtenMs || this.#writing !== null) return;
    this.#writing = this.#write(unixMs).finally(() => {
      this.#writing = null;
    });
  }

  async #write(unixMs: number): Promise<void> {
    const record = encodeKept({ unixMs, bootId: this.#bootId });
    try {
      if (this.#file === null || this.#file.size > watchedFileMax) await this.#begin(record);
      else await this.#file.append([record]);
      this.#writtenMs = unixMs;
      this.failure = null;
    } catch (fault) {
      // Nothing may stand behind a record of which only a part is there.
      this.#closeFile();
      this.failure = diskErrorOf(fault);
    }
  }

  async #begin(record: Buffer): Promise<void> {
    this.#closeFile();
    await this.#disk.replace(this.#path, record);
    this.#file = this.#disk.openAppend(this.#path);
  }

  /** Nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.settled();
    this.#closeFile();
  }

  #closeFile(): void {
    this.#file?.close();
    this.#file = null;
  }
}
