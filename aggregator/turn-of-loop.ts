/** Work that is done in slices of time, and goes on when the event loop has had its turn between two of them. */

export interface TurnOptions {
  /** Milliseconds that never step. */
  readonly monotonicClock: () => number;
  /** Calls back once the event loop has had its turn. Default: setImmediate. */
  readonly defer?: (serve: () => void) => void;
}

/** Calls `serve` after the next turn of the event loop, once, however often it is asked to until then. */
export class TurnOfLoop {
  readonly #serve: () => void;
  readonly #defer: (serve: () => void) => void;
  #isDeferred = false;

  constructor(serve: () => void, defer: TurnOptions['defer']) {
    this.#serve = serve;
    this.#defer = defer ?? ((then) => void setImmediate(then));
  }

  ask(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#defer(() => {
      this.#isDeferred = false;
      this.#serve();
    });
  }
}
