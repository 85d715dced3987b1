/**
 * Who is served when: streams with messages waiting take turns, one message each, for a slice of time; then the event loop
 * has its turn, and leases, heartbeats, questions and metrics are looked after before the next slice.
 *
 * Nothing is queued here. A stream keeps what it has not been asked for, a bounded number of messages, and takes no more
 * from the network meanwhile, so that HTTP/2's window holds the agent back.
 */
import { TurnOfLoop, type TurnOptions } from '../turn-of-loop.ts';

/** How long messages are taken before the event loop has its turn; the last one may go on beyond it. */
export const turnMs = 10;

/** One stream, in its own order. */
export interface Lane {
  /** Takes the message that has waited longest, if any. @returns whether another one waits. Must not throw. */
  takeNext(): boolean;
  /** Messages that are here and not taken. */
  readonly waiting: number;
}

export class Turns {
  readonly #now: () => number;
  readonly #turn: TurnOfLoop;
  /** With messages waiting, the one to be served next first. */
  readonly #lanes = new Set<Lane>();
  /** Slices that ended while messages still waited. */
  cutShort = 0;
  #isHeld = false;

  constructor({ monotonicClock, defer }: TurnOptions) {
    this.#now = monotonicClock;
    this.#turn = new TurnOfLoop(() => this.#serve(), defer);
  }

  /** Messages that wait for their turn, of all lanes. */
  get waiting(): number {
    let sum = 0;
    for (const lane of this.#lanes) sum += lane.waiting;
    return sum;
  }

  /** A message has come: the lane is served when it is its turn. One that stands in line keeps its place. */
  join(lane: Lane): void {
    this.#lanes.add(lane);
    this.#turn.ask();
  }

  /** The lane is not served any more. */
  leave(lane: Lane): void {
    this.#lanes.delete(lane);
  }

  /** While it is held, nobody is served: what messages lead to has no room. Leases go on, so it is for moments only. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld && this.#lanes.size > 0) this.#turn.ask();
  }

  #serve(): void {
    const endMs = this.#now() + turnMs;
    // A Set is walked in the order of joining, those that join meanwhile included: whoever was served stands last again.
    for (const lane of this.#lanes) {
      if (this.#isHeld) return;
      this.#lanes.delete(lane);
      if (lane.takeNext()) this.#lanes.add(lane);
      if (this.#now() >= endMs) break;
    }
    if (this.#lanes.size === 0) return;
    this.cutShort++;
    this.#turn.ask();
  }
}
