/**
 * The disk of one machine, in memory. Bytes that were written are there for whoever reads them while the machine is up; when its
 * power is lost, what was not synced is lost from some byte on, and names that were given or taken in a folder since that was
 * synced are so from some name on. What is written when its process is killed may be there in part. It may be slow, full, or fail.
 */
import type { Files } from '../../disk/files.ts';
import type { Chance } from '../engine/chance.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** How a disk may go wrong. */
export interface DiskFaults {
  /** Bytes that it takes in all; null = any number. */
  capacityBytes: number | null;
  /** Probabilities that a write or a sync fails. */
  writeFails: number;
  syncFails: number;
  /** Mean of what a write or a sync takes. */
  delayMs: number;
}

const noDiskFaults: DiskFaults = { capacityBytes: null, writeFails: 0, syncFails: 0, delayMs: 1 };

interface FileNode {
  bytes: Buffer;
  /** How much of them is used. */
  size: number;
  /** How much of that survives. */
  syncedSize: number;
}

type NameChange = { readonly name: string; readonly node: FileNode | null };

interface Folder {
  /** As whoever lists it sees it. */
  readonly names: Map<string, FileNode>;
  /** As it is after a loss of power, and what was done since. */
  readonly kept: Map<string, FileNode>;
  changes: NameChange[][];
}

export interface DiskParts {
  readonly time: SimulatedTime;
  readonly chance: Chance;
}

export class SimulatedDisk {
  readonly faults: DiskFaults = { ...noDiskFaults };
  readonly #parts: DiskParts;
  readonly #folders = new Map<string, Folder>();
  readonly #open = new Map<number, FileNode>();
  #lastFd = 2;
  /** One higher at each loss of power. */
  #boot = 0;
  /** How often power was lost. */
  crashes = 0;
  /** Called when somebody begins to write or to sync. */
  whenTouched: (() => void) | null = null;

  constructor(parts: DiskParts) {
    this.#parts = parts;
  }

  /** Nothing goes wrong with it any more. */
  mend(): void {
    Object.assign(this.faults, noDiskFaults);
  }

  get usedBytes(): number {
    let used = 0;
    for (const { names } of this.#folders.values()) for (const { size } of names.values()) used += size;
    return used;
  }

  /** Power is lost. */
  crash(): void {
    const { chance } = this.#parts;
    this.#boot++;
    this.crashes++;
    this.#open.clear();
    for (const folder of this.#folders.values()) {
      for (const change of folder.changes.slice(0, chance.below(folder.changes.length + 1)))
        apply(folder.kept, change);
      folder.changes = [];
      folder.names.clear();
      for (const [name, node] of folder.kept) {
        folder.names.set(name, node);
        this.#tear(node);
      }
    }
  }

  /** The calls to the system of one process. */
  filesOf(process: SimulatedProcess): Files {
    return {
      list: (path) => [...this.#folder(path).names.keys()],
      read: (path) => Buffer.from(contentOf(this.#node(path))),
      sizeOf: (path) => this.#node(path).size,
      open: (path) => this.#openFile(path),
      sizeOfOpen: (fd) => this.#open.get(fd)!.size,
      write: (fd, pieces, position) => this.#write(process, fd, pieces, position),
      sync: (fd) => this.#sync(process, fd),
      close: (fd) => void this.#open.delete(fd),
      remove: (path) => this.#rename(path, null),
      rename: (from, to) => this.#rename(from, to),
      truncate: (path, size) => {
        const node = this.#node(path);
        node.size = Math.min(node.size, size);
        node.syncedSize = node.size;
      },
      makeFolder: (path) => this.#makeFolder(path),
      syncFolder: (path) => this.#syncFolder(process, path),
    };
  }

  #makeFolder(path: string): void {
    const above = folderOf(path);
    if (above !== path && above !== '') this.#makeFolder(above);
    if (!this.#folders.has(path)) this.#folders.set(path, { names: new Map(), kept: new Map(), changes: [] });
  }

  #folder(path: string): Folder {
    const folder = this.#folders.get(path);
    if (folder === undefined) throw failure('ENOENT');
    return folder;
  }

  #node(path: string): FileNode {
    const node = this.#folder(folderOf(path)).names.get(nameOf(path));
    if (node === undefined) throw failure('ENOENT');
    return node;
  }

  #openFile(path: string): number {
    const folder = this.#folder(folderOf(path));
    let node = folder.names.get(nameOf(path));
    if (node === undefined) {
      node = { bytes: Buffer.alloc(256), size: 0, syncedSize: 0 };
      this.#change(folder, [{ name: nameOf(path), node }]);
    }
    const fd = ++this.#lastFd;
    this.#open.set(fd, node);
    return fd;
  }

  #rename(from: string, to: string | null): void {
    const folder = this.#folder(folderOf(from));
    const node = this.#node(from);
    const gone: NameChange = { name: nameOf(from), node: null };
    this.#change(folder, to === null ? [gone] : [gone, { name: nameOf(to), node }]);
  }

