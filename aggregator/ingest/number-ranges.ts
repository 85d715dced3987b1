/**
 * A set of numbers that mostly come one after the other, as ranges: [first, last] of each, ascending, none next to another.
 *
 * It is bounded. When it is full its narrowest holes are closed, and from then on nobody knows of numbers up to the highest of
 * those holes whether they were added or lay in a hole.
 */

/** A hole that is wider is not closed: rather the lowest range is forgotten. */
const closedHoleMax = 1 << 20;

export class NumberRanges {
  readonly #max: number;
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];
  /** The range that was changed last: most numbers are the next one of it. */
  #at = 0;
  /** The highest number that lay in a hole which is closed; -1 = none did. */
  #closedUpTo = -1;

  /** @param max ranges */
  constructor(max: number) {
    this.#max = max;
  }

  /** Ranges. */
  get size(): number {
    return this.#firsts.length;
  }

  add(number: number): void {
    if (this.#lasts[this.#at] !== number - 1) this.#at = this.#lastFrom(number);
    const at = this.#at;
    if (at >= 0 && number <= this.#lasts[at]!) return;
    const joinsBefore = at >= 0 && this.#lasts[at] === number - 1;
    const joinsAfter = this.#firsts[at + 1] === number + 1;
    if (joinsBefore && joinsAfter) this.#joinNext(at);
    else if (joinsBefore) this.#lasts[at] = number;
    else if (joinsAfter) this.#firsts[at + 1] = number;
    else this.#insert(at + 1, number);
  }

  /** [from, to) of a column. */
  addAll(numbers: ArrayLike<number>, from: number, to: number): void {
    for (let i = from; i < to; i++) this.add(numbers[i]!);
  }

  /** First and last of each range, one after the other. */
  save(): number[] {
    return this.#firsts.flatMap((first, at) => [first, this.#lasts[at]!]);
  }

  /** @param saved of a set with the same limit, in place of what is here */
  settle(saved: readonly number[]): void {
    this.#firsts.length = 0;
    this.#lasts.length = 0;
    for (let at = 0; at + 1 < saved.length; at += 2) {
      this.#firsts.push(saved[at]!);
      this.#lasts.push(saved[at + 1]!);
    }
    this.#at = this.size - 1;
  }

  has(number: number): boolean {
    const at = this.#lastFrom(number);
    return at >= 0 && number <= this.#lasts[at]!;
  }

  /** Whether a number that is here may never have been added. */
  isUnsure(number: number): boolean {
    return number <= this.#closedUpTo;
  }

  /** The last range that does not begin behind a number; -1 where none does. */
  #lastFrom(number: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firsts[middle]! <= number) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #insert(at: number, number: number): void {
    this.#firsts.splice(at, 0, number);
    this.#lasts.splice(at, 0, number);
    this.#at = at;
    for (let width = 1; this.size > this.#max; width *= 2) {
      if (width <= closedHoleMax) this.#closeHoles(width);
      else this.#forgetLowest();
    }
  }

  #joinNext(at: number): void {
    this.#lasts[at] = this.#lasts[at + 1]!;
    this.#firsts.splice(at + 1, 1);
    this.#lasts.splice(at + 1, 1);
  }

  /** Those of up to so many numbers. */
  #closeHoles(width: number): void {
    let kept = 0;
    for (let at = 1; at < this.size; at++) {
      const first = this.#firsts[at]!;
      if (first - this.#lasts[kept]! - 1 <= width) this.#closedUpTo = Math.max(this.#closedUpTo, first - 1);
      else this.#firsts[++kept] = first;
      this.#lasts[kept] = this.#lasts[at]!;
    }
    this.#firsts.length = kept + 1;
    this.#lasts.length = kept + 1;
    this.#at = kept;
  }

  #forgetLowest(): void {
    this.#firsts.shift();
    this.#lasts.shift();
    this.#at = this.size - 1;
  }
}
