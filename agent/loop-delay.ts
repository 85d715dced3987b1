/**
 * For how long the event loop was kept from its turns while a scan was made and dealt with.
 *
 * Node measures it with a timer that is late when the loop is. Running all the time that would wake an idle agent so often
 * that it costs more than the scans, so it runs during a turn of the scan loop only.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the timer looks, ms: what is shorter is not seen, and what is longer is seen less by up to as much. */
const resolutionMs = 2;

export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs });

  turnBegins(): void {
    this.#histogram.enable();
  }

  turnEnds(): void {
    // A timer that is late already comes before this one.
    setTimeout(() => this.#histogram.disable(), 1).unref();
  }

  /** The longest since this was asked last; 0 when there was none. */
  takeMaxMs(): number {
    const { max, count } = this.#histogram;
    this.#histogram.reset();
    return count === 0 ? 0 : Math.max(0, max / 1e6 - resolutionMs);
  }

  /** Idempotent. */
  close(): void {
    this.#histogram.disable();
  }
}
