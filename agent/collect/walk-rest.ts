/**
 * Whether a walk over connections would show what the last one has shown, so that it need not be made: with something in
 * TIME_WAIT, which lasts for a minute, there would be one in every scan, past every connection of the host.
 *
 * What no file leads to comes about with a change of some socket's state, and every change is counted. It goes away without
 * one, in TIME_WAIT when its time is over and out of an accept queue, and both show in the kernel's counts (controlLayout).
 *
 *     counts   scan   walk   scan      the same counts before and after a walk: nothing went while it was made
 *     changes  ....|..walk..|....|     none since the scan before it began: a change is told just before it is made
 *
 * Requests for a connection come and go without either: where the walk showed one, the next is made. What is left of an
 * orphan in FIN_WAIT_2 goes on to TIME_WAIT without either when its peer, on another host, says goodbye: this is told late.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketState } from '../../model/socket-state.ts';

/** For how long a walk is believed at most. */
export const walkRestMaxMs = 10_000;

/** What tells of changes, as it was at one moment. */
export interface WalkSigns {
  /** Changes of state since some time; null where they are not told. */
  readonly changes: number | null;
  /** Another number where the kernel counts more or fewer in TIME_WAIT or in accept queues; null where it cannot tell. */
  readonly counts: bigint | null;
  /** Open connections were looked at too, for accept queues. */
  readonly isThorough: boolean;
  /** Namespaces whose connections the walk goes over. */
  readonly sharing: ReadonlySet<number>;
}

interface Walk {
  readonly signs: WalkSigns;
  readonly madeAtMs: number;
  /** Of what it showed, something may change without a sign. */
  readonly isRestless: boolean;
}

const request: SocketState = 'syn-recv';

export class WalkRest {
  /** Null before the first, and when there is nothing to go by. */
  #last: Walk | null = null;
  /** At the last look before a scan. */
  #changesBefore: number | null = null;
  /** Whether there was no change from one look to the next. */
  #isCalm = false;

  /** To be called once before each scan. */
  look(changes: number | null): void {
    this.#isCalm = changes !== null && changes === this.#changesBefore;
    this.#changesBefore = changes;
  }

  /** Whether the last walk tells what one with these signs would. @param nowMs on a monotonic clock */
  isAsWalked(signs: WalkSigns, nowMs: number): boolean {
    const last = this.#last;
    if (last === null || last.isRestless || nowMs - last.madeAtMs >= walkRestMaxMs) return false;
    const { changes, counts, isThorough, sharing } = signs;
    return (
      changes !== null &&
      counts !== null &&
      changes === last.signs.changes &&
      counts === last.signs.counts &&
      isThorough === last.signs.isThorough &&
      sharing.size === last.signs.sharing.size &&
      [...sharing].every((netns) => last.signs.sharing.has(netns))
    );
  }

  /** A walk was made. @param signs as they were before it @param rows what it showed */
  walked(signs: WalkSigns, rows: readonly OwnedSocket[], nowMs: number): void {
    const isCalm = this.#isCalm && signs.changes === this.#changesBefore;
    const isRestless = !isCalm || rows.some(({ state }) => state === request);
    this.#last = { signs, madeAtMs: nowMs, isRestless };
  }

  /** Nothing is known of what a walk would show. */
  forget(): void {
    this.#last = null;
  }
}
