/**
 * What closed a short while ago and is still shown: the live end of history. Bounded in time and in number.
 *
 * Entries stand in the order of their closing, so expiry looks only at the oldest.
 */

export interface LingerLimits {
  /** How long a closed connection stays in the live view. */
  readonly lingerMs: number;
  /** How many closed connections stay at most; the oldest go first. */
  readonly lingerMax: number;
}

export const defaultLingerLimits: LingerLimits = { lingerMs: 15 * 60_000, lingerMax: 200_000 };

export class RecentlyClosed<Item extends object> {
  readonly #closedAtMs = new Map<Item, number>();
  readonly #limits: LingerLimits;
  /** Items that went before their time because lingerMax was reached. */
  evicted = 0;

  constructor(limits: LingerLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#closedAtMs.size;
  }

  add(item: Item, closedAtMs: number): void {
    this.#closedAtMs.set(item, closedAtMs);
  }

  /** It is open again, or gone for another reason. */
  delete(item: Item): void {
    this.#closedAtMs.delete(item);
  }

  /** Takes out and returns what lingered long enough or is too much, oldest first. */
  expire(nowMs: number): Item[] {
    const expired: Item[] = [];
    for (const [item, closedAtMs] of this.#closedAtMs) {
      const lingered = nowMs - closedAtMs >= this.#limits.lingerMs;
      if (!lingered && this.#closedAtMs.size <= this.#limits.lingerMax) break;
      if (!lingered) this.evicted++;
      this.#closedAtMs.delete(item);
      expired.push(item);
    }
    return expired;
  }
}
