/**
 * When an agent that comes in may begin its snapshot: some at once, and of a whole fleet that comes back, as after a restart of
 * the aggregator, so many a second. Until then an agent keeps what it has, and its host is stale.
 */

export interface SnapshotStartLimits {
  /** Snapshots that may begin in a second, in the long run. */
  readonly snapshotsPerSecond: number;
  /** Snapshots that may begin at once after a rest. */
  readonly snapshotsAtOnce: number;
}

export class SnapshotStarts {
  readonly #gapMs: number;
  readonly #restMs: number;
  /** When the last one would have begun had all waited for their turn; the clock that never steps. */
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor({ snapshotsPerSecond, snapshotsAtOnce }: SnapshotStartLimits) {
    this.#gapMs = 1000 / snapshotsPerSecond;
    this.#restMs = this.#gapMs * snapshotsAtOnce;
  }

  /** Takes the next turn. @returns milliseconds from now until it */
  next(nowMs: number): number {
    this.#lastMs = Math.max(this.#lastMs, nowMs) + this.#gapMs;
    return Math.max(0, Math.ceil(this.#lastMs - this.#restMs - nowMs));
  }
}
