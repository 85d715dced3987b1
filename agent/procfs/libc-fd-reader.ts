/** Reads /proc/PID/fd with getdents64 and readlinkat into buffers that are used again: no garbage per fd. */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { Libc } from '../libc.ts';
import type { FdReader, SocketFds } from './pid-fd.ts';
import { denied, gone, isUnread, type Unread, unreadIfAbsent } from './proc-file.ts';
import type { TimeSlice } from './time-slice.ts';

/** Entries of one getdents64 call: about 600, that is 2 ms of links between two looks at the clock. */
const entryBytes = 16 << 10;

/** Longer than any `socket:[INODE]`; the links of other files may be cut. */
const linkBytes = 64;

/** What a caller of readFiles says of an fd whose link is to be read. */
export const unknownFile = -1;

const deniedLink = -2;

/** What readSome says of an fd that is not open. */
export const closedFd = -3;

/** struct linux_dirent64: u64 inode, u64 offset, u16 length of this entry @16, u8 type @18, name @19 with a NUL. */
const entryLengthOffset = 16;
const entryNameOffset = 19;

/** "socket:[" as two little-endian words. */
const prefixWords = [0x6b636f73, 0x5b3a7465] as const;
const prefixLength = 8;

const dot = 0x2e;
const digitZero = 0x30;

export class LibcFdReader implements FdReader {
  readonly #libc: Libc;
  readonly #entries = Buffer.alloc(entryBytes);
  readonly #name = Buffer.alloc(16);
  readonly #link = Buffer.alloc(linkBytes);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  readSockets(path: string, found: SocketFds, slice: TimeSlice): Promise<Unread | null> {
    return this.#read(path, found, slice, null);
  }

  /**
   * Like readSockets, and adds every other file too, with inode 0. Listing an fd costs a fifth of reading its link, so
   * only the links are read that `recall` does not know.
   *
   * @param recall inode of an fd as of an earlier reading, or `unknownFile`; asked in ascending order of fds
   */
  readFiles(
    path: string,
    found: SocketFds,
    slice: TimeSlice,
    recall: (fd: number) => number,
  ): Promise<Unread | null> {
    return this.#read(path, found, slice, recall);
  }

  /**
   * Reads the links of some fds alone, without listing the others.
   *
   * @returns by place in `fds`: inode of a socket, 0 for another file, closedFd
   */
  readSome(path: string, fds: readonly number[]): number[] | Unread {
    const folder = unreadIfAbsent(() => openSync(`${path}/fd`, 'r'));
    if (isUnread(folder)) return folder;
    try {
      const inodes = fds.map((fd) => {
        this.#name.write(`${fd}\0`, 'latin1');
        const got = this.#libc.readlinkat(folder, this.#name, this.#link, linkBytes);
        if (got >= 0) return socketInode(this.#link, got);
        return unreadOf(this.#libc.errno()) === denied ? deniedLink : closedFd;
      });
      return inodes.includes(deniedLink) ? denied : inodes;
    } finally {
      closeSync(folder);
    }
  }

  async #read(
    path: string,
    found: SocketFds,
    slice: TimeSlice,
    recall: ((fd: number) => number) | null,
  ): Promise<Unread | null> {
    const folder = unreadIfAbsent(() => openSync(`${path}/fd`, 'r'));
    if (isUnread(folder)) return folder;
    try {
      for (;;) {
        const length = this.#libc.getdents64(folder, this.#entries, entryBytes);
        if (length < 0) return unreadOf(this.#libc.errno());
        if (length === 0) return null;
        if (!this.#readEntries(folder, length, found, recall)) return denied;
        if (slice.isUsedUp()) await slice.rest();
      }
    } finally {
      closeSync(folder);
    }
  }

  /** False when the links may not be read. */
  #readEntries(
    folder: number,
    length: number,
    found: SocketFds,
    recall: ((fd: number) => number) | null,
  ): boolean {
    const entries = this.#entries;
    for (let at = 0; at < length; at += entries.readUInt16LE(at + entryLengthOffset)) {
      if (entries[at + entryNameOffset] === dot) continue;
      const fd = this.#takeName(at + entryNameOffset);
      let inode = recall === null ? unknownFile : recall(fd);
      if (inode === unknownFile) inode = this.#readInode(folder);
      if (inode === deniedLink) return false;
      if (inode === 0 && recall === null) continue;
      found.fds.push(fd);
      found.inodes.push(inode);
    }
    return true;
  }

  /** Inode of the fd whose name was taken last: 0 for any other file than a socket, and for one that is closed. */
  #readInode(folder: number): number {
    const got = this.#libc.readlinkat(folder, this.#name, this.#link, linkBytes);
    if (got < 0) return unreadOf(this.#libc.errno()) === denied ? deniedLink : 0;
    return socketInode(this.#link, got);
  }

  /** Copies a name to where readlinkat takes it from, and returns it as the number that it is. */
  #takeName(from: number): number {
    const name = this.#name;
    let fd = 0;
    let at = 0;
    for (; at < name.length - 1; at++) {
      const byte = this.#entries[from + at]!;
      if (byte === 0) break;
      name[at] = byte;
      fd = fd * 10 + byte - digitZero;
    }
    name[at] = 0;
    return fd;
  }
}

/** 0 when the link is of another file. */
function socketInode(link: Buffer, length: number): number {
  if (length <= prefixLength) return 0;
  if (link.readUInt32LE(0) !== prefixWords[0] || link.readUInt32LE(4) !== prefixWords[1]) return 0;
  let inode = 0;
  for (let at = prefixLength; at < length - 1; at++) inode = inode * 10 + link[at]! - digitZero;
  return inode;
}

function unreadOf(errno: number): Unread {
  return errno === constants.errno.EACCES || errno === constants.errno.EPERM ? denied : gone;
}
