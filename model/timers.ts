/** Clocks and timers as values, so that whoever waits can be given those of a simulation. */

export interface Clock {
  /** Unix milliseconds. They step when somebody sets the clock. */
  readonly nowMs: () => number;
  /** Milliseconds that never step. */
  readonly monotonicMs: () => number;
}

/** Takes back what was not called yet. Idempotent. */
export type Cancel = () => void;

export interface Timers {
  /** Calls once, after so many milliseconds. */
  after(ms: number, call: () => void): Cancel;
  /** Calls again and again, so many milliseconds apart. It keeps no process from ending. */
  every(ms: number, call: () => void): Cancel;
  /** Calls once the event loop has had its turn. */
  soon(call: () => void): Cancel;
}

/** Those of this process. */
export const realClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

export const realTimers: Timers = {
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, call) => {
    const timer = setInterval(call, ms).unref();
    return () => clearInterval(timer);
  },
  soon: (call) => {
    const immediate = setImmediate(call);
    return () => clearImmediate(immediate);
  },
};

/** Is over after so many milliseconds. */
export function pause(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve));
}
