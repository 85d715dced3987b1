/**
 * Tells whether one view of sockets that never rest contradicts another. What a view shows before and after a moment
 * with the same owners was there at that moment, and the other view must show the same of it. Pure.
 *
 * Some differences are explained by what the kernel does, or by what a view is known to do; each has a kind:
 *
 *     replaced   without an inode, and missing once: on its way to TIME_WAIT the kernel puts another row in the place of
 *                one, and for a moment shows neither
 *     reused     without an inode, and missing twice, but another row has its ends: the next connection between them
 *     orphaned   without an inode, where the other view shows it with one that nobody holds: the paths of an MPTCP connection
 *                that was closed, which Linux 6.18 goes on showing with the inode of the closed socket (sk_ino)
 *     forked     further owners that are newer than the look before: between fork and exec a child holds what its parent
 *                holds
 *     execed     without owners that are new since the look before that: a child that becomes another program while it is
 *                looked at is left out, once, by who looks twice to be sure of its name
 *     passed     no owner before and after, and one in between, once: on its way between processes, or opened while the
 *                other view looked and closed before it looked again
 *     late       other owners than expected, or a row without an owner that is missing, for less time than the view may be
 *                late with such
 */
import { inodeIn, pidsIn, rowIn, type Snapshot, tupleIn } from './snapshot.ts';

export type DifferenceKind =
  | 'replaced'
  | 'reused'
  | 'orphaned'
  | 'forked'
  | 'execed'
  | 'passed'
  | 'late'
  | 'unexplained';

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

/** For how long one of two views may show what was before; 0 = not at all. */
export interface LateMaxMs {
  /** Owners of a socket. */
  readonly owners: number;
  /** That there is a socket, which nobody holds. */
  readonly ownerless: number;
}

/** A difference at the last look. */
interface Lasting {
  /** How many looks in a row have had it. */
  readonly looks: number;
  readonly sinceMs: number;
}

/** Compares two views, look after look: whether a difference lasts is part of what it means. */
export class Comparison {
  readonly #lateMaxMs: LateMaxMs;
  /** By socket. */
  #missing: ReadonlyMap<string, Lasting> = new Map();
  #otherOwners: ReadonlyMap<string, Lasting> = new Map();
  /** Pids that were there before the last look; null at the first. */
  #knownBefore: ReadonlySet<string> | null = null;

  constructor(lateMaxMs: LateMaxMs) {
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
    const missing = new Map<string, Lasting>();
    const otherOwners = new Map<string, Lasting>();
    let compared = 0;
    for (const [socket, expected] of before) {
      if (after.get(socket) !== expected) continue;
      compared++;
      const owners = shown.get(socket);
      if (owners === expected) continue;
      const [last, now] = owners === undefined ? [this.#missing, missing] : [this.#otherOwners, otherOwners];
      const lasting = prolonged(last.get(socket), nowMs);
      now.set(socket, lasting);
      const kind =
        owners === undefined
          ? this.#kindOfMissing(socket, expected, shown, lasting, nowMs)
          : this.#kindOfOwners(expected, owners, known, lasting, nowMs);
      differences.push({ kind, socket, expected, shown: owners ?? null });
    }
    this.#knownBefore = known;
    this.#missing = missing;
    this.#otherOwners = otherOwners;
    return { compared, differences };
  }

  #kindOfMissing(
    socket: string,
    expected: string,
    shown: Snapshot,
    { looks, sinceMs }: Lasting,
    nowMs: number,
  ): DifferenceKind {
    if (inodeIn(socket) === 0) return kindOfReplaced(socket, looks, shown);
    const isLate = expected === '' && nowMs - sinceMs < this.#lateMaxMs.ownerless;
    return isLate ? 'late' : 'unexplained';
  }

  /** @param known pids that were there before */
  #kindOfOwners(
    expected: string,
    owners: string,
    known: ReadonlySet<string>,
    { looks, sinceMs }: Lasting,
    nowMs: number,
  ): DifferenceKind {
    const others = owners.split(' ').filter((owner) => pidsIn(owner).every((pid) => known.has(pid)));
    if (others.join(' ') === expected) return 'forked';
    const wasThere = this.#knownBefore;
    const isOlder = (owner: string): boolean => pidsIn(owner).every((pid) => wasThere?.has(pid) ?? true);
    if (looks === 1 && expected.split(' ').filter(isOlder).join(' ') === owners) return 'execed';
    if (expected === '' && looks === 1) return 'passed';
    return nowMs - sinceMs < this.#lateMaxMs.owners ? 'late' : 'unexplained';
  }
}

function prolonged(last: Lasting | undefined, nowMs: number): Lasting {
  return last === undefined ? { looks: 1, sinceMs: nowMs } : { ...last, looks: last.looks + 1 };
}

/** @param looks how many in a row have missed it */
function kindOfReplaced(socket: string, looks: number, shown: Snapshot): DifferenceKind {
  const row = rowIn(socket);
  if ([...shown].some(([other, owners]) => owners === '' && rowIn(other) === row)) return 'orphaned';
  if (looks > 2) return 'unexplained';
  if (looks === 1) return 'replaced';
  // One in TIME_WAIT gives way to a new connection, which may soon be in TIME_WAIT too.
  const tuple = tupleIn(socket);
  return [...shown.keys()].some((other) => tupleIn(other) === tuple) ? 'reused' : 'unexplained';
}
