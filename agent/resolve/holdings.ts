/**
 * Who holds which socket, kept from scan to scan: inode → processes and their fds, brought up to date process by
 * process, and inode → rows that show it, brought up to date row by row. What neither side touched costs nothing.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import type { Reading } from './refresh.ts';

/** Whoever holds sockets, with the files that it was last seen with. */
export interface Holder {
  readonly pid: number;
  /** Every open fd, ascending; inode 0 for what is no socket. */
  held: SocketFds;
}

/** Where a row stands, to be replaced when its owners change. */
export interface RowCell {
  value: OwnedSocket;
}

interface Claim<H extends Holder> {
  readonly holder: H;
  /** Ascending. */
  readonly fds: readonly number[];
}

/** One socket inode. */
export interface Holding<H extends Holder> {
  readonly inode: number;
  /** In no particular order. */
  readonly claims: Claim<H>[];
  /** Rows that show it: one, but for torn tables. */
  readonly cells: RowCell[];
  /** When somebody who holds it was looked for in vain; null = never, or found. */
  sought: Reading | null;
}

const noOwners: readonly Owner[] = [];

export class Holdings<H extends Holder> {
  readonly #byInode = new Map<number, Holding<H>>();
  /** Shown, and held by somebody else than its rows say. */
  readonly #stale = new Set<Holding<H>>();
  /** Shown, and held by nobody known. */
  readonly wanted = new Set<Holding<H>>();
  /** Held, and not shown any more since `settle` was called last. */
  readonly lost = new Set<Holding<H>>();

  get size(): number {
    return this.#byInode.size;
  }

  get(inode: number): Holding<H> | undefined {
    return this.#byInode.get(inode);
  }

  /** Says that there is a row. Its owners are filled in by `settle`. */
  show(cell: RowCell): void {
    const { inode } = cell.value;
    if (inode === 0) return;
    const holding = this.#of(inode);
    holding.cells.push(cell);
    this.lost.delete(holding);
    this.#sort(holding);
  }

  /** Says that there is no such row any more. */
  hide(cell: RowCell): void {
    const holding = this.#byInode.get(cell.value.inode);
    if (holding === undefined) return;
    holding.cells.splice(holding.cells.indexOf(cell), 1);
    if (holding.cells.length === 0 && holding.claims.length > 0) this.lost.add(holding);
    this.#sort(holding);
  }

  /** Says that `holder` holds `held`, and nothing of what it held before besides. */
  update(holder: H, held: SocketFds): void {
    const before = holder.held;
    holder.held = held;
    if (isEqual(before.inodes, held.inodes) && isEqual(before.fds, held.fds)) return;
    const fdsNow = fdsByInode(held);
    for (const inode of new Set(before.inodes)) {
      if (inode !== 0 && !fdsNow.has(inode)) this.#claim(holder, inode, null);
    }
    for (const [inode, fds] of fdsNow) this.#claim(holder, inode, fds);
  }

  /** Something about a holder itself changed: whatever it holds has other owners now. */
  renew(holder: H): void {
    for (const inode of holder.held.inodes) {
      const holding = this.#byInode.get(inode);
      if (holding !== undefined) this.#sort(holding);
    }
  }

  /** Gives every row its owners, by pid, ascending. @param resolve null for a holder that went away */
  settle(resolve: (holder: H) => Process | null): void {
    for (const holding of this.#stale) {
      const owners = ownersOf(holding, resolve);
      for (const cell of holding.cells) {
        const isSame = owners.length === 0 && cell.value.owners.length === 0;
        if (!isSame) cell.value = { ...cell.value, owners };
      }
    }
    this.#stale.clear();
    this.lost.clear();
  }

  /** @param fds null = holds it no more */
  #claim(holder: H, inode: number, fds: readonly number[] | null): void {
    const holding = this.#of(inode);
    const at = holding.claims.findIndex((claim) => claim.holder === holder);
    if (at >= 0 && fds !== null && isEqual(holding.claims[at]!.fds, fds)) return;
    if (at >= 0) holding.claims.splice(at, 1);
    if (fds !== null) holding.claims.push({ holder, fds });
    holding.sought = null;
    this.#sort(holding);
  }

  /** Files a holding where it belongs after a change of its rows or claims. */
  #sort(holding: Holding<H>): void {
    const { inode, claims, cells } = holding;
    if (cells.length > 0) this.#stale.add(holding);
    else this.#stale.delete(holding);
    if (cells.length > 0 && claims.length === 0) this.wanted.add(holding);
    else this.wanted.delete(holding);
    if (cells.length === 0 && claims.length === 0) {
      this.lost.delete(holding);
      this.#byInode.delete(inode);
    }
  }

  #of(inode: number): Holding<H> {
    let holding = this.#byInode.get(inode);
    if (holding === undefined) {
      holding = { inode, claims: [], cells: [], sought: null };
      this.#byInode.set(inode, holding);
    }
    return holding;
  }
}

function ownersOf<H extends Holder>(
  { claims }: Holding<H>,
  resolve: (holder: H) => Process | null,
): readonly Owner[] {
  if (claims.length === 0) return noOwners;
  const owners: Owner[] = [];
  for (const { holder, fds } of claims.toSorted((a, b) => a.holder.pid - b.holder.pid)) {
    const process = resolve(holder);
    if (process !== null) owners.push({ process, fds });
  }
  return owners;
}

function fdsByInode({ fds, inodes }: SocketFds): Map<number, number[]> {
  const byInode = new Map<number, number[]>();
  for (const [i, inode] of inodes.entries()) {
    if (inode === 0) continue;
    const known = byInode.get(inode);
    if (known === undefined) byInode.set(inode, [fds[i]!]);
    else known.push(fds[i]!);
  }
  // The kernel lists fds in ascending order; copies of /proc on other file systems do not.
  for (const numbers of byInode.values()) numbers.sort((a, b) => a - b);
  return byInode;
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}
