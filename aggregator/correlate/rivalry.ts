/**
 * Who belongs to whom where several could be meant: generations of a four-tuple that follow each other closely, and equal
 * tuples of several networks. Two halves are one conversation only when neither could as well be another one's; else all
 * that could be meant are ambiguous. The verdict depends on what is known of the halves, never on the order of telling.
 *
 *     C1 ──── S1      C1 fits S1 alone, and S1 fits C1 alone: one conversation
 *     C1 ──┬─ S1
 *     C2 ──┘          S1 fits both: ambiguous, unless times of one clock tell, or one of the two is over
 *
 * Between generations of one namespace one clock tells: who came into being with a half needs no slack, another would.
 * Whoever stays established goes on talking: of two, the one that was over long before is not the one whom it talks to.
 */
import { otherSide } from './connection.ts';
import type { ConnectionTable, Half } from './connection-table.ts';
import {
  clockSlackMs,
  couldBeOneBirth,
  measuredDifferenceMs,
  unsureByMs,
  usualDifferenceMs,
} from './generations.ts';
import type { Lives } from './lives.ts';
import { everyMeeting, sideAt } from './meetings.ts';
import type { ReportedSocket } from './report.ts';

/** What a half is to those that it could be joined to. `alone`: there is none, or each of them has a better one. */
export type Verdict =
  | { readonly kind: 'alone' }
  | { readonly kind: 'one'; readonly peer: Half }
  | { readonly kind: 'ambiguous' };

const alone: Verdict = { kind: 'alone' };
const ambiguous: Verdict = { kind: 'ambiguous' };

/** Whether others than the two halves of one connection stand where this one does. */
export function isCrowded({ connection, standing }: Half, table: ConnectionTable): boolean {
  for (const { key } of everyMeeting(standing)) {
    for (const other of table.at(key)) if (other.connection !== connection) return true;
  }
  return false;
}

/** Judges the halves that stand at the same keys, as they are now; to be made anew when something of them changes. */
export class Rivalry {
  readonly #table: ConnectionTable;
  readonly #lives: Lives;
  readonly #fitting = new Map<Half, readonly Half[]>();
  readonly #chosen = new Map<Half, readonly Half[]>();

  constructor(table: ConnectionTable, lives: Lives) {
    this.#table = table;
    this.#lives = lives;
  }

  /** The half, those that it could be joined to, those that these could be joined to, and whom each is joined to. */
  around(half: Half): readonly Half[] {
    const first = [half, ...this.#fits(half)];
    const near = [...first, ...first.flatMap((each) => this.#fits(each))];
    const joined = near.flatMap(({ connection, side }) => {
      const peer = connection.halves[otherSide(side)];
      return peer === null ? [] : (this.#table.halfOf(peer) ?? []);
    });
    return [...new Set([...near, ...joined])];
  }

  verdictOn(half: Half): Verdict {
    const mutual = this.#mutual(half);
    const [peer] = mutual;
    if (peer === undefined) return alone;
    return mutual.length === 1 && this.#mutual(peer).length === 1 ? { kind: 'one', peer } : ambiguous;
  }

  #mutual(half: Half): readonly Half[] {
    return this.#choices(half).filter((other) => this.#choices(other).includes(half));
  }

  /** Those of `fits` that none of the others is better than. */
  #choices(half: Half): readonly Half[] {
    const known = this.#chosen.get(half);
    if (known !== undefined) return known;
    const every = this.#fits(half);
    // Of one host its own conntrack tells, whatever other hosts show.
    const near = every.filter(({ socket }) => socket.host === half.socket.host);
    const open = near.length > 0 ? near : every;
    const chosen = open.filter((each) => !open.some((other) => this.#isBetter(half, other, each)));
    this.#chosen.set(half, chosen);
    return chosen;
  }

  /** The halves opposite to it that it could be one conversation with. */
  #fits(half: Half): readonly Half[] {
    const known = this.#fitting.get(half);
    if (known !== undefined) return known;
    const opposite = this.#opposite(half);
    const born = opposite.filter((other) => couldBeOneBirth(half.socket, other.socket));
    const successors = opposite.filter((other) => !born.includes(other) && this.#hasTakenOver(half, other));
    const fitting = [...born, ...successors];
    this.#fitting.set(half, fitting);
    return fitting;
  }

  #opposite(half: Half): Half[] {
    const found = new Set<Half>();
    for (const { key, side } of everyMeeting(half.standing)) {
      for (const other of this.#table.at(key)) {
        const isOpposite = other.socket !== half.socket && sideAt(other.standing, key) !== side;
        if (isOpposite && !other.socket.byConntrack) found.add(other);
      }
    }
    return [...found];
  }

  /**
   * Whether one of them has come in place of one that the other was born with, and both went on side by side: of a socket
   * that was not accepted yet, its agent may not have seen that another one followed.
   */
  #hasTakenOver(one: Half, other: Half): boolean {
    const bothSinceMs = Math.max(one.socket.openedAtMs, other.socket.openedAtMs);
    if (!this.#liveTogether(one, other, bothSinceMs + usualDifferenceMs)) return false;
    return this.#isSuccessorFor(one, other) || this.#isSuccessorFor(other, one);
  }

  #isSuccessorFor(half: Half, successor: Half): boolean {
    return this.#opposite(half).some(
      ({ socket }) =>
        isOfOneNamespace(socket, successor.socket) &&
        this.#lives.overByMs(socket) <= successor.socket.openedAtMs &&
        couldBeOneBirth(half.socket, socket),
    );
  }

  /** Whether `half` is rather one conversation with `one` than with `other`: what lives on tells more than births. */
  #isBetter(half: Half, one: Half, other: Half): boolean {
    if (one === other) return false;
    if (this.#outlives(half, one, other)) return true;
    if (this.#outlives(half, other, one)) return false;
    const [isBorn, isOtherBorn] = [one, other].map(({ socket }) => couldBeOneBirth(half.socket, socket));
    if (isBorn !== isOtherBorn) return isBorn!;
    if (!isOfOneNamespace(one.socket, other.socket)) return false;
    const [gapMs, otherGapMs] = [one, other].map(({ socket }) => unsureByMs(half.socket, socket));
    const measuredMs = measuredDifferenceMs(half.socket, one.socket);
    return [measuredMs, usualDifferenceMs].some((ms) => gapMs! <= ms && otherGapMs! > ms);
  }

  /** Whether `half` and `one` were established when `other` was over. Of one namespace, a clock and its order tell when. */
  #outlives(half: Half, one: Half, other: Half): boolean {
    const doubtMs = isOfOneNamespace(one.socket, other.socket) ? usualDifferenceMs : clockSlackMs;
    return this.#liveTogether(half, one, this.#lives.overByMs(other.socket) + doubtMs);
  }

  /** Whether both were established then, as far as each agent's clock can tell. UDP sockets stay when their peer is gone. */
  #liveTogether(one: Half, other: Half, atMs: number): boolean {
    if (one.socket.protocol === 'udp') return false;
    return [one, other].every(({ socket }) => this.#lives.establishedUntilMs(socket) >= atMs);
  }
}

function isOfOneNamespace(one: ReportedSocket, other: ReportedSocket): boolean {
  return one.host === other.host && one.netns === other.netns;
}
