/** A disk in memory that forgets what was not synced when its machine goes down, and fails when it is told to. */
import type { AppendFile, Disk } from '../../disk/disk.ts';
import { DiskError } from '../../disk/disk-error.ts';

interface MemoryFile {
  bytes: Buffer;
  /** How much of it is on the disk. */
  synced: number;
}

export class MemoryDisk implements Disk {
  readonly files = new Map<string, MemoryFile>();
  /** What every write and sync fails with; null = it works. */
  failing: string | null = null;
  /** Syncs are not over while it is set. */
  #held: (() => void)[] | null = null;

  /** The machine goes down: what is not synced is gone, or a part of it is, as `left` says of its length. */
  crash(left: (length: number) => number = () => 0): void {
    this.failing = null;
    this.#held = null;
    for (const file of this.files.values()) {
      const unsynced = file.bytes.length - file.synced;
      file.bytes = Buffer.from(file.bytes.subarray(0, file.synced + Math.min(unsynced, left(unsynced))));
      file.synced = file.bytes.length;
    }
  }

  /** From here on nothing answers, until it is released. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const go of held) go();
  }

  list(folder: string): string[] {
    const names = [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`));
    return names.map((path) => path.slice(folder.length + 1)).sort();
  }

  read(path: string): Buffer | null {
    return this.files.get(path)?.bytes ?? null;
  }

  sizeOf(path: string): number | null {
    return this.files.get(path)?.bytes.length ?? null;
  }

  openAppend(path: string): AppendFile {
    this.#check('open', path);
    const file = this.files.get(path) ?? { bytes: Buffer.alloc(0), synced: 0 };
    this.files.set(path, file);
    return {
      get size() {
        return file.bytes.length;
      },
      append: async (pieces) => {
        this.#check('write', path);
        file.bytes = Buffer.concat([file.bytes, ...pieces]);
      },
      sync: async () => {
        const { length } = file.bytes;
        if (this.#held !== null) await new Promise<void>((go) => this.#held!.push(go));
        this.#check('sync', path);
        file.synced = Math.max(file.synced, length);
      },
      close: () => undefined,
    };
  }

  async replace(path: string, bytes: Buffer): Promise<void> {
    this.#check('replace', path);
    this.files.set(path, { bytes, synced: bytes.length });
  }

  remove(path: string): void {
    this.files.delete(path);
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from);
    if (file === undefined) throw new DiskError('rename', from, { code: 'ENOENT' });
    this.files.delete(from);
    this.files.set(to, file);
  }

  truncate(path: string, size: number): void {
    const file = this.files.get(path)!;
    file.bytes = Buffer.from(file.bytes.subarray(0, size));
    file.synced = size;
  }

  makeFolder(): void {}

  async syncFolder(folder: string): Promise<void> {
    this.#check('sync', folder);
  }

  #check(operation: string, path: string): void {
    if (this.failing !== null) throw new DiskError(operation, path, { code: this.failing });
  }
}
