/**
 * One slot per socket, from scan to scan: what is known of it, and which fds of which processes hold it. What a scan changes
 * is noted first, and settled when all of it is known: then a socket that is what it was before is the same object.
 *
 * Nearly every socket is held once, so its first claim stands in the slot itself, without a list and an object of its own.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import { recordWords, wordOf } from '../bpf/socket-record.ts';
import { FdLists } from '../resolve/fd-lists.ts';
import { SharedEndpoints } from '../resolve/shared-endpoints.ts';
import { SlotIndex } from '../slot-index.ts';

/** A process with its records, as they were told last. */
export interface Holder {
  process: Process;
  /** Its place among the processes of the last scan. */
  index: number;
  /** Its records, one behind the other, in ascending order of fd. */
  words: Uint32Array;
  /** By record: the slot of its socket; noSlot for a malformed one. */
  slots: Int32Array;
}

/** Stands for a record that was malformed. */
export const noSlot = -1;

/** One fd of one process. */
interface Claim {
  readonly holder: Holder;
  readonly fd: number;
}

interface Slot {
  /** With the inode of the socket it is the key, which is no small integer and would be an object of its own. */
  readonly subflow: number;
  socket: OwnedSocket;
  /** Of one claim; null while there is none. */
  holder: Holder | null;
  fd: number;
  /** The others, in no particular order. */
  more: Claim[];
  isTouched: boolean;
}

/** Of a socket that nobody was told of yet. */
const noOwners: readonly Owner[] = [];

/** Never written to. */
const noClaims: Claim[] = [];

/** What settling brought. */
export interface Settled {
  /** Something is not what it was. */
  readonly isChanged: boolean;
  /** The row, where that is new or another one. */
  readonly fresh: SocketRow | null;
  /** The socket as it was told last, where nobody holds it any more. */
  readonly released: OwnedSocket | null;
}

/** One record of a process, counted from 0. */
export interface HolderRecord {
  readonly holder: Holder;
  readonly record: number;
}

/** The row of a record. */
type RowOf = (record: HolderRecord) => SocketRow;

/** The part of a socket that is filled in here. */
interface Ownable {
  owners: readonly Owner[];
}

const unchanged: Settled = { isChanged: false, fresh: null, released: null };

export class SocketSlots {
  readonly #byKey = new SlotIndex();
  readonly #free: number[] = [];
  readonly #slots: (Slot | undefined)[] = [];
  readonly #endpoints = new SharedEndpoints();
  readonly #fdLists = new FdLists();
  /** The last list that a slot is in; of those with several claims, which would be in it several times. */
  readonly #listedIn = new Map<number, number>();
  /** Slots to be settled. */
  touched: number[] = [];

  /** @param key names a socket from scan to scan */
  of(key: number): number | undefined {
    const slot = this.#byKey.find(hashOf(key), (candidate) => keyOf(this.#slots[candidate]!) === key);
    return slot < 0 ? undefined : slot;
  }

