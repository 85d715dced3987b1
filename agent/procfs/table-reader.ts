/** Reads whole socket tables, which may have megabytes, into one buffer that is used again and again. */
import { closeSync, openSync, readSync } from 'node:fs';
import { grown, isUnread, type Unread, unreadIfAbsent } from './proc-file.ts';
import type { TimeSlice } from './time-slice.ts';

/** Upper bound of one socket table; 256 MiB are about 1.7 million rows. What lies beyond is not read, and said. */
export const tableBytesMax = 256 << 20;

const initialBytes = 64 << 10;

/** The smallest page of any machine, and more than the longest row of any socket table. */
const pageBytes = 4096;
const rowBytesMax = 512;

export interface TableRead {
  /** Valid until the reader reads again. */
  readonly bytes: Buffer;
  /** The table was longer than tableBytesMax. */
  readonly truncated: boolean;
}

export class TableReader {
  #bytes: Buffer = Buffer.allocUnsafeSlow(initialBytes);

  /**
   * One table from its beginning to its end; gives the event loop its turns in between.
   *
   * The kernel ends a read when the next row does not fit into its page, so a read that leaves room for a row was the
   * last one. Asking once more would cost as much as half the table: it searches all hash buckets of the host again.
   */
  async read(path: string, slice: TimeSlice): Promise<TableRead | Unread> {
    const fd = unreadIfAbsent(() => openSync(path, 'r'));
    if (isUnread(fd)) return fd;
    try {
      for (let length = 0; ; ) {
        if (this.#bytes.length - length < pageBytes)
          this.#bytes = grown(this.#bytes, tableBytesMax + pageBytes);
        const got = readSync(fd, this.#bytes, length, this.#bytes.length - length, null);
        length += got;
        const truncated = length >= tableBytesMax;
        if (truncated || got < pageBytes - rowBytesMax)
          return { bytes: this.#bytes.subarray(0, length), truncated };
        if (slice.isUsedUp()) await slice.rest();
      }
    } finally {
      closeSync(fd);
    }
  }
}
