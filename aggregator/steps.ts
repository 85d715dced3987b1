/**
 * Long work in steps: a generator that yields wherever others may have a turn, at the latest after some tenths of a
 * millisecond. Who runs it decides whether they do. A step that yields a promise wants it to be settled before the next one:
 * another thread is at work for it.
 */
export type Steps<Result> = Generator<Promise<void> | void, Result>;

/** Runs it without letting anybody in between. Throws TypeError where a step waits for another thread. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (step.value instanceof Promise)
      throw new TypeError('what waits for another thread cannot be had at once');
  }
}

/** What another thread answers, by a step that waits for it. @param answer never rejects */
export function* awaited<Value>(answer: Promise<Value>): Generator<Promise<void>, Value> {
  const answered: Value[] = [];
  yield answer.then((value) => void answered.push(value));
  return answered[0]!;
}
