/**
 * What one watcher has not taken yet: bounded, so that a slow watcher costs a known amount of memory and nobody else.
 * When it is full, the newest documents are left out, and a `missed` document stands where they would have been.
 */
import type { WatchDocument } from '../../model/document.ts';
import { watchDocument } from './watch-document.ts';

/** Documents that wait for one watcher: some seconds of a busy fleet, about 1.5 MB. */
export const watchQueueMax = 1024;

export class WatchQueue {
  readonly #limit: number;
  readonly #waiting: WatchDocument[] = [];
  /** Left out since the last document that was queued. */
  #missed = 0;
  #lastMissedAt = '';

  constructor(limit: number = watchQueueMax) {
    this.#limit = limit;
  }

  /** Returns whether it was queued. */
  push(document: WatchDocument): boolean {
    const needed = this.#missed > 0 ? 2 : 1;
    if (this.#waiting.length + needed > this.#limit) {
      this.#missed += 1;
      this.#lastMissedAt = document.asOf;
      return false;
    }
    const missed = this.#takeMissed();
    if (missed !== null) this.#waiting.push(missed);
    this.#waiting.push(document);
    return true;
  }

  /** The next document, oldest first; null when there is none. */
  take(): WatchDocument | null {
    return this.#waiting.shift() ?? this.#takeMissed();
  }

  #takeMissed(): WatchDocument | null {
    if (this.#missed === 0) return null;
    const document = watchDocument('missed', this.#lastMissedAt, { missed: this.#missed });
    this.#missed = 0;
    return document;
  }
}
