/**
 * Long work in steps: a generator that yields wherever others may have a turn, at the latest after some tenths of a
 * millisecond. Who runs it decides whether they do.
 */
export type Steps<Result> = Generator<void, Result>;

/** Runs it without letting anybody in between. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
