/**
 * Who holds which socket, kept from scan to scan: inode → processes and their fds, brought up to date process by
 * process. Owners are the same array until one of them changes.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
import type { Reading } from './refresh.ts';

/** Whoever holds sockets, with those that it was last seen with. */
export interface Holder {
  readonly pid: number;
  held: SocketFds;
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
  /** null = to be made from the claims. */
  owners: readonly Owner[] | null;
  /** Number of the last scan in which a row had this inode. */
  shownIn: number;
  /** When somebody who holds it was looked for in vain; null = never, or found. */
  sought: Reading | null;
}

const noOwners: readonly Owner[] = [];

export class Holdings<H extends Holder> {
  readonly #byInode = new Map<number, Holding<H>>();

  get size(): number {
    return this.#byInode.size;
  }

  all(): IterableIterator<Holding<H>> {
    return this.#byInode.values();
  }

  /** The one of an inode, made when there is none yet. */
  of(inode: number): Holding<H> {
    let holding = this.#byInode.get(inode);
    if (holding === undefined) {
      holding = { inode, claims: [], owners: noOwners, shownIn: 0, sought: null };
      this.#byInode.set(inode, holding);
    }
    return holding;
  }

  /** Says that `holder` holds `held`, and nothing of what it held before besides. */
  update(holder: H, held: SocketFds): void {
    const before = holder.held;
    holder.held = held;
    if (isEqual(before.inodes, held.inodes) && isEqual(before.fds, held.fds)) return;
    const fdsNow = fdsByInode(held);
    for (const inode of new Set(before.inodes)) if (!fdsNow.has(inode)) this.#claim(holder, inode, null);
    for (const [inode, fds] of fdsNow) this.#claim(holder, inode, fds);
  }

  /** Something about a holder itself changed: whatever it holds has other owners now. */
  renew(holder: H): void {
    for (const inode of holder.held.inodes) {
      const holding = this.#byInode.get(inode);
      if (holding !== undefined) holding.owners = null;
    }
  }

  /** Owners by pid, ascending. @param resolve null for a holder that went away */
  ownersOf(holding: Holding<H>, resolve: (holder: H) => Process | null): readonly Owner[] {
    if (holding.owners !== null) return holding.owners;
    const owners: Owner[] = [];
    for (const { holder, fds } of holding.claims.toSorted((a, b) => a.holder.pid - b.holder.pid)) {
      const process = resolve(holder);
      if (process !== null) owners.push({ process, fds });
    }
    holding.owners = owners;
    return owners;
  }

  /** Forgets the inodes that nobody holds and no row has had since scan number `scan`. */
  expire(scan: number): void {
    for (const [inode, { claims, shownIn }] of this.#byInode) {
      if (claims.length === 0 && shownIn < scan) this.#byInode.delete(inode);
    }
  }

  /** @param fds null = holds it no more */
  #claim(holder: H, inode: number, fds: readonly number[] | null): void {
    const holding = this.of(inode);
    const at = holding.claims.findIndex((claim) => claim.holder === holder);
    if (at >= 0 && fds !== null && isEqual(holding.claims[at]!.fds, fds)) return;
    if (at >= 0) holding.claims.splice(at, 1);
    if (fds !== null) holding.claims.push({ holder, fds });
    if (holding.claims.length > 0) holding.sought = null;
    holding.owners = null;
  }
}

function fdsByInode({ fds, inodes }: SocketFds): Map<number, number[]> {
  const byInode = new Map<number, number[]>();
  for (const [i, inode] of inodes.entries()) {
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
