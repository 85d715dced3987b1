/**
 * A time for each of many ends of connections (end-hash.ts). At 20,000 connections a second some 80,000 come and go, where
 * a Map of such numbers makes an object for each of them.
 *
 *     ends    f64 f64 f64 ...    end + 1, or 0 where it is free; it lies at the place that its low
 *     times   f64 f64 f64 ...    bits name or, where that is taken, in the next one that was free: no gap on the way there
 *
 * At most half of the places are taken.
 */

const smallestPlaces = 1024;

export class EndTimes {
  readonly #max: number;
  #ends = new Float64Array(smallestPlaces);
  #times = new Float64Array(smallestPlaces);
  #mask = smallestPlaces - 1;
  size = 0;

  /** @param max ends that it takes */
  constructor(max: number) {
    this.#max = max;
  }

  get(end: number): number | undefined {
    const place = this.#placeOf(end);
    return this.#ends[place] === 0 ? undefined : this.#times[place];
  }

  has(end: number): boolean {
    return this.#ends[this.#placeOf(end)] !== 0;
  }

  /** False when there is no room for a further one. */
  set(end: number, atMs: number): boolean {
    let place = this.#placeOf(end);
    if (this.#ends[place] === 0) {
      if (this.size >= this.#max) return false;
      if (2 * this.size >= this.#mask) {
        this.#grow();
        place = this.#placeOf(end);
      }
      this.size++;
      this.#ends[place] = end + 1;
    }
    this.#times[place] = atMs;
    return true;
  }

  /** @returns whether it was there */
  delete(end: number): boolean {
    let hole = this.#placeOf(end);
    if (this.#ends[hole] === 0) return false;
    this.size--;
    // Whatever lies further on because this place was taken moves up.
    for (let next = (hole + 1) & this.#mask; this.#ends[next] !== 0; next = (next + 1) & this.#mask) {
      const way = (next - this.#firstPlaceOf(this.#ends[next]!)) & this.#mask;
      if (way < ((next - hole) & this.#mask)) continue;
      this.#ends[hole] = this.#ends[next]!;
      this.#times[hole] = this.#times[next]!;
      hole = next;
    }
    this.#ends[hole] = 0;
    return true;
  }

  /** Those of that time or later alone. */
  since(atMs: number): EndTimes {
    const kept = new EndTimes(this.#max);
    for (const [place, end] of this.#ends.entries()) {
      if (end !== 0 && this.#times[place]! >= atMs) kept.set(end - 1, this.#times[place]!);
    }
    return kept;
  }

  #firstPlaceOf(end: number): number {
    return end & this.#mask;
  }

  /** Where it is, or may be put. */
  #placeOf(end: number): number {
    const key = end + 1;
    let place = this.#firstPlaceOf(key);
    while (this.#ends[place] !== 0 && this.#ends[place] !== key) place = (place + 1) & this.#mask;
    return place;
  }

  #grow(): void {
    const [ends, times] = [this.#ends, this.#times];
    const places = ends.length * 2;
    this.#ends = new Float64Array(places);
    this.#times = new Float64Array(places);
    this.#mask = places - 1;
    for (const [from, end] of ends.entries()) {
      if (end === 0) continue;
      const place = this.#placeOf(end - 1);
      this.#ends[place] = end;
      this.#times[place] = times[from]!;
    }
  }
}
