/**
 * How far an agent's clock is ahead of the aggregator's, from its heartbeats. Each one bounds it: what was sent when the
 * agent's clock showed `sent` arrived after it, and no later than a round trip. A heartbeat's own round trip is known only
 * when the next one reports it; Hello gives one of the two bounds. What all of the last few allow is nearest to the truth:
 * one that waited long in a queue says nothing against one that did not.
 */

/** Below this, a first message that comes from the past is taken for a slow one, not for a wrong clock; none is fast. */
const firstGuessMs = 2000;

/** Heartbeats that are compared: a step of either clock is fully learned after as many. */
const samplesMax = 8;

/** The offset lies between the two, as far as one message tells. */
interface Sample {
  readonly lowMs: number;
  readonly highMs: number;
}

/** An offset as it is kept, plain for JSON. */
export interface SavedClock {
  readonly guessMs: number;
  /** null = no bound. */
  readonly samples: readonly (readonly [lowMs: number, highMs: number | null])[];
  readonly last: { readonly unixMs: number; readonly arrivedMs: number } | null;
}

export class ClockOffset {
  #guessMs: number;
  /** Oldest first. */
  #samples: readonly Sample[] = [];
  /** What they allow; asked for with every row, and another one with every heartbeat. */
  #allowed: Sample | null = null;
  #last: { readonly unixMs: number; readonly arrivedMs: number } | null = null;

  /** @param unixMs the agent's clock in its first message, which arrived at `nowMs`. */
  constructor(unixMs: number, nowMs: number) {
    const differenceMs = unixMs - nowMs;
    const isWrong = differenceMs > 0 || differenceMs < -firstGuessMs;
    this.#guessMs = unixMs > 0 && isWrong ? differenceMs : 0;
    if (unixMs > 0) this.#take([{ lowMs: differenceMs, highMs: Number.POSITIVE_INFINITY }]);
  }

  static restored({ guessMs, samples, last }: SavedClock): ClockOffset {
    const clock = new ClockOffset(0, 0);
    clock.#guessMs = guessMs;
    clock.#take(samples.map(([lowMs, highMs]) => ({ lowMs, highMs: highMs ?? Number.POSITIVE_INFINITY })));
    clock.#last = last;
    return clock;
  }

  save(): SavedClock {
    const finite = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);
    const samples = this.#samples.map(({ lowMs, highMs }) => [lowMs, finite(highMs)] as const);
    return { guessMs: this.#guessMs, samples, last: this.#last };
  }

  /**
   * The agent's next stream begins: what was measured on this one goes on, unless the first message comes before it was sent,
   * so that a clock was set meanwhile. One that comes from the past has more likely waited, as where the aggregator was
   * stopped or a proxy kept it; if a clock was set back all the same, the second heartbeat tells.
   */
  resumed(unixMs: number, nowMs: number): ClockOffset {
    const next = new ClockOffset(unixMs, nowMs);
    // Before it is measured, the first message of the stream before says most.
    const latestMs = this.#allowed?.highMs ?? this.#samples.at(-1)?.lowMs;
    const isNews = latestMs === undefined || unixMs - nowMs > latestMs + firstGuessMs;
    if (unixMs === 0 || isNews) return next;
    next.#guessMs = this.#guessMs;
    next.#take([...this.#samples, ...next.#samples]);
    return next;
  }

  /**
   * Agent's clock minus the aggregator's; null before the first measured round trip. An offset that the delay of the
   * heartbeats alone explains is 0: clocks that agree are common, and a slow heartbeat says nothing against it.
   */
  get measuredMs(): number | null {
    const best = this.#allowed;
    if (best === null) return null;
    return best.lowMs <= 0 && best.highMs >= 0 ? 0 : (best.lowMs + best.highMs) / 2;
  }

  /** By how much the measured offset may be wrong; null before it is measured. */
  get doubtMs(): number | null {
    const [best, measuredMs] = [this.#allowed, this.measuredMs];
    if (best === null || measuredMs === null) return null;
    return Math.max(measuredMs - best.lowMs, best.highMs - measuredMs);
  }

  #take(samples: readonly Sample[]): void {
    this.#samples = samples.slice(-samplesMax);
    this.#allowed = allowedBy(this.#samples);
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
    const lowMs = sent.unixMs - sent.arrivedMs;
    const sample = { lowMs, highMs: lowMs + roundTripMs };
    const known = this.#allowed ?? this.#samples[0] ?? sample;
    const gapMs = Math.max(known.lowMs - sample.highMs, sample.lowMs - known.highMs);
    // Further off than drift explains: a clock was set, and what was measured before it is void.
    const kept = gapMs > firstGuessMs ? [] : this.#samples;
    this.#take([...kept, sample]);
  }
}

/** What all samples allow; where they contradict each other by a little, as clocks drift, what the narrowest does. */
function allowedBy(samples: readonly Sample[]): Sample | null {
  const lowMs = Math.max(...samples.map((sample) => sample.lowMs));
  const highMs = Math.min(...samples.map((sample) => sample.highMs));
  if (!Number.isFinite(highMs)) return null;
  if (lowMs <= highMs) return { lowMs, highMs };
  return samples.reduce((best, sample) => (widthOf(sample) <= widthOf(best) ? sample : best));
}

function widthOf({ lowMs, highMs }: Sample): number {
  return highMs - lowMs;
}
