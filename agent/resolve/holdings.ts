/**
 * Who holds which socket, kept from scan to scan: inode → processes and their fds, brought up to date process by
 * process, and inode → rows that show it, brought up to date row by row. What neither side touched costs nothing.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import { FdLists } from './fd-lists.ts';
import { type Holder, Holding, type RowCell } from './holding.ts';
import { appended } from './short-list.ts';

/** The part of a row that is filled in here. */
interface Ownable {
  owners: readonly Owner[];
}

const noOwners: readonly Owner[] = [];

/** How many sockets get their owners in one step: some tens of microseconds of work. */
const socketsPerStep = 32;

/** The owners of a row that was never settled: nobody else has seen it yet, so they may be filled in where they are. */
export const unsettledOwners: readonly Owner[] = [];

export class Holdings<H extends Holder> {
  readonly #byInode = new Map<number, Holding<H>>();
  readonly #fdLists = new FdLists();
  #stale: Holding<H>[] = [];
  /** Shown, and held by nobody known when `settle` was called last. */
  readonly #unowned = new Set<Holding<H>>();
  /** Held, and not shown any more since `settle` was called last. */
  readonly lost = new Set<Holding<H>>();
  /** Shown, and got a holder besides others since `settle` was called last: inherited, or passed on. */
  readonly shared = new Set<Holding<H>>();

  /** Held, and not shown yet: since `settle` was called last, and between the two times before that. */
  #unshown = new Set<Holding<H>>();
  #unshownBefore = new Set<Holding<H>>();

  get size(): number {
    return this.#byInode.size;
  }

  get(inode: number): Holding<H> | undefined {
    return this.#byInode.get(inode);
  }

  /** Whether it was shown until the last time, or is held since then: what is not shown for longer hardly ever is. */
  isInDoubt(holding: Holding<H>): boolean {
    return this.lost.has(holding) || this.#unshown.has(holding) || this.#unshownBefore.has(holding);
  }

  /** Shown, and held by nobody known. */
  wanted(): Holding<H>[] {
    const wanted = this.#stale.filter((holding) => isUnowned(holding) && !this.#unowned.has(holding));
    for (const holding of this.#unowned) if (isUnowned(holding)) wanted.push(holding);
    return wanted;
  }

  /** Says that there is a row. Its owners are filled in by `settle`. */
  show(cell: RowCell): void {
    const { inode } = cell.value;
    if (inode === 0) return;
    const holding = this.#of(inode);
    holding.show(cell);
    if (this.lost.size > 0) this.lost.delete(holding);
    this.#touch(holding);
  }

  /** Says that there is no such row any more. */
  hide(cell: RowCell): void {
    const holding = this.#byInode.get(cell.value.inode);
    if (holding === undefined) return;
    holding.hide(cell);
    if (!holding.isShown && holding.isHeld) this.lost.add(holding);
    this.#forgetUnused(holding);
  }

  /** Says that `holder` holds `held`, and nothing of what it held before besides. */
  update(holder: H, held: SocketFds): void {
    const before = holder.held;
    holder.held = held;
    if (before.fds.length === 0) {
      for (let i = 0; i < held.inodes.length; i++) {
        const inode = held.inodes[i]!;
        if (inode !== 0) this.#claim(holder, inode, held.fds[i]!, true);
      }
      return;
    }
    const touched = differingInodes(before, held);
    const kept = new Set<number>();
    for (const inode of touched) if (this.#unclaim(holder, inode)) kept.add(inode);
    for (const [i, inode] of held.inodes.entries()) {
      if (touched.has(inode)) this.#claim(holder, inode, held.fds[i]!, !kept.has(inode));
    }
    for (const inode of touched) {
      const holding = this.#byInode.get(inode);
      if (holding !== undefined) this.#forgetUnused(holding);
    }
  }

  /** Something about a holder itself changed: whatever it holds has other owners now. */
  renew(holder: H): void {
    for (const inode of holder.held.inodes) {
      const holding = this.#byInode.get(inode);
      if (holding !== undefined) this.#touch(holding);
    }
  }

  /** Gives every row its owners, by pid, ascending. @param resolve null for a holder that went away */
  settle(resolve: (holder: H) => Process | null): void {
    for (const _ of this.settling(resolve));
  }

  /** settle() in steps, of some sockets each; nothing else may be asked or told of the holdings before the last. */
  *settling(resolve: (holder: H) => Process | null): Generator<void, void> {
    const stale = this.#stale;
    this.#stale = [];
    let settled = 0;
    for (const holding of stale) {
      if (settled++ % socketsPerStep === 0) yield;
      holding.isStale = false;
      const owners = ownersOf(holding, resolve);
      if (holding.cell !== null) setOwners(holding.cell, owners);
      for (const cell of holding.furtherCells) setOwners(cell, owners);
      if (isUnowned(holding)) this.#unowned.add(holding);
      else if (this.#unowned.size > 0) this.#unowned.delete(holding);
    }
    this.lost.clear();
    this.shared.clear();
    this.#unshownBefore = this.#unshown;
    this.#unshown = new Set();
  }

  /** False when there was no claim. */
  #unclaim(holder: H, inode: number): boolean {
    const holding = this.#byInode.get(inode);
    if (holding === undefined || !holding.unclaim(holder)) return false;
    this.#touch(holding);
    return true;
  }

  /** Of one holder after the other; the kernel lists its fds in ascending order. */
  #claim(holder: H, inode: number, fd: number, isNew: boolean): void {
    const holding = this.#of(inode);
    const isShared = holding.claim(holder, fd, this.#fdLists.of(fd));
    if (isShared && isNew && holding.isShown) this.shared.add(holding);
    if (isNew && !holding.isShown) this.#unshown.add(holding);
    holding.sought = null;
    this.#touch(holding);
  }

  #touch(holding: Holding<H>): void {
    if (holding.isStale || !holding.isShown) return;
    holding.isStale = true;
    this.#stale.push(holding);
  }

  #forgetUnused(holding: Holding<H>): void {
    if (holding.isShown) return;
    this.#unowned.delete(holding);
    if (holding.isHeld) return;
    this.lost.delete(holding);
    this.shared.delete(holding);
    this.#byInode.delete(holding.inode);
  }

