/** Numbers that look random and follow from a seed alone. Each part of a simulation has its own, so that what one asks for changes nothing elsewhere. */

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = mixed(seed >>> 0);
  }

  /** 0 up to, not including, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A number of its own for a part with that name. */
  fork(name: string): Chance {
    let seed = this.#state;
    for (let i = 0; i < name.length; i++) seed = mixed(seed ^ name.charCodeAt(i));
    return new Chance(seed);
  }

  /** A whole number of 0 up to, not including, `below`. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Evenly from `low` up to `high`. */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** The same for whole numbers, both inclusive. */
  wholeBetween(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** From `low` up to `high`, as likely between 1 and 10 as between 10 and 100. */
  skewed(low: number, high: number): number {
    return low * (high / low) ** this.next();
  }

  /** True with that probability. */
  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** Throws RangeError for an empty list. */
  pick<Item>(list: readonly Item[]): Item {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[this.below(list.length)]!;
  }
}

function mixed(seed: number): number {
  let bits = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
