/** Messages about what is past, which a stream tells beside what its slot table has. Times are of the clock that never steps. */
export interface PastMessages {
  /** The next one, under that seq: it is on its way from now on. null = none for now. */
  take(seq: number, nowMs: number): Buffer | null;
  /** For how long `take` has none, as far as is known; null = there is none, or an acknowledgement is to come first. */
  waitMs(nowMs: number): number | null;
  /** All messages of the stream up to there have taken effect, and survive the aggregator. */
  acknowledge(appliedSeq: number, durableSeq: number, nowMs: number): void;
  /** The aggregator does not take that message: if it is one of these, it is not told again. */
  refused(seq: number, reason: string): void;
  /** What is not acknowledged is to be told again. */
  restart(): void;
}
