/** Which shard has what an agent's slots stand for: a byte each, 0 = the slot is free, else the shard + 1. */
const initialSlots = 256;

/** Shards that a byte can name. */
export const shardsMax = 255;

export class SlotShards {
  readonly #max: number;
  #shards = new Uint8Array(initialSlots);

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns whether the slot was free; it is no longer */
  claim(slot: number, shard: number): boolean {
    if (slot < 0 || slot >= this.#max || (this.#shards[slot] ?? 0) !== 0) return false;
    if (slot >= this.#shards.length) this.#widen(slot);
    this.#shards[slot] = shard + 1;
    return true;
  }

  /** Less than 0 for a slot that is free. Any number may be asked for. */
  get(slot: number): number {
    return (this.#shards[slot] ?? 0) - 1;
  }

  /** Frees a slot. @returns as get */
  take(slot: number): number {
    const shard = this.get(slot);
    if (shard >= 0) this.#shards[slot] = 0;
    return shard;
  }

  #widen(slot: number): void {
    let count = this.#shards.length;
    while (count <= slot) count *= 2;
    const wider = new Uint8Array(Math.min(count, this.#max));
    wider.set(this.#shards);
    this.#shards = wider;
  }
}
