/**
 * Rows that wait for a time, in the order in which they were told to.
 *
 *     rows     row | its life << 27 (connection-row.ts): five bits of it tell a row from what it was used for before
 *     runs     how many rows in a row have one tick
 *     ticks    of each run
 *
 * Nothing is taken out in between: what a row waited for may be past, and whoever takes it out looks at the row.
 */
import { WordQueue } from './word-queue.ts';

const lifeBits = 27;

/** Rows are below this. */
export const queuedRowsMax = 2 ** lifeBits;

export class RowQueue {
  readonly #rows = new WordQueue();
  readonly #runs = new WordQueue();
  readonly #ticks = new WordQueue();

  get size(): number {
    return this.#rows.size;
  }

  push(row: number, life: number, tick: number): void {
    this.#rows.push(row | (life << lifeBits));
    if (this.#ticks.size > 0 && this.#ticks.last === tick) {
      this.#runs.replaceLast(this.#runs.last + 1);
      return;
    }
    this.#ticks.push(tick);
    this.#runs.push(1);
  }

  /** Of the first entry. The queue must not be empty. */
  get tick(): number {
    return this.#ticks.first;
  }

  /** Takes the first entry out. @returns row | life << 27 */
  shift(): number {
    const left = this.#runs.first - 1;
    if (left > 0) this.#runs.replaceFirst(left);
    else {
      this.#runs.shift();
      this.#ticks.shift();
    }
    return this.#rows.shift();
  }

  /** All, as shift returns them. */
  entries(): Iterable<number> {
    return this.#rows.words();
  }

  get bytes(): number {
    return this.#rows.bytes + this.#runs.bytes + this.#ticks.bytes;
  }
}

export function queuedRow(entry: number): number {
  return entry & (queuedRowsMax - 1);
}

/** Whether an entry names this life of its row. */
export function isQueuedLife(entry: number, life: number): boolean {
  return entry >>> lifeBits === (life & 31);
}
