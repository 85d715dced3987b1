/**
 * Tells whether one view of sockets that never rest contradicts another. What a view shows before and after a moment
 * with the same owners was there at that moment, and the other view must show the same of it. Pure.
 *
 * Some differences are explained by what the kernel does, or by what a view is known to do; each has a kind:
 *
 *     replaced   without an inode, and missing once: on its way to TIME_WAIT the kernel puts another row in the place of
 *                one, and for a moment shows neither
 *     reused     without an inode, and missing twice, but another row has its ends: the next connection between them
 *     forked     further owners that are newer than the look before: between fork and exec a child holds what its parent
 *                holds
 *     late       other owners than expected, for less time than the view may be late
 */
import { inodeIn, pidsIn, type Snapshot, tupleIn } from './snapshot.ts';

export type DifferenceKind = 'replaced' | 'reused' | 'forked' | 'late' | 'unexplained';

export interface Difference {
  readonly kind: DifferenceKind;
  /** Of socketText. */
  readonly socket: string;
  /** Of ownersText. */
  readonly expected: string;
  /** null = the socket is missing. */
  readonly shown: string | null;
}

export interface Judgement {
  /** How many sockets the moment had for certain. */
  readonly compared: number;
  readonly differences: readonly Difference[];
}

/** Compares two views, look after look: whether a difference lasts is part of what it means. */
export class Comparison {
  readonly #lateMaxMs: number;
  /** Sockets that were missing at the last look, with the number of looks. */
  #missing: ReadonlyMap<string, number> = new Map();
  /** Since when a socket has other owners. */
  #lateSinceMs = new Map<string, number>();

  /** @param lateMaxMs how long one of the views may show owners of before; 0 = not at all */
  constructor(lateMaxMs: number) {
    this.#lateMaxMs = lateMaxMs;
  }

  /**
   * @param before what one view showed before the other one looked
   * @param after and after it
   * @param nowMs on a monotonic clock
   */
  judge(before: Snapshot, shown: Snapshot, after: Snapshot, nowMs: number): Judgement {
    const known = new Set([...before.values()].flatMap(pidsIn));
    const differences: Difference[] = [];
    const missing = new Map<string, number>();
    const lateSinceMs = new Map<string, number>();
    let compared = 0;
    for (const [socket, expected] of before) {
      if (after.get(socket) !== expected) continue;
      compared++;
      const owners = shown.get(socket);
      if (owners === expected) continue;
      if (owners === undefined) missing.set(socket, (this.#missing.get(socket) ?? 0) + 1);
      if (owners !== undefined) lateSinceMs.set(socket, this.#lateSinceMs.get(socket) ?? nowMs);
      const kind =
        owners === undefined
          ? kindOfMissing(socket, missing.get(socket)!, shown)
          : kindOfOwners(expected, owners, known, this.#isLate(lateSinceMs.get(socket)!, nowMs));
      differences.push({ kind, socket, expected, shown: owners ?? null });
    }
    this.#missing = missing;
    this.#lateSinceMs = lateSinceMs;
    return { compared, differences };
  }

  #isLate(sinceMs: number, nowMs: number): boolean {
    return this.#lateMaxMs > 0 && nowMs - sinceMs <= this.#lateMaxMs;
  }
}

/** @param looks how many in a row have missed it */
function kindOfMissing(socket: string, looks: number, shown: Snapshot): DifferenceKind {
  if (inodeIn(socket) !== 0 || looks > 2) return 'unexplained';
  if (looks === 1) return 'replaced';
  // One in TIME_WAIT gives way to a new connection, which may soon be in TIME_WAIT too.
  const tuple = tupleIn(socket);
  return [...shown.keys()].some((other) => tupleIn(other) === tuple) ? 'reused' : 'unexplained';
}

/** @param known pids that were there before */
function kindOfOwners(
  expected: string,
  owners: string,
  known: ReadonlySet<string>,
  isLate: boolean,
): DifferenceKind {
  const others = owners.split(' ').filter((owner) => pidsIn(owner).every((pid) => known.has(pid)));
  if (others.join(' ') === expected) return 'forked';
  return isLate ? 'late' : 'unexplained';
}
