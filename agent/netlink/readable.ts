/** poll(2): which of many descriptors have something to read, in one call however many they are. */
import type { Libc } from '../libc.ts';

/** struct pollfd: i32 fd, u16 events, u16 revents. */
const entryBytes = 8;

/** Readable. An error or a hang-up is told without being asked for, and reading tells which. */
const pollIn = 0x1;

/** Keeps what poll(2) is asked while the descriptors stay the same. */
export class ReadablePoll {
  readonly #libc: Libc;
  #entries: Buffer = Buffer.alloc(0);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The descriptors that are asked about from here on. */
  watch(fds: readonly number[]): void {
    this.#entries = Buffer.alloc(fds.length * entryBytes);
    for (const [i, fd] of fds.entries()) {
      this.#entries.writeInt32LE(fd, i * entryBytes);
      this.#entries.writeUInt16LE(pollIn, i * entryBytes + 4);
    }
  }

  /** Indices of those that can be read, or have failed. Never waits. */
  readable(): number[] {
    const count = this.#entries.length / entryBytes;
    if (count === 0) return [];
    let left = this.#libc.poll(this.#entries, count, 0);
    const indices: number[] = [];
    for (let i = 0; i < count && left > 0; i++) {
      if (this.#entries.readUInt16LE(i * entryBytes + 6) === 0) continue;
      indices.push(i);
      left--;
    }
    return indices;
  }
}
