/** When the stream tells what is past: whenever it has nothing else to send, and again when the next of it is due. */
import type { Cancel, Clock, Timers } from '../../model/timers.ts';
import type { PastMessages } from './past-messages.ts';

export class PastTurns {
  readonly #past: PastMessages | null;
  readonly #time: { readonly clock: Clock; readonly timers: Timers };
  readonly #again: () => void;
  #timer: Cancel | null = null;

  /** @param again is called when the next message is due */
  constructor(
    past: PastMessages | null,
    time: { readonly clock: Clock; readonly timers: Timers },
    again: () => void,
  ) {
    this.#past = past;
    this.#time = time;
    this.#again = again;
  }

  /** @param isFree whether a message may be sent now. @returns the one to be sent under that seq; null = none */
  next(seq: number, isFree: boolean): Buffer | null {
    if (this.#past === null) return null;
    const nowMs = this.#time.clock.monotonicMs();
    const bytes = isFree ? this.#past.take(seq, nowMs) : null;
    const waitMs = this.#past.waitMs(nowMs);
    this.stop();
    if (waitMs !== null) this.#timer = this.#time.timers.after(waitMs, this.#again);
    return bytes;
  }

  acknowledge(appliedSeq: number, durableSeq: number): void {
    this.#past?.acknowledge(appliedSeq, durableSeq, this.#time.clock.monotonicMs());
  }

  refused(seq: number, reason: string): void {
    this.#past?.refused(seq, reason);
  }

  /** A new snapshot begins: what is not acknowledged is told again behind it. */
  restart(): void {
    this.stop();
    this.#past?.restart();
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
  }
}
