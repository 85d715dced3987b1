/**
 * One slot per socket, from scan to scan: what is known of it, and which fds of which processes hold it. What a scan changes
 * is noted first, and settled when all of it is known: then a socket that is what it was before is the same object.
 *
 *     #sockets          by slot: what was told of it last
 *     #holders, #fds    by slot: its first claim. Nearly every socket is held once, so there is no list of them.
 *     #more             the other claims of those that have several
 *
 * An object for each slot would take 50 bytes more than its places in these arrays.
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

/** Of a socket that nobody was told of yet. */
const noOwners: readonly Owner[] = [];

const noClaims: readonly Claim[] = [];

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
  /** Undefined where a slot is free. */
  readonly #sockets: (OwnedSocket | undefined)[] = [];
  /** Null while there is no claim. */
  readonly #holders: (Holder | null)[] = [];
  readonly #fds: number[] = [];
  /** In no particular order. */
  readonly #more = new Map<number, Claim[]>();
  /** With the inode the number of the subflow is the key of a socket; of those that have one, which few have. */
  readonly #subflows = new Map<number, number>();
  readonly #isTouched: boolean[] = [];
  readonly #endpoints = new SharedEndpoints();
  readonly #fdLists = new FdLists();
  /** The last list that a slot is in; of those with several claims, which would be in it several times. */
  readonly #listedIn = new Map<number, number>();
  /** Slots to be settled. */
  touched: number[] = [];

  /** @param key names a socket from scan to scan */
  of(key: number): number | undefined {
    const slot = this.#byKey.find(hashOf(key), (candidate) => this.#keyOf(candidate) === key);
    return slot < 0 ? undefined : slot;
  }

  /** @param row becomes the socket */
  add(key: number, row: SocketRow): number {
    const slot = this.#free.pop() ?? this.#sockets.length;
    this.#sockets[slot] = this.#asSocket(row, noOwners);
    this.#holders[slot] = null;
    this.#fds[slot] = 0;
    this.#isTouched[slot] = false;
    const subflow = Math.floor(key / subflowUnit);
    if (subflow > 0) this.#subflows.set(slot, subflow);
    this.#byKey.add(hashOf(key), slot);
    return slot;
  }

  claim(slot: number, holder: Holder, fd: number): void {
    if (this.#holders[slot] === null) {
      this.#holders[slot] = holder;
      this.#fds[slot] = fd;
    } else {
      const more = this.#more.get(slot);
      if (more === undefined) this.#more.set(slot, [{ holder, fd }]);
      else more.push({ holder, fd });
    }
    this.touch(slot);
  }

  unclaim(slot: number, holder: Holder, fd: number): void {
    const more = this.#more.get(slot) ?? [];
    if (this.#holders[slot] === holder && this.#fds[slot] === fd) {
      const next = more.pop();
      this.#holders[slot] = next?.holder ?? null;
      this.#fds[slot] = next?.fd ?? 0;
    } else {
      const at = more.findIndex((claim) => claim.holder === holder && claim.fd === fd);
      more.splice(at, 1);
    }
    if (more.length === 0) this.#more.delete(slot);
    this.touch(slot);
  }

  /** The processes that hold it, one for each fd. */
  *holders(slot: number): Generator<Holder> {
    for (const { holder } of this.#claimsOf(slot)) yield holder;
  }

  /** Something about it or its holders may not be what it was. */
  touch(slot: number): void {
    if (this.#isTouched[slot] === true) return;
    this.#isTouched[slot] = true;
    this.touched.push(slot);
  }

  /**
   * Forgets a socket that nobody holds any more; gives any other the row of its first record and the owners it has now.
   *
   * @param rowOf is asked for records of `slot` alone
   */
  settle(slot: number, rowOf: RowOf): Settled {
    this.#isTouched[slot] = false;
    const before = this.#sockets[slot]!;
    const isNew = before.owners === noOwners;
    if (this.#holders[slot] === null) {
      this.#forget(slot);
      return isNew ? unchanged : { isChanged: true, fresh: null, released: before };
    }
    return isNew ? this.#complete(before, slot, rowOf) : this.#renew(before, slot, rowOf);
  }

  /** Nobody has seen a new socket yet, so it is filled in where it is. */
  #complete(before: OwnedSocket, slot: number, rowOf: RowOf): Settled {
    const claims = this.#claimsOf(slot);
    const owners = this.#ownersOf(claims);
    let socket = before;
    // Where there are more, the one that it was made of need not be the first.
    if (claims.length > 1) socket = this.#asSocket(rowOf(firstRecord(claims, slot)), owners);
    else (socket as Ownable).owners = owners;
    this.#sockets[slot] = socket;
    return { isChanged: true, fresh: socket, released: null };
  }

  #renew(before: OwnedSocket, slot: number, rowOf: RowOf): Settled {
    const claims = this.#claimsOf(slot);
    const row = rowOf(firstRecord(claims, slot));
    const isSame = isSameRow(row, before);
    const owners = this.#ownersOf(claims);
    const hasSameOwners = isSameOwners(owners, before.owners);
    if (isSame && hasSameOwners) return unchanged;
    const socket = this.#asSocket(isSame ? before : row, hasSameOwners ? before.owners : owners);
    this.#sockets[slot] = socket;
    return { isChanged: true, fresh: isSame ? null : socket, released: null };
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
    if (this.#more.has(slot)) {
      if (this.#listedIn.get(slot) === list) return;
      this.#listedIn.set(slot, list);
    }
    sockets.push(this.#sockets[slot]!);
  }

  #forget(slot: number): void {
    this.#byKey.delete(hashOf(this.#keyOf(slot)), slot);
    this.#listedIn.delete(slot);
    this.#subflows.delete(slot);
    this.#sockets[slot] = undefined;
    this.#free.push(slot);
  }

  #claimsOf(slot: number): readonly Claim[] {
    const holder = this.#holders[slot]!;
    if (holder === null) return noClaims;
    const first = { holder, fd: this.#fds[slot]! };
    const more = this.#more.get(slot);
    return more === undefined ? [first] : [first, ...more];
  }

  #keyOf(slot: number): number {
    const subflow = this.#subflows.size === 0 ? 0 : (this.#subflows.get(slot) ?? 0);
    return this.#sockets[slot]!.inode + subflow * subflowUnit;
  }
}

/** In keys the number of a subflow stands above the inode. */
const subflowUnit = 2 ** 32;

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
