/** The sockets that are known, by key and by inode. */
import { hasSameTuple, type OwnedSocket } from '../../model/socket.ts';
import type { Absence } from './absence.ts';

export interface WatchedSocket {
  readonly id: number;
  readonly key: string;
  readonly socket: OwnedSocket;
  readonly openedAtMs: number;
  readonly notBeforeMs: number;
}

export interface Entry extends WatchedSocket {
  socket: OwnedSocket;
  absence: Absence;
  /** Whether the last scan showed it; while a scan is applied, whether that one did so far. */
  isShown: boolean;
}

/**
 * Keys are texts that must be made for every row, inodes are there already. So a socket that is as it was, which is
 * nearly every one in nearly every scan, is found by its inode.
 */
export class WatchedTable {
  readonly #byKey = new Map<string, Entry>();
  readonly #byInode = new Map<number, Entry>();

  get size(): number {
    return this.#byKey.size;
  }

  entries(): IterableIterator<Entry> {
    return this.#byKey.values();
  }

  get(key: string): Entry | undefined {
    return this.#byKey.get(key);
  }

  /** The entry of a row that has the inode and the tuple of the last one. */
  getSame(row: OwnedSocket): Entry | undefined {
    if (row.inode === 0) return undefined;
    const entry = this.#byInode.get(row.inode);
    return entry !== undefined && hasSameTuple(entry.socket, row) ? entry : undefined;
  }

  add(entry: Entry): void {
    this.#byKey.set(entry.key, entry);
    if (entry.socket.inode !== 0) this.#byInode.set(entry.socket.inode, entry);
  }

  /** Takes over a later sighting of the same socket. */
  update(entry: Entry, socket: OwnedSocket): void {
    if (socket.inode !== entry.socket.inode) {
      this.#forgetInode(entry);
      if (socket.inode !== 0) this.#byInode.set(socket.inode, entry);
    }
    entry.socket = socket;
  }

  delete(entry: Entry): void {
    this.#byKey.delete(entry.key);
    this.#forgetInode(entry);
  }

  /** A UDP socket that connects has a new entry under its old inode. */
  #forgetInode(entry: Entry): void {
    if (this.#byInode.get(entry.socket.inode) === entry) this.#byInode.delete(entry.socket.inode);
  }
}
