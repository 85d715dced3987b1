/**
 * Cooperative pacing: long synchronous work asks now and then whether its slice is used up, and rests if so.
 *
 * Reads of /proc are system calls of microseconds each, where a promise per call would cost more than the call. They
 * run synchronously, a slice at a time, so that the event loop (streams, timers, signals) keeps its turns.
 */
import { type Clock, realClock, realTimers, type Timers } from '../../model/timers.ts';

/**
 * After so long the event loop has its turn: a quarter of what it may be kept. Garbage collection comes on top, which takes
 * V8 up to 10 ms at once where everything is new to it, and so does what stands before the first step and behind the last.
 */
export const sliceMs = 5;

/** What a slice is measured by, and rests on. */
export interface SliceTime {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'soon'>;
}

const realTime: SliceTime = { clock: realClock, timers: realTimers };

export class TimeSlice {
  readonly #lengthMs: number;
  readonly #time: SliceTime;
  #startedAtMs: number;

  /** @param lengthMs 0 rests at every opportunity. */
  constructor(lengthMs: number = sliceMs, time: SliceTime = realTime) {
    this.#lengthMs = lengthMs;
    this.#time = time;
    this.#startedAtMs = time.clock.monotonicMs();
  }

  isUsedUp(): boolean {
    return this.#time.clock.monotonicMs() - this.#startedAtMs >= this.#lengthMs;
  }

  /** Lets the event loop run once and starts the next slice. */
  async rest(): Promise<void> {
    await new Promise<void>((resolve) => void this.#time.timers.soon(resolve));
    this.#startedAtMs = this.#time.clock.monotonicMs();
  }
}

/** After so many steps the clock is looked at: most take less time than that does. None may take more than a millisecond. */
export const stepsPerLook = 8;

/** Does to the end what yields wherever it may be interrupted, and gives the event loop its turns meanwhile. */
export async function inSlices<T>(steps: Generator<void, T>, slice = new TimeSlice()): Promise<T> {
  for (let taken = 1; ; taken++) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (taken % stepsPerLook === 0 && slice.isUsedUp()) await slice.rest();
  }
}
