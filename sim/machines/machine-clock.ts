/** The clocks of one machine: one that somebody may set, and one that never steps. */
import type { Clock } from '../../model/timers.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';

/** Unix milliseconds at which every simulation begins. */
export const beginUnixMs = 1_700_000_000_000;

export class MachineClock implements Clock {
  readonly #time: SimulatedTime;
  #offsetMs: number;
  #bootedAtMs: number;

  /** @param offsetMs by how much it is ahead of the true time */
  constructor(time: SimulatedTime, offsetMs: number) {
    this.#time = time;
    this.#offsetMs = offsetMs;
    this.#bootedAtMs = -1_000_000;
  }

  readonly nowMs = (): number => Math.floor(beginUnixMs + this.#time.nowMs + this.#offsetMs);

  readonly monotonicMs = (): number => this.#time.nowMs - this.#bootedAtMs;

  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Somebody sets it. */
  step(ms: number): void {
    this.#offsetMs += ms;
  }

  /** The machine starts anew. */
  reboot(): void {
    this.#bootedAtMs = this.#time.nowMs - 10_000;
  }
}
