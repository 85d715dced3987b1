/** The file of the last checkpoint: taken at once, and put in place when what stands before it in the journal is committed. */
import type { Disk } from '../../disk/disk.ts';
import { type DiskError, diskErrorOf } from '../../disk/disk-error.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';

export interface CheckpointFileOptions {
  readonly disk: Disk;
  readonly path: string;
  /** What is known now. */
  readonly capture: () => Omit<Checkpoint, 'segment'>;
}

export class CheckpointFile {
  readonly #options: CheckpointFileOptions;
  #due: { readonly segment: number; readonly bytes: Buffer } | null = null;
  #writtenSegment = 0;

  constructor(options: CheckpointFileOptions) {
    this.#options = options;
  }

  /** Of what is on the disk; 0 = nothing that this run wrote. */
  get writtenSegment(): number {
    return this.#writtenSegment;
  }

  /** All that took effect stands in the journal before that segment. */
  take(segment: number): void {
    const bytes = encodeCheckpoint({ segment, ...this.#options.capture() });
    this.#due = { segment, bytes };
  }

  /** Puts the one that was taken last in place, when there is one. What is before its segment is committed. */
  async writeDue(): Promise<DiskError | null> {
    const due = this.#due;
    if (due === null) return null;
    try {
      await this.#options.disk.replace(this.#options.path, due.bytes);
    } catch (fault) {
      return diskErrorOf(fault);
    }
    if (this.#due === due) this.#due = null;
    this.#writtenSegment = due.segment;
    return null;
  }
}

/** What is wrong with a checkpoint is a text; null = there is none yet. Throws DiskError. */
export function readCheckpoint(disk: Disk, path: string): Checkpoint | string | null {
  const bytes = disk.read(path);
  return bytes === null ? null : decodeCheckpoint(bytes);
}
