/**
 * How long things rest between two looks: the longer, the longer they have not changed. Four bytes each, by a number that
 * the owner of this gives out.
 *
 *     #lookedAt   when it was looked at last, in seconds modulo 2¹⁶, which is 18 hours
 *     #rests      for how many seconds from then on it is let alone; neverLooked = it waits for its first look
 *
 * A look that finds nothing new doubles the time that has passed since the one before, so a thing that has been still for
 * a minute is let alone for two at most. Between three quarters and all of that, by its number: what was looked at together
 * does not stay together, else all would be due in one minute, and none in the next ten.
 */

/** The longest that may be asked for: half of what the seconds go round in. */
export const restMostMs = 2 ** 15 * 1000;

/** Stands in #rests, above all that may be asked for. */
const neverLooked = 2 ** 16 - 1;

const roundSeconds = 2 ** 16;

/** Least part of a rest. */
const leastShare = 3 / 4;

export class Rests {
  readonly #longest: number;
  #lookedAt = new Uint16Array(64);
  #rests = new Uint16Array(64);

  /** @param longestMs 0 = nothing ever rests. RangeError above restMostMs. */
  constructor(longestMs: number) {
    if (longestMs > restMostMs) throw new RangeError(`a rest of ${longestMs} ms, above ${restMostMs}`);
    this.#longest = Math.floor(longestMs / 1000);
  }

  /** From now on the number stands for something that was never looked at. */
  begin(place: number): void {
    if (place >= this.#rests.length) this.#grow(place);
    this.#rests[place] = neverLooked;
  }

  /** Whether it has rested. False for what was never looked at. @param nowMs of a clock that never goes back */
  isDue(place: number, nowMs: number): boolean {
    return this.#elapsed(place, nowMs) >= this.#rests[place]! && this.#rests[place] !== neverLooked;
  }

  /** Lets it rest. After its first look not at all, as nobody knows whether it is still. */
  look(place: number, nowMs: number): void {
    const isFirst = this.#rests[place] === neverLooked;
    this.#rests[place] = isFirst ? 0 : this.#restAfter(Math.max(1, this.#elapsed(place, nowMs)), place);
    this.#lookedAt[place] = secondsOf(nowMs);
  }

  /** It is not still: it is due at once. */
  wake(place: number): void {
    if (this.#rests[place] !== neverLooked) this.#rests[place] = 0;
  }

  #restAfter(stillSeconds: number, place: number): number {
    // Multiples of the golden section lie evenly, whichever numbers follow each other.
    const spread = (Math.imul(place, 0x9e3779b1) >>> 0) / 2 ** 32;
    return Math.ceil(Math.min(2 * stillSeconds, this.#longest) * (leastShare + (1 - leastShare) * spread));
  }

  #elapsed(place: number, nowMs: number): number {
    return (secondsOf(nowMs) - this.#lookedAt[place]! + roundSeconds) % roundSeconds;
  }

  #grow(place: number): void {
    const [lookedAt, rests] = [this.#lookedAt, this.#rests];
    const length = Math.max(place + 1, 2 * rests.length);
    this.#lookedAt = new Uint16Array(length);
    this.#rests = new Uint16Array(length);
    this.#lookedAt.set(lookedAt);
    this.#rests.set(rests);
  }
}

function secondsOf(nowMs: number): number {
  return Math.floor(nowMs / 1000) % roundSeconds;
}
