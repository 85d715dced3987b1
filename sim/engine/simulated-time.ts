/**
 * Time as the simulation makes it: what is planned happens one after the other, earlier first, and of one moment what was
 * planned first. Nothing takes time by itself.
 *
 * Product code that waits for promises goes on before the next event: microtasks run in the order in which they came up, so
 * that the order is that of the seed alone.
 */
import type { Cancel } from '../../model/timers.ts';

interface Planned {
  readonly atMs: number;
  readonly number: number;
  /** Whether promises may be settled by it. */
  readonly wakes: boolean;
  call: (() => void) | null;
}

export class SimulatedTime {
  /** Milliseconds since the simulation began. */
  nowMs = 0;
  /** A binary heap. */
  readonly #planned: Planned[] = [];
  #lastNumber = 0;
  /** Events that happened. */
  events = 0;
  #failure: { readonly error: unknown } | null = null;

  /** Time stops after this event: `play` rejects with the first of such errors. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Runs something whose errors nobody between here and there may take for another's. */
  guard<Result>(run: () => Result): Result | undefined {
    try {
      return run();
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /** @param wakes whether what waits for promises may go on after it */
  at(atMs: number, call: () => void, wakes = false): Cancel {
    const planned: Planned = {
      atMs: Math.max(atMs, this.nowMs),
      number: ++this.#lastNumber,
      wakes,
      call,
    };
    this.#add(planned);
    return () => {
      planned.call = null;
    };
  }

  after(ms: number, call: () => void, wakes = false): Cancel {
    return this.at(this.nowMs + ms, call, wakes);
  }

  /** Lets happen what is planned up to a moment, and stands there then. Rejects with what an event throws, or fails with. */
  async play(untilMs: number): Promise<void> {
    for (;;) {
      const first = this.#planned[0];
      if (first === undefined || first.atMs > untilMs) break;
      this.#takeFirst();
      const { call } = first;
      if (call === null) continue;
      this.nowMs = first.atMs;
      this.events++;
      this.guard(call);
      if (first.wakes) await allSettled();
      if (this.#failure !== null) throw this.#failure.error;
    }
    this.nowMs = untilMs;
  }

  #add(planned: Planned): void {
    const heap = this.#planned;
    let n = heap.push(planned) - 1;
    while (n > 0) {
      const parent = (n - 1) >> 1;
      if (!isBefore(planned, heap[parent]!)) break;
      heap[n] = heap[parent]!;
      n = parent;
    }
    heap[n] = planned;
  }

  #takeFirst(): void {
    const heap = this.#planned;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let n = 0;
    for (;;) {
      let child = 2 * n + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[n] = heap[child]!;
      n = child;
    }
    heap[n] = last;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs === other.atMs ? one.number < other.number : one.atMs < other.atMs;
}

/** Kept from before any test or simulation stands in for it. */
const { setImmediate: nextTurn } = globalThis;

/** Everything that waits for a promise has gone on as far as it goes. */
function allSettled(): Promise<void> {
  return new Promise((resolve) => void nextTurn(resolve));
}
