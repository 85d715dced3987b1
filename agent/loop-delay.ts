/**
 * For how long the event loop was kept from its turns while a scan was made and dealt with: by how much a timer is late.
 *
 * The timer runs during a turn of the scan loop only. Running all the time, as perf_hooks.monitorEventLoopDelay does, it
 * would wake an idle agent so often that it cost more than the scans: half a percent of a core at 10 ms.
 */
import { createHistogram } from 'node:perf_hooks';

/** Between two looks. What is shorter is not seen, and what is longer is seen less by up to as much. */
const lookEveryMs = 2;

/** Of the looks since the last time; both 0 where there were none. */
export interface Delays {
  readonly maxMs: number;
  readonly p99Ms: number;
}

const nsPerMs = 1e6;

export class LoopDelay {
  #timer: NodeJS.Timeout | null = null;
  #isInTurn = false;
  #dueMs = 0;
  readonly #delaysNs = createHistogram();

  turnBegins(): void {
    this.#isInTurn = true;
    if (this.#timer === null) this.#look();
  }

  /** What was kept up to the end is seen by the look that follows. */
  turnEnds(): void {
    this.#isInTurn = false;
  }

  /** The longest delay since this was asked last, and what 99 of 100 were below. */
  take(): Delays {
    const { max, count } = this.#delaysNs;
    const p99 = this.#delaysNs.percentile(99);
    this.#delaysNs.reset();
    return count === 0 ? { maxMs: 0, p99Ms: 0 } : { maxMs: max / nsPerMs, p99Ms: p99 / nsPerMs };
  }

  /** Idempotent. */
  close(): void {
    this.#isInTurn = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    this.#dueMs = performance.now() + lookEveryMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      const lateMs = performance.now() - this.#dueMs;
      // The histogram takes whole numbers from 1.
      this.#delaysNs.record(Math.max(1, Math.round(lateMs * nsPerMs)));
      if (this.#isInTurn) this.#look();
    }, lookEveryMs);
  }
}
