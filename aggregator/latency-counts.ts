/** Counts latencies by upper bounds, as a histogram of Prometheus has them. A record costs some nanoseconds. */

/**
 * Upper bounds in seconds. What is asked of matching is that 99 of 100 take 0.1 s at most, so 0.1 is a bound and the ones
 * below tell by how much.
 */
export const latencyBounds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

export class LatencyCounts {
  /** By bound; the last is what is above all of them. */
  readonly #counts = new Float64Array(latencyBounds.length + 1);
  #sumSeconds = 0;

  /** @param seconds below 0 counts as 0 */
  record(seconds: number): void {
    const taken = Math.max(0, seconds);
    let bound = 0;
    while (bound < latencyBounds.length && taken > latencyBounds[bound]!) bound++;
    this.#counts[bound]!++;
    this.#sumSeconds += taken;
  }

  /** What was recorded was none. */
  clear(): void {
    this.#counts.fill(0);
    this.#sumSeconds = 0;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  get sumSeconds(): number {
    return this.#sumSeconds;
  }

  /** How many took at most each of latencyBounds. */
  get cumulative(): readonly number[] {
    let sum = 0;
    return latencyBounds.map((_, bound) => {
      sum += this.#counts[bound]!;
      return sum;
    });
  }
}
