/**
 * Reading files, links and folders of /proc: the only I/O of this folder's parsers.
 *
 * A process can go away between any two of these calls, and may belong to somebody whose files are closed to the
 * agent. Both are everyday answers rather than errors: every read answers `gone` or `denied` instead of throwing. What
 * else goes wrong (EMFILE, EIO) concerns the agent itself and is thrown as Node's own error with its path.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** The process or the file is no more. */
export const gone = Object.freeze({ unread: 'gone' });

/** The agent may not look. */
export const denied = Object.freeze({ unread: 'denied' });

/** Why there is nothing to parse. Compare with `gone` and `denied` by identity. */
export type Unread = typeof gone | typeof denied;

/** Upper bound of one file. */
const fileBytesMax = 64 << 20;

/** Most files of a process fit in one read of this many bytes. */
const smallFileBytes = 2048;

export function isUnread(read: unknown): read is Unread {
  return read === gone || read === denied;
}

/** What was read, or `fallback`: what cannot be read of a living process is unknown, not a reason to leave it out. */
export function orElse<T, F>(read: T | Unread, fallback: F): T | F {
  return isUnread(read) ? fallback : read;
}

/** Folder of one process: `/proc/PID`. */
export function processPath(procRoot: string, pid: number): string {
  return `${procRoot}/${pid}`;
}

/** Folder of the process, read through one of its threads where the first one has exited. */
export function threadPath(procRoot: string, pid: number, tid: number): string {
  const folder = processPath(procRoot, pid);
  return tid === pid ? folder : `${folder}/task/${tid}`;
}

/** Content of a file that the kernel prints as one record (stat, status, cgroup ...): a read that is not filled is all. */
export function readRecordFile(path: string): Buffer | Unread {
  return readUntil(path, fileBytesMax, (got, room) => got < room);
}

/** Whole content, as far as `maxBytes`. stat() lies about sizes in /proc, so it reads until the end. */
export function readProcFile(path: string, maxBytes = fileBytesMax): Buffer | Unread {
  return readUntil(path, maxBytes, (got) => got === 0);
}

/** @param isEnd tells from the size of a read and the room that there was whether it was the last one */
function readUntil(
  path: string,
  maxBytes: number,
  isEnd: (got: number, room: number) => boolean,
): Buffer | Unread {
  return unreadIfAbsent(() => {
    const fd = openSync(path, 'r');
    try {
      let bytes = Buffer.allocUnsafe(Math.min(smallFileBytes, maxBytes));
      let length = 0;
      for (;;) {
        const room = bytes.length - length;
        const got = readSync(fd, bytes, length, room, null);
        length += got;
        if (isEnd(got, room) || length === maxBytes) return bytes.subarray(0, length);
        if (length === bytes.length) bytes = grown(bytes, maxBytes);
      }
    } finally {
      closeSync(fd);
    }
  });
}

/** Target of a symbolic link, such as `socket:[42]`. */
export function readLink(path: string): string | Unread {
  return unreadIfAbsent(() => readlinkSync(path));
}

/** Names in a folder, in the kernel's order. */
export function readFolder(path: string): string[] | Unread {
  return unreadIfAbsent(() => readdirSync(path));
}

/** A copy with room for as much again, but not more than `maxBytes`. */
export function grown(bytes: Buffer, maxBytes: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.min(bytes.length * 2, maxBytes));
  bytes.copy(larger);
  return larger;
}

/** Runs a system call of Node's and turns the two everyday failures into their answers. */
export function unreadIfAbsent<T>(read: () => T): T | Unread {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') return gone;
    if (code === 'EACCES' || code === 'EPERM') return denied;
    throw error;
  }
}
