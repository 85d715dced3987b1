/**
 * How far an agent's clock is ahead of the aggregator's, from its heartbeats. A heartbeat's own round trip is known only
 * when the next one reports it; of the last few, the one with the shortest round trip says most.
 */

/** Below this, a first message that comes from another time is taken for a slow one, not for a wrong clock. */
const firstGuessMs = 2000;

/** Heartbeats that are compared: a step of either clock is fully learned after as many. */
const samplesMax = 8;

interface Sample {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

export class ClockOffset {
  #guessMs: number;
  #samples: Sample[] = [];
  #last: { readonly unixMs: number; readonly arrivedMs: number } | null = null;

  /** @param unixMs the agent's clock in its first message, which arrived at `nowMs`. */
  constructor(unixMs: number, nowMs: number) {
    const differenceMs = unixMs - nowMs;
    this.#guessMs = unixMs > 0 && Math.abs(differenceMs) > firstGuessMs ? differenceMs : 0;
  }

  /**
   * Agent's clock minus the aggregator's; null before the first measured round trip. An offset that the delay of the
   * heartbeat alone explains is 0: clocks that agree are common, and a slow heartbeat says nothing against it.
   */
  get measuredMs(): number | null {
    const best = this.#bestSample;
    if (best === null) return null;
    return Math.abs(best.offsetMs) <= best.roundTripMs / 2 ? 0 : best.offsetMs;
  }

  get #bestSample(): Sample | null {
    return this.#samples.reduce<Sample | null>(
      (least, sample) => (least === null || sample.roundTripMs <= least.roundTripMs ? sample : least),
      null,
    );
  }

  /** The measured offset, or the first guess until there is one. */
  get offsetMs(): number {
    return this.measuredMs ?? this.#guessMs;
  }

  /**
   * Unix milliseconds of the agent as the aggregator's. What is told at `nowMs` was before it, whatever a clock that is
   * wrong or an agent that lies says; so no time is beyond what a date can hold.
   */
  toOurs(agentUnixMs: number, nowMs: number): number {
    return Math.min(nowMs, Math.max(0, Math.round(agentUnixMs - this.offsetMs)));
  }

  /**
   * @param unixMs the agent's clock when it sent this heartbeat
   * @param previousRoundTripMs of the heartbeat before; 0 = none
   */
  heartbeat(unixMs: number, previousRoundTripMs: number, nowMs: number): void {
    if (this.#last !== null && previousRoundTripMs > 0) this.#learn(this.#last, previousRoundTripMs);
    this.#last = { unixMs, arrivedMs: nowMs };
  }

  #learn(sent: { unixMs: number; arrivedMs: number }, roundTripMs: number): void {
    const offsetMs = sent.unixMs - (sent.arrivedMs - roundTripMs / 2);
    const known = this.#bestSample;
    const explainedMs = firstGuessMs + roundTripMs + (known?.roundTripMs ?? 0);
    // Further off than any delay explains: a clock was set, and what was measured before it is void.
    if (known !== null && Math.abs(offsetMs - known.offsetMs) > explainedMs) this.#samples = [];
    this.#samples = [...this.#samples, { offsetMs, roundTripMs }].slice(-samplesMax);
  }
}