  #of(inode: number): Holding<H> {
    let holding = this.#byInode.get(inode);
    if (holding === undefined) {
      holding = new Holding(inode);
      this.#byInode.set(inode, holding);
    }
    return holding;
  }
}

function isUnowned<H extends Holder>(holding: Holding<H>): boolean {
  return holding.isShown && !holding.isHeld;
}

function ownersOf<H extends Holder>(
  { holder, fds, furtherClaims }: Holding<H>,
  resolve: (holder: H) => Process | null,
): readonly Owner[] {
  if (holder === null) return noOwners;
  if (furtherClaims.length === 0) {
    const process = resolve(holder);
    return process === null ? noOwners : [{ process, fds }];
  }
  let owners: Owner[] = [];
  for (const claim of [{ holder, fds }, ...furtherClaims].sort((a, b) => a.holder.pid - b.holder.pid)) {
    const process = resolve(claim.holder);
    if (process !== null) owners = appended(owners, { process, fds: claim.fds });
  }
  return owners;
}

function setOwners(cell: RowCell, owners: readonly Owner[]): void {
  if (cell.value.owners === unsettledOwners) (cell.value as Ownable).owners = owners;
  else if (!isSameOwners(cell.value.owners, owners)) cell.value = withOwners(cell.value, owners);
}

/** Inodes that are held under other fds than before, or only before, or only now. Both have their fds in ascending order. */
function differingInodes(before: SocketFds, now: SocketFds): Set<number> {
  const differing = new Set<number>();
  let [i, j] = [0, 0];
  while (i < before.fds.length || j < now.fds.length) {
    const [a, b] = [before.fds[i] ?? Number.POSITIVE_INFINITY, now.fds[j] ?? Number.POSITIVE_INFINITY];
    const isSame = a === b && before.inodes[i] === now.inodes[j];
    if (!isSame && a <= b) differing.add(before.inodes[i]!);
    if (!isSame && b <= a) differing.add(now.inodes[j]!);
    if (a <= b) i++;
    if (b <= a) j++;
  }
  differing.delete(0);
  return differing;
}

/** Owners that tell the same: a walk that found what was known leaves the rows as they are. */
function isSameOwners(a: readonly Owner[], b: readonly Owner[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ process, fds }, i) => process === b[i]!.process && isEqual(fds, b[i]!.fds));
}

function withOwners(row: OwnedSocket, owners: readonly Owner[]): OwnedSocket {
  const { protocol, state, local, remote, inode, uid, netns } = row;
  return { protocol, state, local, remote, inode, uid, netns, owners };
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}
