/**
 * One process of one machine: its timers, and the door through which everything else calls into it. Killed, nothing of it
 * runs any more; stopped, all that would have waits until it goes on.
 */
import type { Cancel, Clock, Timers } from '../../model/timers.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';

export class SimulatedProcess {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly #time: SimulatedTime;
  #isAlive = true;
  #stoppedUntilMs = 0;

  constructor(time: SimulatedTime, clock: Clock) {
    this.#time = time;
    this.clock = clock;
    this.timers = {
      after: (ms, call) => this.after(ms, call),
      every: (ms, call) => this.#every(ms, call),
      soon: (call) => this.after(0, call),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isStopped(): boolean {
    return this.hasStoppedWithin(0);
  }

  /** Whether it was stopped at some time within the last `ms`. */
  hasStoppedWithin(ms: number): boolean {
    return this.#stoppedUntilMs > this.#time.nowMs - ms;
  }

  /** SIGKILL. */
  kill(): void {
    this.#isAlive = false;
  }

  /** SIGSTOP, and SIGCONT after so long. */
  stop(ms: number): void {
    this.#stoppedUntilMs = Math.max(this.#stoppedUntilMs, this.#time.nowMs + ms);
  }

  /** Calls into it after so long, if it still runs then. */
  after(ms: number, call: () => void): Cancel {
    let isCancelled = false;
    this.#time.after(ms, () => this.enter(() => isCancelled || call()), true);
    return () => {
      isCancelled = true;
    };
  }

  /** Calls into it now, or when it goes on. */
  enter(call: () => void): void {
    if (!this.#isAlive) return;
    if (this.isStopped) this.#time.at(this.#stoppedUntilMs, () => this.enter(call), true);
    else call();
  }

  #every(ms: number, call: () => void): Cancel {
    let cancel: Cancel = () => undefined;
    const again = (): void => {
      cancel = this.after(ms, () => {
        again();
        call();
      });
    };
    again();
    return () => cancel();
  }
}
