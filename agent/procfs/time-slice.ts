/**
 * Cooperative pacing: long synchronous work asks now and then whether its slice is used up, and rests if so.
 *
 * Reads of /proc are system calls of microseconds each, where a promise per call would cost more than the call. They
 * run synchronously, a slice at a time, so that the event loop (streams, timers, signals) keeps its turns.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * After so long the event loop has its turn: a quarter of what it may be kept. Garbage collection comes on top, which takes
 * V8 up to 10 ms at once where everything is new to it, and so does what stands before the first step and behind the last.
 */
export const sliceMs = 5;

export class TimeSlice {
  readonly #lengthMs: number;
  #startedAtMs = performance.now();

  /** @param lengthMs 0 rests at every opportunity. */
  constructor(lengthMs: number = sliceMs) {
    this.#lengthMs = lengthMs;
  }

  isUsedUp(): boolean {
    return performance.now() - this.#startedAtMs >= this.#lengthMs;
  }

  /** Lets the event loop run once and starts the next slice. */
  async rest(): Promise<void> {
    await nextTurn();
    this.#startedAtMs = performance.now();
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
