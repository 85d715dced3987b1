/** The folder of a daemon on a host, reached from outside: filled, damaged and measured. */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../fleet/host.ts';
import type { SeededRandom } from './seeded-random.ts';

const fillerName = 'somebody-elses-file';
const fillerBytes = 64 * 1024;

export class DaemonFolder {
  /** As processes of the host name it. */
  readonly path: string;
  readonly #host: Host;

  /** @param name below the host's own folder */
  constructor(host: Host, name: string) {
    this.#host = host;
    this.path = `${host.folder}/${name}`;
  }

  /** Makes it, on a file system of its own with so many MiB, which goes with the host. */
  async mount(sizeMiB: number): Promise<void> {
    mkdirSync(this.#outerPath, { recursive: true });
    await this.#host.namespace.run(['mount', '-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', this.path]);
  }

  /** Takes every block of its file system. */
  fill(): void {
    const filler = openSync(join(this.#outerPath, fillerName), 'w');
    try {
      // A smaller piece may still fit where a large one does not.
      for (let bytes = fillerBytes; bytes >= 1; bytes >>= 1)
        writeWhileThereIsRoom(filler, Buffer.alloc(bytes));
    } finally {
      closeSync(filler);
    }
  }

  free(): void {
    rmSync(join(this.#outerPath, fillerName));
  }

  /** Turns over single bits anywhere in what is stored. Returns how many: none where nothing is. */
  flipBits(count: number, random: SeededRandom): number {
    const files = this.#files().filter((path) => statSync(path).size > 0);
    if (files.length === 0) return 0;
    for (let i = 0; i < count; i++) flipOneBit(random.pick(files), random);
    return count;
  }

  /** What is stored in it, without what fills it. */
  get bytes(): number {
    return this.#files()
      .filter((path) => !path.endsWith(fillerName))
      .reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  /** Through the root of the host's first process. */
  get #outerPath(): string {
    return `/proc/${this.#host.namespace.pid}/root${this.path}`;
  }

  #files(): string[] {
    try {
      return readdirSync(this.#outerPath, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
    } catch (error) {
      // Its daemon has not made it yet, or is about to replace a part of it.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}

function writeWhileThereIsRoom(file: number, bytes: Buffer): void {
  try {
    for (;;) writeSync(file, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function flipOneBit(path: string, random: SeededRandom): void {
  const file = openSync(path, 'r+');
  try {
    const at = Math.floor(random.draw() * fstatSync(file).size);
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    byte[0]! ^= 1 << Math.floor(random.draw() * 8);
    writeSync(file, byte, 0, 1, at);
  } finally {
    closeSync(file);
  }
}
