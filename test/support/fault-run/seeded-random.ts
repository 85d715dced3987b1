/** Random numbers that a seed decides, so that a run can be made again: mulberry32, in the public domain. */

export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 <= random < 1. */
  draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least: number, below: number): number {
    return least + this.draw() * (below - least);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.draw() * items.length)]!;
  }

  /** One of them or more, in their order. */
  some<Item>(items: readonly Item[]): Item[] {
    const sure = this.pick(items);
    return items.filter((item) => item === sure || this.draw() < 0.5);
  }
}
