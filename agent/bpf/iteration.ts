/** Runs an iterator: the kernel does all the work inside read(2). */
import { closeSync, read as readFd, readSync } from 'node:fs';
import { promisify } from 'node:util';
import type { BpfCalls } from './bpf-calls.ts';
import { createIterator } from './syscall.ts';

const read = promisify(readFd);

/** The programs print nothing, so this only has to be there. */
const outputBytes = 4096;

/** How often an iteration may stop in between: the kernel stops after a million tasks. */
const pausesMax = 64;

/**
 * On a thread of libuv's, so that the event loop goes on meanwhile. Throws BpfError, or Node's error of read(2).
 *
 * @param isShort on this thread: what takes less than a millisecond would wait for another one for a good part of that
 */
export async function iterate(calls: BpfCalls, link: number, isShort = false): Promise<void> {
  const fd = createIterator(calls, link);
  const output = Buffer.allocUnsafe(outputBytes);
  try {
    for (let pauses = 0; ; ) {
      try {
        const bytesRead = isShort
          ? readSync(fd, output, 0, output.length, null)
          : (await read(fd, output, 0, output.length, null)).bytesRead;
        if (bytesRead === 0) return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++pauses > pausesMax) throw error;
      }
    }
  } finally {
    // There is nothing left to wait for, and a thread of the pool would be woken up for it.
    closeSync(fd);
  }
}
