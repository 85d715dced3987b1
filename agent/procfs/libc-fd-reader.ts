/**
 * Reads /proc/PID/fd with getdents64 and readlinkat into buffers that are used again: no garbage per fd.
 *
 * To list an fd takes a third of the time that its link takes. The kernel gives out the lowest number that is free, so most
 * processes have their fds in a row from 0 on: of a process that is new, those are asked for one after the other, and what
 * lies behind the first gap is listed. In the kernel's own folder an fd has the position of its number plus two (proc_readfd_common
 * of fs/proc/fd.c).
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { Libc } from '../libc.ts';
import { type FdFolder, fdFolderOf } from './fd-folder.ts';
import type { FdReader, SocketFds } from './pid-fd.ts';
import { denied, gone, isUnread, type Unread, unreadIfAbsent } from './proc-file.ts';
import type { TimeSlice } from './time-slice.ts';

/** Entries of one getdents64 call: about 600, that is 2 ms of links between two looks at the clock. */
const entryBytes = 16 << 10;

/** How many links are read in a row between two looks at the clock. */
const linksPerLook = 64;

/** Longer than any `socket:[INODE]`; the links of other files may be cut. */
const linkBytes = 64;

/** What a caller of readFiles says of an fd whose link is to be read. */
export const unknownFile = -1;

const deniedLink = -2;

/** What readSome says of an fd that is not open. */
export const closedFd = -3;

/** How many numbers are tried in vain for the fds that a process has besides: that takes as long as to list some hundred. */
export const missedGuessesMax = 32;

/** What readSome tells. */
export interface SomeFds {
  /** Whose links they are: whatever they tell is of the one process that it belongs to. */
  readonly folder: FdFolder;
  /** By place in what was asked for: inode of a socket, 0 for another file, closedFd. */
  readonly inodes: readonly number[];
  /** Guesses that are open, in their order; inode 0 for what is no socket. */
  readonly further: SocketFds;
}

/** Inode of an fd as of an earlier reading, or `unknownFile`; asked in ascending order of fds. */
export type Recall = (fd: number) => number;

/** struct linux_dirent64: u64 inode, u64 offset, u16 length of this entry @16, u8 type @18, name @19 with a NUL. */
const entryLengthOffset = 16;
const entryNameOffset = 19;

/** Stand before the first fd: `.` and `..`. */
const entriesBeforeFds = 2;
const fromBeginning = 0;

const socketPrefix = Buffer.from('socket:[');
const prefixLength = socketPrefix.length;

/** Up to which fd names are kept to be used again; few processes have higher ones. */
const keptNamesMax = 1024;

const dot = 0x2e;
const digitZero = 0x30;

/** What is read of a folder. */
interface Reading {
  readonly found: SocketFds;
  readonly recall: Recall;
  /** Files of other kinds are told too, with inode 0. */
  readonly hasOthers: boolean;
}

