/**
 * One slot per socket, from scan to scan: what is known of it, and which fds of which processes hold it. What a scan changes
 * is noted first, and settled when all of it is known: then a socket that is what it was before is the same object.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import { appended } from '../resolve/short-list.ts';

/** A process with its records in the scan that showed it last. */
export interface Holder {
  process: Process;
  /** Index of the first of its records, which are in ascending order of fd. */
  first: number;
  /** By record, counted from that one: the slot of its socket; noSlot for a malformed one. */
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
  readonly key: number;
  socket: OwnedSocket;
  /** In no particular order. */
  claims: Claim[];
  /** Nobody was told of it yet. */
  isNew: boolean;
  isTouched: boolean;
  /** Number of the last list that it is in. */
  listedIn: number;
}

const noOwners: readonly Owner[] = [];

/** What settling brought. */
export interface Settled {
  /** Something is not what it was. */
  readonly isChanged: boolean;
  /** The row, where that is new or another one. */
  readonly fresh: SocketRow | null;
  /** The socket as it was told last, where nobody holds it any more. */
  readonly released: OwnedSocket | null;
}

/** The row, and the fd, of a record. */
type RowOf = (record: number) => SocketRow;
type FdOf = (record: number) => number;

/** The part of a socket that is filled in here. */
interface Ownable {
  owners: readonly Owner[];
}

const unchanged: Settled = { isChanged: false, fresh: null, released: null };

export class SocketSlots {
  readonly #byKey = new Map<number, number>();
  readonly #free: number[] = [];
  readonly #slots: (Slot | undefined)[] = [];
  /** Slots to be settled. */
  touched: number[] = [];

  /** @param key names a socket from scan to scan */
  of(key: number): number | undefined {
    return this.#byKey.get(key);
  }

  /** @param row becomes the socket */
  add(key: number, row: SocketRow): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    const socket: OwnedSocket = Object.assign(row, { owners: noOwners });
    this.#slots[slot] = { key, socket, claims: [], isNew: true, isTouched: false, listedIn: 0 };
    this.#byKey.set(key, slot);
    return slot;
  }

  claim(slot: number, holder: Holder, fd: number): void {
    const known = this.#slots[slot]!;
    known.claims = appended(known.claims, { holder, fd });
    this.touch(slot);
  }

  unclaim(slot: number, holder: Holder, fd: number): void {
    const { claims } = this.#slots[slot]!;
    const at = claims.findIndex((claim) => claim.holder === holder && claim.fd === fd);
    claims.splice(at, 1);
    this.touch(slot);
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
  settle(slot: number, rowOf: RowOf, fdOf: FdOf): Settled {
    const known = this.#slots[slot]!;
    known.isTouched = false;
    if (known.claims.length === 0) {
      this.#forget(slot, known);
      return known.isNew ? unchanged : { isChanged: true, fresh: null, released: known.socket };
    }
    return known.isNew ? this.#complete(known, slot, rowOf, fdOf) : this.#renew(known, slot, rowOf, fdOf);
  }

  /** Nobody has seen a new socket yet, so it is filled in where it is. */
  #complete(known: Slot, slot: number, rowOf: RowOf, fdOf: FdOf): Settled {
    known.isNew = false;
    // Where there are more, the one that it was made of need not be the first.
    if (known.claims.length > 1) {
      Object.assign(known.socket, rowOf(firstRecord(known.claims, slot, fdOf)));
    }
    (known.socket as Ownable).owners = ownersOf(known.claims);
    return { isChanged: true, fresh: known.socket, released: null };
  }

  #renew(known: Slot, slot: number, rowOf: RowOf, fdOf: FdOf): Settled {
    const before = known.socket;
    const row = rowOf(firstRecord(known.claims, slot, fdOf));
    const isSame = isSameRow(row, before);
    const owners = ownersOf(known.claims);
    const hasSameOwners = isSameOwners(owners, before.owners);
    if (isSame && hasSameOwners) return unchanged;
    known.socket = { ...(isSame ? before : row), owners: hasSameOwners ? before.owners : owners };
    return { isChanged: true, fresh: isSame ? null : known.socket, released: null };
  }

  /** Appends the socket to a list, once. @param list number of the list */
  listInto(sockets: OwnedSocket[], slot: number, list: number): void {
    const known = this.#slots[slot]!;
    if (known.listedIn === list) return;
    known.listedIn = list;
    sockets.push(known.socket);
  }

  #forget(slot: number, { key }: Slot): void {
    this.#byKey.delete(key);
    this.#slots[slot] = undefined;
    this.#free.push(slot);
  }
}

/** Index of the first record in which one of the claims stands. */
function firstRecord(claims: readonly Claim[], slot: number, fdOf: FdOf): number {
  let { holder, fd } = claims[0]!;
  for (const claim of claims) {
    const isBefore = claim.holder === holder ? claim.fd < fd : claim.holder.first < holder.first;
    if (isBefore) ({ holder, fd } = claim);
  }
  const { first, slots } = holder;
  let [low, high] = [0, slots.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (fdOf(first + middle) < fd) low = middle + 1;
    else high = middle;
  }
  // Subflows share an fd; and nobody but the kernel promises the order.
  const index = slots.indexOf(slot, low);
  return first + (index < 0 ? slots.indexOf(slot) : index);
}

/** By pid and fd, each once: threads with files of their own may show a process again. */
function ownersOf(claims: readonly Claim[]): Owner[] {
  const [first, ...others] = claims;
  if (first !== undefined && others.length === 0) return [{ process: first.holder.process, fds: [first.fd] }];
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
