/**
 * One socket: who holds it, and the rows that show it. Nearly every socket has one holder with one fd, and one row. Those
 * stand in the holding itself, since lists of one for each of 100,000 sockets would be most of its memory.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import type { Cell } from '../netlink/diag-rows.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';
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

export interface Claim<H extends Holder> {
  readonly holder: H;
  /** Ascending. A list of one is shared with others, a longer one is its own. */
  fds: readonly number[];
}

/** Of every holding at first; `appended` puts another list in their place. */
const noClaims: never[] = [];
const noCells: never[] = [];
const noFds: readonly number[] = [];

export class Holding<H extends Holder> {
  readonly inode: number;
  /** The first claim; null = nobody is known to hold it, and there are no further claims. */
  holder: H | null = null;
  /** Of the first claim, as there. */
  fds = noFds;
  #claims: Claim<H>[] = noClaims;
  /** The row that shows it; null = none does. */
  cell: RowCell | null = null;
  /** More rows, of torn tables. */
  #cells: RowCell[] = noCells;
  /** When somebody who holds it was looked for in vain; null = never, or found. */
  sought: Reading | null = null;
  /** Its rows may say other owners than its claims. */
  isStale = false;

  constructor(inode: number) {
    this.inode = inode;
  }

  get isHeld(): boolean {
    return this.holder !== null;
  }

  get isShown(): boolean {
    return this.cell !== null;
  }

  /** Held by one process, under one fd. */
  get isHeldOnce(): boolean {
    return this.fds.length === 1 && this.#claims.length === 0;
  }

  /** Every claim but the first. */
  get furtherClaims(): readonly Claim<H>[] {
    return this.#claims;
  }

  /** Every row but the first. */
  get furtherCells(): readonly RowCell[] {
    return this.#cells;
  }

  /** In no particular order. */
  holders(): H[] {
    if (this.holder === null) return [];
    return [this.holder, ...this.#claims.map(({ holder }) => holder)];
  }

  show(cell: RowCell): void {
    if (this.cell === null) this.cell = cell;
    else this.#cells = appended(this.#cells, cell);
  }

  hide(cell: RowCell): void {
    if (this.cell === cell) this.cell = this.#cells.pop() ?? null;
    else this.#cells = this.#cells.filter((other) => other !== cell);
  }

  /**
   * Adds an fd of `holder`. All of one holder's come one after the other, ascending.
   *
   * @param fds a list of `fd` alone, to be kept and not changed
   * @returns whether others held it before
   */
  claim(holder: H, fd: number, fds: readonly number[]): boolean {
    const last = this.#claims.at(-1);
    if (this.holder === null) {
      this.holder = holder;
      this.fds = fds;
      return false;
    }
    if (last === undefined && this.holder === holder) this.fds = extended(this.fds, fd);
    else if (last?.holder === holder) last.fds = extended(last.fds, fd);
    else {
      this.#claims = appended(this.#claims, { holder, fds });
      return true;
    }
    return false;
  }

  /** False when there was no claim. */
  unclaim(holder: H): boolean {
    if (this.holder === holder) {
      const next = this.#claims.pop();
      this.holder = next?.holder ?? null;
      this.fds = next?.fds ?? noFds;
      return true;
    }
    const at = this.#claims.findIndex((claim) => claim.holder === holder);
    if (at >= 0) this.#claims.splice(at, 1);
    return at >= 0;
  }
}

/** Lists of one are shared, longer ones are not. */
function extended(fds: readonly number[], fd: number): readonly number[] {
  if (fds.length === 1) return [fds[0]!, fd];
  (fds as number[]).push(fd);
  return fds;
}
