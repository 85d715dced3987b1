/**
 * Rows of one scan, one for each key (socket-key.ts), in the order in which the keys were met. An index of hashes leads to
 * them: a text per row would be most of what a first scan costs the watch.
 */
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import { SlotIndex } from '../slot-index.ts';
import { hasSameKey } from './socket-key.ts';

export class RowsByKey {
  readonly #hashOf: (row: SocketRow) => number;
  readonly #places = new SlotIndex();
  readonly #rows: OwnedSocket[] = [];
  readonly #hashes: number[] = [];

  /** @param hashOf equal for rows with equal keys, 32 bits @param count of rows that are to come, where it is known */
  constructor(hashOf: (row: SocketRow) => number, count = 0) {
    this.#hashOf = hashOf;
    this.#places.reserve(count);
  }

  get rows(): readonly OwnedSocket[] {
    return this.#rows;
  }

  /** Of the rows, by their places. */
  get hashes(): readonly number[] {
    return this.#hashes;
  }

  has(row: SocketRow): boolean {
    return this.#find(this.#hashOf(row), row) >= 0;
  }

  /** False where there is a row with the same key already; `isBetter` tells whether the later one takes its place. */
  add(row: OwnedSocket, isBetter: (first: OwnedSocket, later: OwnedSocket) => boolean = never): boolean {
    const hash = this.#hashOf(row);
    const place = this.#find(hash, row);
    if (place < 0) {
      this.#places.add(hash, this.#rows.push(row) - 1);
      this.#hashes.push(hash);
    } else if (isBetter(this.#rows[place]!, row)) this.#rows[place] = row;
    return place < 0;
  }

  /** -1 where there is none. */
  #find(hash: number, row: SocketRow): number {
    return this.#places.find(hash, (place) => hasSameKey(this.#rows[place]!, row));
  }
}

function never(): boolean {
  return false;
}
