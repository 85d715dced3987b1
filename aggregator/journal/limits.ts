/** Bounds and times of the journal. */

export interface JournalLimits {
  /** From what took effect to the commit that makes it durable, for all streams together. */
  readonly commitIntervalMs: number;
  /** A segment that is longer, or older, is followed by another one. */
  readonly segmentBytes: number;
  readonly segmentAgeMs: number;
  /** Bytes of all segments; beyond it the oldest go, needed or not. */
  readonly journalBytesMax: number;
  /** When more bytes wait for the disk, no more messages are taken until they are half of it. */
  readonly pressureBytes: number;
  /** Bytes that may wait at most: messages that are taken together with others. */
  readonly waitingBytesMax: number;
  /** A commit that takes longer is not waited for. */
  readonly stallMs: number;
  /** Between tries of a disk that failed. */
  readonly retryMs: number;
  /** An agent begins a snapshot of its own accord well before its last one is so old; then it is asked for one. */
  readonly snapshotAgeMaxMs: number;
  readonly askAgainMs: number;
  /** Agents that are asked for a snapshot with one segment, at least; and one of so many where there are more. */
  readonly askedAtOnceMax: number;
}

/** `--data-max`: with less, the journal could not hold what a few agents say in a quarter of an hour. */
export const dataBytesMin = 64 << 20;
export const defaultDataBytesMax = 1 << 30;

export const defaultJournalLimits: JournalLimits = {
  commitIntervalMs: 200,
  segmentBytes: 16 << 20,
  segmentAgeMs: 10 * 60_000,
  journalBytesMax: defaultDataBytesMax,
  pressureBytes: 16 << 20,
  waitingBytesMax: 64 << 20,
  stallMs: 5_000,
  retryMs: 1_000,
  snapshotAgeMaxMs: 25 * 60_000,
  askAgainMs: 60_000,
  askedAtOnceMax: 32,
};
