/**
 * The slots of one agent: which half its number for a socket stands for. An agent reaches rows through its slots alone, so
 * it cannot name another's.
 *
 *     entry    0 = free, -1 = claimed by a half that has no row yet, else (row << 1 | end) + 1
 */
const initialSlots = 256;
const claimed = -1;

export class AgentSlots {
  /** Slots are below this. */
  readonly max: number;
  #entries = new Int32Array(initialSlots);
  used = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** (row << 1 | end) of a slot, or less than 0. Any number may be asked for. */
  get(slot: number): number {
    return (this.#entries[slot] ?? 0) - 1;
  }

  /** @returns whether the slot was free; it is no longer */
  claim(slot: number): boolean {
    if (slot < 0 || slot >= this.max || (this.#entries[slot] ?? 0) !== 0) return false;
    if (slot >= this.#entries.length) this.#widen(slot);
    this.#entries[slot] = claimed;
    this.used++;
    return true;
  }

  /** The slot must be claimed. */
  set(slot: number, row: number, side: number): void {
    this.#entries[slot] = ((row << 1) | side) + 1;
  }

  /** Frees a slot. @returns as get */
  take(slot: number): number {
    const entry = this.#entries[slot] ?? 0;
    if (entry === 0) return -1;
    this.#entries[slot] = 0;
    this.used--;
    return entry - 1;
  }

  /** Every slot that is used, ascending. They may be freed meanwhile. */
  *slots(): Iterable<number> {
    for (let slot = 0; slot < this.#entries.length; slot++) if (this.#entries[slot]! > 0) yield slot;
  }

  get bytes(): number {
    return this.#entries.byteLength;
  }

  #widen(slot: number): void {
    let count = this.#entries.length;
    while (count <= slot) count *= 2;
    const wider = new Int32Array(Math.min(count, this.max));
    wider.set(this.#entries);
    this.#entries = wider;
  }
}