export class LibcFdReader implements FdReader {
  readonly #libc: Libc;
  readonly #entries = Buffer.alloc(entryBytes);
  /** By fd, as readlinkat takes them. */
  readonly #names: Buffer[] = [];
  readonly #link = Buffer.alloc(linkBytes);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  readSockets(path: string, found: SocketFds, slice: TimeSlice): Promise<Unread | null> {
    const reading = { found, recall: recallNothing, hasOthers: false };
    return this.#within(path, (folder) => this.#readListed(folder, reading, slice));
  }

  /** Like readSockets, and adds every other file too, with inode 0. Only the links are read that `recall` does not know. */
  readFiles(path: string, found: SocketFds, slice: TimeSlice, recall: Recall): Promise<Unread | null> {
    const reading = { found, recall, hasOthers: true };
    return this.#within(path, (folder) => this.#readListed(folder, reading, slice));
  }

  /** Like readFiles of a process that nothing is known of, in the kernel's own /proc. */
  readAnew(path: string, found: SocketFds, slice: TimeSlice): Promise<Unread | null> {
    const reading = { found, recall: recallNothing, hasOthers: true };
    return this.#within(path, async (folder) => {
      return (await this.#readRow(folder, reading, slice)) ?? this.#readListed(folder, reading, slice);
    });
  }

  /**
   * Reads the links of some fds alone, without listing the others, and looks for further ones until so many are open, or
   * missedGuessesMax numbers were none.
   *
   * @param guesses numbers that others may have, the likeliest first
   */
  async readSome(
    path: string,
    fds: readonly number[],
    guesses: Iterable<number>,
    openCount: number,
    slice: TimeSlice,
  ): Promise<SomeFds | Unread> {
    const folder = openFolder(path);
    if (isUnread(folder)) return folder;
    try {
      const inodes: number[] = [];
      let open = 0;
      for (const fd of fds) {
        const inode = this.#readInode(folder, fd);
        if (inode === deniedLink) return denied;
        if (inode !== closedFd) open++;
        if (inodes.push(inode) % linksPerLook === 0 && slice.isUsedUp()) await slice.rest();
      }
      const further = { fds: [], inodes: [] };
      if (open < openCount) await this.#guess(folder, guesses, openCount - open, further, slice);
      return { folder: fdFolderOf(fstatSync(folder)), inodes, further };
    } finally {
      closeSync(folder);
    }
  }

  /** Adds as many of the guesses as there are, until it has `count`. */
  async #guess(
    folder: number,
    guesses: Iterable<number>,
    count: number,
    found: SocketFds,
    slice: TimeSlice,
  ): Promise<void> {
    let missed = 0;
    for (const fd of guesses) {
      const inode = this.#readInode(folder, fd);
      if (inode === closedFd || inode === deniedLink) {
        if (++missed === missedGuessesMax) return;
        continue;
      }
      found.inodes.push(inode);
      if (found.fds.push(fd) === count) return;
      if (found.fds.length % linksPerLook === 0 && slice.isUsedUp()) await slice.rest();
    }
  }

  async #within(path: string, read: (folder: number) => Promise<Unread | null>): Promise<Unread | null> {
    const folder = openFolder(path);
    if (isUnread(folder)) return folder;
    try {
      return await read(folder);
    } finally {
      closeSync(folder);
    }
  }

  /** Reads links from fd 0 on, until one is not open, and has the folder go on behind that. */
  async #readRow(folder: number, reading: Reading, slice: TimeSlice): Promise<Unread | null> {
    for (let fd = 0; ; fd++) {
      const inode = this.#readInode(folder, fd);
      if (inode === deniedLink) return denied;
      if (inode === closedFd) {
        const behind = entriesBeforeFds + fd + 1;
        return this.#libc.lseek(folder, behind, fromBeginning) < 0 ? unreadOf(this.#libc.errno()) : null;
      }
      add(reading, fd, inode);
      if (fd % linksPerLook === 0 && slice.isUsedUp()) await slice.rest();
    }
  }

  /** Lists fds from where the folder is on. */
  async #readListed(folder: number, reading: Reading, slice: TimeSlice): Promise<Unread | null> {
    for (;;) {
      const length = this.#libc.getdents64(folder, this.#entries, entryBytes);
      if (length < 0) return unreadOf(this.#libc.errno());
      if (length === 0) return null;
      if (!this.#readEntries(folder, reading, length)) return denied;
      if (slice.isUsedUp()) await slice.rest();
    }
  }

  /** False when the links may not be read. */
  #readEntries(folder: number, reading: Reading, length: number): boolean {
    const entries = this.#entries;
    for (let at = 0; at < length; at += entries.readUInt16LE(at + entryLengthOffset)) {
      if (entries[at + entryNameOffset] === dot) continue;
      const fd = this.#fdAt(at + entryNameOffset);
      let inode = reading.recall(fd);
      if (inode === unknownFile) inode = this.#readInode(folder, fd);
      if (inode === deniedLink) return false;
      add(reading, fd, inode === closedFd ? 0 : inode);
    }
    return true;
  }

  /** Inode of a socket, 0 for any other file, closedFd, deniedLink. */
  #readInode(folder: number, fd: number): number {
    const name = this.#names[fd] ?? this.#nameOf(fd);
    const got = this.#libc.readlinkat(folder, name, this.#link, linkBytes);
    if (got >= 0) return socketInode(this.#link, got);
    return unreadOf(this.#libc.errno()) === denied ? deniedLink : closedFd;
  }

  #nameOf(fd: number): Buffer {
    const name = Buffer.from(`${fd}\0`);
    // One after the other, so that the list has no gaps.
    if (fd === this.#names.length && fd < keptNamesMax) this.#names.push(name);
    return name;
  }

  /** A name of an entry as the number that it is. */
  #fdAt(from: number): number {
    let fd = 0;
    for (let at = from; this.#entries[at] !== 0; at++) fd = fd * 10 + this.#entries[at]! - digitZero;
    return fd;
  }
}

/** @param path folder of the process or thread */
function openFolder(path: string): number | Unread {
  return unreadIfAbsent(() => openSync(`${path}/fd`, 'r'));
}

function recallNothing(): number {
  return unknownFile;
}

function add({ found, hasOthers }: Reading, fd: number, inode: number): void {
  if (inode === 0 && !hasOthers) return;
  found.fds.push(fd);
  found.inodes.push(inode);
}

/** 0 when the link is of another file. */
function socketInode(link: Buffer, length: number): number {
  if (length <= prefixLength) return 0;
  for (let at = prefixLength - 1; at >= 0; at--) if (link[at] !== socketPrefix[at]) return 0;
  let inode = 0;
  for (let at = prefixLength; at < length - 1; at++) inode = inode * 10 + link[at]! - digitZero;
  return inode;
}

function unreadOf(errno: number): Unread {
  return errno === constants.errno.EACCES || errno === constants.errno.EPERM ? denied : gone;
}
