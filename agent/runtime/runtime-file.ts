/**
 * Reading what container runtimes keep in files. A path may lead anywhere by the time it is opened, above all in a
 * user's home: only regular files of a bounded size are read, and opening never waits for somebody at the other end.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { denied, gone, type Unread } from '../procfs/proc-file.ts';

/** Longest file that is read: descriptions of hundreds of containers. */
export const runtimeFileBytesMax = 4 << 20;

const readQuietly = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW;

/** `gone` for whatever is no regular file, or too long, or fails. */
export function readRuntimeFile(path: string): Buffer | Unread {
  try {
    const fd = openSync(path, readQuietly);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > runtimeFileBytesMax) return gone;
      const bytes = Buffer.allocUnsafe(stat.size);
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return unreadOf(error);
  }
}

/** The same on a thread of the pool, for file systems that may take their time. */
export async function readRuntimeFileAside(path: string): Promise<Buffer | Unread> {
  try {
    const file = await open(path, readQuietly);
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > runtimeFileBytesMax) return gone;
      const bytes = Buffer.allocUnsafe(stat.size);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    return unreadOf(error);
  }
}

export function unreadOf(error: unknown): Unread {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' ? denied : gone;
}
