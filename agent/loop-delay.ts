/**
 * For how long the event loop was kept from its turns while a scan was made and dealt with: by how much a timer is late.
 *
 * The timer runs during a turn of the scan loop only. Running all the time it would wake an idle agent so often that it
 * cost more than the scans.
 */

/** Between two looks. What is shorter is not seen, and what is longer is seen less by up to as much. */
const lookEveryMs = 2;

export class LoopDelay {
  #timer: NodeJS.Timeout | null = null;
  #isInTurn = false;
  #dueMs = 0;
  #maxMs = 0;

  turnBegins(): void {
    this.#isInTurn = true;
    if (this.#timer === null) this.#look();
  }

  /** What was kept up to the end is seen by the look that follows. */
  turnEnds(): void {
    this.#isInTurn = false;
  }

  /** The longest since this was asked last. */
  takeMaxMs(): number {
    const maxMs = this.#maxMs;
    this.#maxMs = 0;
    return maxMs;
  }

  /** Idempotent. */
  close(): void {
    this.#isInTurn = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    this.#dueMs = performance.now() + lookEveryMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#maxMs = Math.max(this.#maxMs, performance.now() - this.#dueMs);
      if (this.#isInTurn) this.#look();
    }, lookEveryMs);
  }
}
