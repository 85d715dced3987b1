/**
 * Who holds which socket, kept from scan to scan: inode → processes and their fds, brought up to date process by
 * process, and inode → rows that show it, brought up to date row by row. What neither side touched costs nothing.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { Cell } from '../netlink/diag-rows.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import { FdLists } from './fd-lists.ts';
import type { Reading } from './refresh.ts';
import { appended } from './short-list.ts';

/** Whoever holds sockets, with the files that it was last seen with. */
export interface Holder {
  readonly pid: number;
  /** Every open fd, ascending; inode 0 for what is no socket. */
  held: SocketFds;
}

/** Where a row stands, to be replaced when its owners change. */
export type RowCell = Cell<OwnedSocket>;

/** The part of a row that is filled in here. */
interface Ownable {
  owners: readonly Owner[];
}

interface Claim<H extends Holder> {
  readonly holder: H;
  /** Ascending. A list of one is shared with others, a longer one is its own. */
  fds: readonly number[];
}

/** One socket inode. */
export interface Holding<H extends Holder> {
  readonly inode: number;
  /** In no particular order. */
  claims: Claim<H>[];
  /** Rows that show it: one, but for torn tables. */
  cells: RowCell[];
  /** When somebody who holds it was looked for in vain; null = never, or found. */
  sought: Reading | null;
  /** Its rows may say other owners than its claims. */
  isStale: boolean;
}

const noOwners: readonly Owner[] = [];

/** Of every holding at first; `appended` puts another list in their place. */
const noClaims: never[] = [];
const noCells: RowCell[] = [];

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
  /** Got a holder besides others since `settle` was called last: inherited, or passed on. */
  readonly shared = new Set<Holding<H>>();

  get size(): number {
    return this.#byInode.size;
  }

  get(inode: number): Holding<H> | undefined {
    return this.#byInode.get(inode);
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
    holding.cells = appended(holding.cells, cell);
    if (this.lost.size > 0) this.lost.delete(holding);
    this.#touch(holding);
  }

  /** Says that there is no such row any more. */
  hide(cell: RowCell): void {
    const holding = this.#byInode.get(cell.value.inode);
    if (holding === undefined) return;
    holding.cells.splice(holding.cells.indexOf(cell), 1);
    if (holding.cells.length === 0 && holding.claims.length > 0) this.lost.add(holding);
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
      for (const cell of holding.cells) {
        if (cell.value.owners === unsettledOwners) (cell.value as Ownable).owners = owners;
        else if (!isSameOwners(cell.value.owners, owners)) cell.value = withOwners(cell.value, owners);
      }
      if (isUnowned(holding)) this.#unowned.add(holding);
      else this.#unowned.delete(holding);
    }
    this.lost.clear();
    this.shared.clear();
  }

  /** False when there was no claim. */
  #unclaim(holder: H, inode: number): boolean {
    const holding = this.#byInode.get(inode);
    const at = holding?.claims.findIndex((claim) => claim.holder === holder) ?? -1;
    if (holding === undefined || at < 0) return false;
    holding.claims.splice(at, 1);
    this.#touch(holding);
    return true;
  }

  /** Of one holder after the other; the kernel lists its fds in ascending order. */
  #claim(holder: H, inode: number, fd: number, isNew: boolean): void {
    const holding = this.#of(inode);
    const last = holding.claims.at(-1);
    if (isNew && last !== undefined && last.holder !== holder) this.shared.add(holding);
    if (last?.holder !== holder)
      holding.claims = appended(holding.claims, { holder, fds: this.#fdLists.of(fd) });
    else if (last.fds.length === 1) last.fds = [last.fds[0]!, fd];
    else (last.fds as number[]).push(fd);
    holding.sought = null;
    this.#touch(holding);
  }

  #touch(holding: Holding<H>): void {
    if (holding.isStale || holding.cells.length === 0) return;
    holding.isStale = true;
    this.#stale.push(holding);
  }

  #forgetUnused(holding: Holding<H>): void {
    if (holding.cells.length > 0) return;
    this.#unowned.delete(holding);
    if (holding.claims.length > 0) return;
    this.lost.delete(holding);
    this.shared.delete(holding);
    this.#byInode.delete(holding.inode);
  }

  #of(inode: number): Holding<H> {
    let holding = this.#byInode.get(inode);
    if (holding === undefined) {
      holding = { inode, claims: noClaims, cells: noCells, sought: null, isStale: false };
      this.#byInode.set(inode, holding);
    }
    return holding;
  }
}

function isUnowned<H extends Holder>({ cells, claims }: Holding<H>): boolean {
  return cells.length > 0 && claims.length === 0;
}

function ownersOf<H extends Holder>(
  { claims }: Holding<H>,
  resolve: (holder: H) => Process | null,
): readonly Owner[] {
  if (claims.length === 0) return noOwners;
  if (claims.length === 1) {
    const { holder, fds } = claims[0]!;
    const process = resolve(holder);
    return process === null ? noOwners : [{ process, fds }];
  }
  let owners: Owner[] = [];
  for (const { holder, fds } of claims.toSorted((a, b) => a.holder.pid - b.holder.pid)) {
    const process = resolve(holder);
    if (process !== null) owners = appended(owners, { process, fds });
  }
  return owners;
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
