/**
 * When what the slot table has to tell makes a message. A message costs the aggregator about as much as hundreds of rows in
 * it, so rows wait for each other:
 *
 *     a tick      all that a scan made different, and what is found out about it, goes when the tick is over
 *     events      what is heard between two ticks goes at once, if no events went within the last second; else when that
 *                 second is over, or with the tick
 *     many rows   go at any time: a message of batchEventsMin rows is worth its cost
 *
 * What is due and finds the window closed stays due: it goes as acknowledgements come.
 */

/** Rows that wait for no more. */
export const batchEventsMin = 500;

/** Messages that tell of events alone are at least this far apart. */
export const eventMessagesMs = 1000;

export class Coalescing {
  #isInTick = false;
  #isDue = false;
  /** Events wait. */
  #hasEvents = false;
  /** Monotonic clock. */
  #eventsWentMs = Number.NEGATIVE_INFINITY;

  /** From here on rows are of a tick, which is not complete before tickEnds. */
  tickBegins(): void {
    this.#isInTick = true;
  }

  tickEnds(): void {
    this.#isInTick = false;
    this.becomeDue();
  }

  /** All that is told so far is to go. */
  becomeDue(): void {
    this.#isDue = true;
    this.#hasEvents = false;
  }

  /**
   * So many rows were told of events; 0 asks again about those that wait.
   * @param pending rows that wait, of whatever
   * @returns whether they are due now
   */
  offer(rows: number, pending: number, nowMs: number): boolean {
    if (rows > 0) this.#hasEvents = true;
    if (!this.#hasEvents) return false;
    const isTime = !this.#isInTick && nowMs - this.#eventsWentMs >= eventMessagesMs;
    if (!isTime && pending < batchEventsMin) return false;
    this.#eventsWentMs = nowMs;
    this.becomeDue();
    return true;
  }

  /** Whether the next message may go. */
  mayGo(pending: number): boolean {
    return this.#isDue || pending >= batchEventsMin;
  }

  /** There is nothing left to tell. */
  allTold(): void {
    this.#isDue = false;
  }
}
