/**
 * For how long the event loop was kept from its turns: what every message, answer and sweep waits for.
 *
 * A timer of Node's own looks every `resolutionMs` and notes how late it was. So a delay is seen less by up to
 * resolutionMs, and what is shorter than that may not be seen at all.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Between two looks. A look costs some 50 us, so all of them 0.3 % of a core. */
export const resolutionMs = 20;

export interface Delays {
  readonly maxSeconds: number;
  readonly p99Seconds: number;
}

export class LoopDelay {
  readonly #histogram: IntervalHistogram;

  /** Looks from now on. */
  constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    this.#histogram.enable();
  }

  /** The longest and the 99th of 100 since this was asked last. 0 when nothing was seen. */
  take(): Delays {
    const { max, count } = this.#histogram;
    const seconds = (betweenNs: number): number =>
      count === 0 ? 0 : Math.max(0, betweenNs / 1e9 - resolutionMs / 1000);
    const delays = { maxSeconds: seconds(max), p99Seconds: seconds(this.#histogram.percentile(99)) };
    this.#histogram.reset();
    return delays;
  }

  /** Idempotent. */
  close(): void {
    this.#histogram.disable();
  }
}
