/** Time that goes on when a test says so; what was promised meanwhile is kept before it goes on further. */
import type { Cancel, Clock, Timers } from '../../model/timers.ts';

interface Waiting {
  readonly call: () => void;
  atMs: number;
  readonly everyMs: number | null;
}

export class ManualTime implements Clock, Timers {
  #ms: number;
  readonly #waiting = new Set<Waiting>();

  constructor(startMs: number) {
    this.#ms = startMs;
  }

  readonly nowMs = (): number => this.#ms;
  readonly monotonicMs = (): number => this.#ms;

  after(ms: number, call: () => void): Cancel {
    return this.#wait({ call, atMs: this.#ms + ms, everyMs: null });
  }

  every(ms: number, call: () => void): Cancel {
    return this.#wait({ call, atMs: this.#ms + ms, everyMs: ms });
  }

  soon(call: () => void): Cancel {
    return this.after(0, call);
  }

  #wait(waiting: Waiting): Cancel {
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  /** Nobody calls any more whoever waits now: their process is gone. */
  forgetAll(): void {
    this.#waiting.clear();
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#ms + ms;
    for (;;) {
      await promisesKept();
      const next = [...this.#waiting].toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#ms = Math.max(this.#ms, next.atMs);
      if (next.everyMs === null) this.#waiting.delete(next);
      else next.atMs += next.everyMs;
      next.call();
    }
    this.#ms = endMs;
  }
}

/** Ten turns are more than anything in memory waits for. */
async function promisesKept(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
