/**
 * The sockets that are known, found by their key (socket-key.ts) and by their inode. Neither key nor inode is kept besides:
 * they stand in the socket.
 *
 *     #entries   by slot, a small number that is given again; nothing in particular where a slot is free
 *     #byKey, #byInode   which slot
 *
 * Looking by inode is the shorter way to a socket that is as it was, which is nearly every one in nearly every scan.
 */
import { hasSameTuple, type OwnedSocket, type SocketRow } from '../../model/socket.ts';
import { SlotIndex } from '../slot-index.ts';
import type { Absence } from './absence.ts';
import { EndHashes } from './end-hash.ts';
import { goesByInode, hasSameKey } from './socket-key.ts';

export interface WatchedSocket {
  readonly id: number;
  readonly socket: OwnedSocket;
}

export interface Entry extends WatchedSocket {
  readonly slot: number;
  socket: OwnedSocket;
  absence: Absence;
  /** Whether the last scan showed it; while a scan is applied, whether that one did so far. */
  isShown: boolean;
}

export class WatchedTable {
  readonly #hashes = new EndHashes();
  readonly #entries: (Entry | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #byKey = new SlotIndex();
  readonly #byInode = new SlotIndex();

  get size(): number {
    return this.#byKey.size;
  }

  /** In no particular order. */
  *entries(): IterableIterator<Entry> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  /** The entry with the key of that row. */
  get(row: SocketRow): Entry | undefined {
    const hash = this.hashOf(row);
    return this.#entries[this.#byKey.find(hash, (slot) => hasSameKey(this.#entries[slot]!.socket, row))];
  }

  /** The entry of a row that has the inode and the tuple of the last one. */
  getSame(row: SocketRow): Entry | undefined {
    const { inode } = row;
    if (inode === 0) return undefined;
    const isIt = (slot: number): boolean => {
      const { socket } = this.#entries[slot]!;
      return socket.inode === inode && hasSameTuple(socket, row);
    };
    return this.#entries[this.#byInode.find(inode, isIt)];
  }

  /** Makes room for so many sockets at once. */
  reserve(count: number): void {
    this.#byKey.reserve(count);
    this.#byInode.reserve(count);
  }

  /** @param hash of the socket's key, hashOf */
  add(id: number, socket: OwnedSocket, absence: Absence, hash: number): void {
    const slot = this.#free.pop() ?? this.#entries.length;
    this.#entries[slot] = { id, slot, socket, absence, isShown: true };
    this.#addToIndexes(slot, socket, hash);
  }

  /** Takes over a later sighting of the same socket. */
  update(entry: Entry, socket: OwnedSocket): void {
    const isFoundAsBefore = socket.inode === entry.socket.inode && hasSameKey(socket, entry.socket);
    if (!isFoundAsBefore) this.#deleteFromIndexes(entry);
    entry.socket = socket;
    if (!isFoundAsBefore) this.#addToIndexes(entry.slot, socket, this.hashOf(socket));
  }

  delete(entry: Entry): void {
    this.#deleteFromIndexes(entry);
    this.#entries[entry.slot] = undefined;
    this.#free.push(entry.slot);
  }

  #addToIndexes(slot: number, socket: OwnedSocket, hash: number): void {
    this.#byKey.add(hash, slot);
    if (socket.inode !== 0) this.#byInode.add(socket.inode, slot);
  }

  #deleteFromIndexes({ slot, socket }: Entry): void {
    this.#byKey.delete(this.hashOf(socket), slot);
    if (socket.inode !== 0) this.#byInode.delete(socket.inode, slot);
  }

  /** Of the key, 32 bits: any number of sockets have one tuple where their inodes tell them apart. */
  hashOf(row: SocketRow): number {
    const hash = this.#hashes.of(row);
    return goesByInode(row) ? (hash ^ row.inode) | 0 : hash | 0;
  }
}
