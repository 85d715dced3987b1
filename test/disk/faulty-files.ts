/** Real files, between which and a disk stands a fault: writes that are cut short, a disk that is full, one that fails. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDisk, type Disk } from '../../disk/disk.ts';
import { createFiles, type Files } from '../../disk/files.ts';

export interface Faults {
  /** A write takes no more than so many bytes at a time. */
  writeBytesMax: number;
  /** Bytes until the disk is full. */
  room: number;
  /** What the next calls of that name fail with. */
  readonly failing: Map<keyof Files, string>;
}

/** A folder of its own, to be removed, with a disk that does what `faults` says. */
export class FaultyDisk {
  readonly folder = mkdtempSync(join(tmpdir(), 'whotalks-disk-'));
  readonly faults: Faults = {
    writeBytesMax: Number.POSITIVE_INFINITY,
    room: Number.POSITIVE_INFINITY,
    failing: new Map(),
  };
  readonly disk: Disk;

  constructor() {
    const files = createFiles();
    this.disk = createDisk(this.#withFaults({ ...files, write: (...call) => this.#write(files, ...call) }));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #write(files: Files, fd: number, pieces: readonly Buffer[], position: number): Promise<number> {
    if (this.faults.room === 0) throw systemError('ENOSPC');
    const most = Math.min(this.faults.writeBytesMax, this.faults.room);
    const cut = Number.isFinite(most) ? [Buffer.concat(pieces).subarray(0, most)] : pieces;
    const written = await files.write(fd, cut, position);
    this.faults.room -= written;
    return written;
  }

  #withFaults(files: Files): Files {
    return new Proxy(files, {
      get: (target, name: keyof Files) => {
        const call = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          const code = this.faults.failing.get(name);
          if (code === undefined) return call(...args);
          const later = name === 'write' || name === 'sync' || name === 'syncFolder';
          if (later) return Promise.reject(systemError(code));
          throw systemError(code);
        };
      },
    });
  }
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
