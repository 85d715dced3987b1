/**
 * The first of very many rows, without keeping the others: a heap with the last of them on top, so that a row that comes too
 * late is found to be so by one comparison.
 */
export class FirstRows<Row> {
  /** Rows that were added. */
  total = 0;
  readonly #max: number;
  readonly #order: (a: Row, b: Row) => number;
  readonly #hold: (row: Row) => Row;
  /** No row comes before the two at twice its place + 1 and + 2. */
  readonly #heap: Row[] = [];

  /**
   * @param order of which no two rows are equal, so that it does not matter in which they are added
   * @param hold makes of a row what stays
   */
  constructor(max: number, order: (a: Row, b: Row) => number, hold: (row: Row) => Row = (row) => row) {
    this.#max = max;
    this.#order = order;
    this.#hold = hold;
  }

  add(row: Row): void {
    this.total++;
    if (this.#heap.length < this.#max) this.#rise(row);
    else if (this.#order(row, this.#heap[0]!) < 0) this.#sink(row);
  }

  /** In order. */
  rows(): Row[] {
    return this.#heap.toSorted(this.#order);
  }

  /** To be called before a step ends in which rows were added: makes those stay that are among the first. */
  hold(): void {
    for (const [at, row] of this.#heap.entries()) this.#heap[at] = this.#hold(row);
  }

  #rise(row: Row): void {
    const heap = this.#heap;
    let at = heap.length;
    for (let above = (at - 1) >> 1; at > 0 && this.#order(row, heap[above]!) > 0; above = (at - 1) >> 1) {
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = row;
  }

  /** Puts a row in the place of the last one. */
  #sink(row: Row): void {
    const heap = this.#heap;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && this.#order(heap[below + 1]!, heap[below]!) > 0) below++;
      if (this.#order(row, heap[below]!) >= 0) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = row;
  }
}