  /** @param row becomes the socket */
  add(key: number, row: SocketRow): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    const socket = this.#asSocket(row, noOwners);
    const subflow = Math.floor(key / subflowUnit) | 0;
    this.#slots[slot] = { subflow, socket, holder: null, fd: 0, more: noClaims, isTouched: false };
    this.#byKey.add(hashOf(key), slot);
    return slot;
  }

  claim(slot: number, holder: Holder, fd: number): void {
    const known = this.#slots[slot]!;
    if (known.holder === null) {
      known.holder = holder;
      known.fd = fd;
    } else if (known.more.length === 0) known.more = [{ holder, fd }];
    else known.more.push({ holder, fd });
    this.touch(slot);
  }

  unclaim(slot: number, holder: Holder, fd: number): void {
    const known = this.#slots[slot]!;
    if (known.holder === holder && known.fd === fd) {
      const next = known.more.pop();
      known.holder = next?.holder ?? null;
      known.fd = next?.fd ?? 0;
    } else {
      const at = known.more.findIndex((claim) => claim.holder === holder && claim.fd === fd);
      known.more.splice(at, 1);
    }
    this.touch(slot);
  }

  /** The processes that hold it, one for each fd. */
  *holders(slot: number): Generator<Holder> {
    for (const { holder } of claimsOf(this.#slots[slot]!)) yield holder;
  }

  /** Something about it or its holders may not be what it was. */
  touch(slot: number): void {
    const known = this.#slots[slot]!;
    if (known.isTouched) return;
    known.isTouched = true;
    this.touched.push(slot);
  }

  /**
   * Forgets a socket that nobody holds any more; gives any other the row of its first record and the owners it has now.
   *
   * @param rowOf is asked for records of `slot` alone
   */
  settle(slot: number, rowOf: RowOf): Settled {
    const known = this.#slots[slot]!;
    known.isTouched = false;
    const isNew = known.socket.owners === noOwners;
    if (known.holder === null) {
      this.#forget(slot);
      return isNew ? unchanged : { isChanged: true, fresh: null, released: known.socket };
    }
    return isNew ? this.#complete(known, slot, rowOf) : this.#renew(known, slot, rowOf);
  }

  /** Nobody has seen a new socket yet, so it is filled in where it is. */
  #complete(known: Slot, slot: number, rowOf: RowOf): Settled {
    const claims = claimsOf(known);
    const owners = this.#ownersOf(claims);
    // Where there are more, the one that it was made of need not be the first.
    if (claims.length > 1) known.socket = this.#asSocket(rowOf(firstRecord(claims, slot)), owners);
    else (known.socket as Ownable).owners = owners;
    return { isChanged: true, fresh: known.socket, released: null };
  }

  #renew(known: Slot, slot: number, rowOf: RowOf): Settled {
    const before = known.socket;
    const claims = claimsOf(known);
    const row = rowOf(firstRecord(claims, slot));
    const isSame = isSameRow(row, before);
    const owners = this.#ownersOf(claims);
    const hasSameOwners = isSameOwners(owners, before.owners);
    if (isSame && hasSameOwners) return unchanged;
    known.socket = this.#asSocket(isSame ? before : row, hasSameOwners ? before.owners : owners);
    return { isChanged: true, fresh: isSame ? null : known.socket, released: null };
  }

  /** Written down in one piece: an object that gets a property later takes a third more. */
  #asSocket(row: SocketRow, owners: readonly Owner[]): OwnedSocket {
    const { protocol, state, inode, uid, netns } = row;
    const [local, remote] = [this.#endpoints.shared(row.local), this.#endpoints.shared(row.remote)];
    return { protocol, state, local, remote, inode, uid, netns, owners };
  }

  /** By pid and fd, each once: threads with files of their own may show a process again. */
  #ownersOf(claims: readonly Claim[]): Owner[] {
    const [first, ...others] = claims;
    if (first !== undefined && others.length === 0) {
      return [{ process: first.holder.process, fds: this.#fdLists.of(first.fd) }];
    }
    const fdsOf = new Map<Process, Set<number>>();
    for (const { holder, fd } of claims) {
      const fds = fdsOf.get(holder.process);
      if (fds === undefined) fdsOf.set(holder.process, new Set([fd]));
      else fds.add(fd);
    }
    return [...fdsOf]
      .map(([process, fds]) => ({ process, fds: [...fds].toSorted((a, b) => a - b) }))
      .toSorted((a, b) => a.process.pid - b.process.pid);
  }

  /** Appends the socket to a list, once. @param list number of the list */
  listInto(sockets: OwnedSocket[], slot: number, list: number): void {
    const known = this.#slots[slot]!;
    if (known.more.length > 0) {
      if (this.#listedIn.get(slot) === list) return;
      this.#listedIn.set(slot, list);
    }
    sockets.push(known.socket);
  }

  #forget(slot: number): void {
    this.#byKey.delete(hashOf(keyOf(this.#slots[slot]!)), slot);
    this.#listedIn.delete(slot);
    this.#slots[slot] = undefined;
    this.#free.push(slot);
  }
}

function claimsOf({ holder, fd, more }: Slot): readonly Claim[] {
  return holder === null ? noClaims : [{ holder, fd }, ...more];
}

/** In keys the number of a subflow stands above the inode. */
const subflowUnit = 2 ** 32;

function keyOf({ subflow, socket }: Slot): number {
  return socket.inode + subflow * subflowUnit;
}

function hashOf(key: number): number {
  return (key | 0) ^ (key / subflowUnit);
}

/** The first record in which one of the claims stands, in the order of the processes. */
function firstRecord(claims: readonly Claim[], slot: number): HolderRecord {
  let { holder, fd } = claims[0]!;
  for (const claim of claims) {
    const isBefore = claim.holder === holder ? claim.fd < fd : claim.holder.index < holder.index;
    if (isBefore) ({ holder, fd } = claim);
  }
  const { words, slots } = holder;
  let [low, high] = [0, slots.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (words[middle * recordWords + wordOf.fd]! < fd) low = middle + 1;
    else high = middle;
  }
  // Subflows share an fd; and nobody but the kernel promises the order.
  const record = slots.indexOf(slot, low);
  return { holder, record: record < 0 ? slots.indexOf(slot) : record };
}

function isSameOwners(a: readonly Owner[], b: readonly Owner[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ process, fds }, i) => {
    const other = b[i]!;
    return (
      process === other.process &&
      fds.length === other.fds.length &&
      fds.every((fd, j) => fd === other.fds[j])
    );
  });
}

function isSameRow(a: SocketRow, b: SocketRow): boolean {
  return (
    a.state === b.state &&
    a.local.port === b.local.port &&
    a.remote.port === b.remote.port &&
    a.local.ip === b.local.ip &&
    a.remote.ip === b.remote.ip &&
    a.protocol === b.protocol &&
    a.inode === b.inode &&
    a.uid === b.uid &&
    a.netns === b.netns
  );
}