  #change(folder: Folder, change: NameChange[]): void {
    apply(folder.names, change);
    folder.changes.push(change);
  }

  async #write(
    process: SimulatedProcess,
    fd: number,
    pieces: readonly Buffer[],
    position: number,
  ): Promise<number> {
    const node = this.#open.get(fd)!;
    const bytes = Buffer.concat(pieces);
    const { chance } = this.#parts;
    await this.#wait(process, (isAlive) => {
      if (!isAlive) put(node, bytes.subarray(0, chance.below(bytes.length + 1)), position);
    });
    if (chance.happens(this.faults.writeFails)) {
      put(node, bytes.subarray(0, chance.below(bytes.length)), position);
      throw failure('EIO');
    }
    const { capacityBytes } = this.faults;
    const room = capacityBytes === null ? bytes.length : Math.max(0, capacityBytes - this.usedBytes);
    if (room === 0) throw failure('ENOSPC');
    const written = Math.min(room, bytes.length);
    put(node, bytes.subarray(0, written), position);
    return written;
  }

  async #sync(process: SimulatedProcess, fd: number): Promise<void> {
    const node = this.#open.get(fd)!;
    const { size } = node;
    await this.#wait(process, (isAlive) => {
      if (!isAlive && this.#parts.chance.happens(0.5)) node.syncedSize = Math.max(node.syncedSize, size);
    });
    if (this.#parts.chance.happens(this.faults.syncFails)) throw failure('EIO');
    node.syncedSize = Math.max(node.syncedSize, size);
  }

  async #syncFolder(process: SimulatedProcess, path: string): Promise<void> {
    const folder = this.#folder(path);
    const count = folder.changes.length;
    await this.#wait(process, () => undefined);
    if (this.#parts.chance.happens(this.faults.syncFails)) throw failure('EIO');
    for (const change of folder.changes.splice(0, count)) apply(folder.kept, change);
  }

  /** Until the disk has done something; never over for a process that is killed meanwhile. @param then what the disk does by itself */
  #wait(process: SimulatedProcess, then: (isAlive: boolean) => void): Promise<void> {
    const { time, chance } = this.#parts;
    const boot = this.#boot;
    this.whenTouched?.();
    return new Promise((resolve) => {
      time.after(
        this.faults.delayMs * (0.2 + 2 * chance.next() ** 3),
        () => {
          if (boot !== this.#boot) return;
          then(process.isAlive);
          process.enter(resolve);
        },
        true,
      );
    });
  }

  /** Of what was not synced some is there, or its room is and zeros in it. */
  #tear(node: FileNode): void {
    const { chance } = this.#parts;
    const unsynced = node.size - node.syncedSize;
    if (unsynced === 0) return;
    const kept = node.syncedSize + chance.below(unsynced + 1);
    if (chance.happens(0.3)) node.bytes.fill(0, kept, node.size);
    else node.size = kept;
    node.syncedSize = node.size;
  }
}

function apply(names: Map<string, FileNode>, change: readonly NameChange[]): void {
  for (const { name, node } of change) {
    if (node === null) names.delete(name);
    else names.set(name, node);
  }
}

function put(node: FileNode, bytes: Buffer, position: number): void {
  const end = position + bytes.length;
  if (end > node.bytes.length) {
    const larger = Buffer.alloc(2 * end);
    node.bytes.copy(larger, 0, 0, node.size);
    node.bytes = larger;
  }
  bytes.copy(node.bytes, position);
  node.size = Math.max(node.size, end);
}

function contentOf({ bytes, size }: FileNode): Buffer {
  return bytes.subarray(0, size);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
