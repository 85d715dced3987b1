/** The way between one host and the aggregator: how long it takes, and when nothing passes. */
import type { Chance } from '../engine/chance.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';

export type Direction = 'up' | 'down';

export interface LinkTraits {
  /** Mean of what one message takes. */
  readonly latencyMs: number;
  /** Probability that one takes far longer, and what comes behind it too. */
  readonly spike: number;
  /** Probabilities that something in between passes a message twice, or not at all. */
  readonly duplicate: number;
  readonly drop: number;
}

export class Link {
  readonly chance: Chance;
  readonly #time: SimulatedTime;
  traits: LinkTraits;
  readonly #cutUntilMs = { up: 0, down: 0 };

  constructor(time: SimulatedTime, chance: Chance, traits: LinkTraits) {
    this.#time = time;
    this.chance = chance;
    this.traits = traits;
  }

  /** Nothing passes that way for so long. */
  cut(direction: Direction, ms: number): void {
    this.#cutUntilMs[direction] = Math.max(this.#cutUntilMs[direction], this.#time.nowMs + ms);
  }

  heal(): void {
    this.#cutUntilMs.up = 0;
    this.#cutUntilMs.down = 0;
  }

  /** From when on something passes that way; now or earlier = it does. */
  cutUntilMs(direction: Direction): number {
    return this.#cutUntilMs[direction];
  }

  isCut(direction: Direction): boolean {
    return this.#cutUntilMs[direction] > this.#time.nowMs;
  }

  /** How long a message is under way that is sent now. */
  delayMs(): number {
    const { latencyMs, spike } = this.traits;
    const usual = latencyMs * (0.5 + this.chance.next());
    return this.chance.happens(spike) ? usual + this.chance.skewed(100, 8000) : usual;
  }
}
