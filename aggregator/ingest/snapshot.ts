/** A snapshot while it arrives: nobody sees any of it before it is complete. */
import { WireError } from '../../wire/wire-error.ts';
import type { OpenedRow } from './opened-row.ts';
import type { MessageRows } from './rows.ts';

export class ArrivingSnapshot {
  readonly #bySlot = new Map<number, OpenedRow>();
  readonly #slotsMax: number;

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
  }

  /** Sockets in the order in which they were opened. */
  get sockets(): OpenedRow[] {
    return [...this.#bySlot.values()];
  }

  /** Throws WireError for what has no place in a snapshot: updates, and slots that are closed unopened or opened twice. */
  add(rows: MessageRows): void {
    const { updated, reowned, translated, counted } = rows;
    if ([updated, reowned, translated, counted].some((list) => list.length > 0)) {
      throw new WireError('out-of-place', 'a snapshot opens sockets, it does not update them');
    }
    for (const open of rows.opened) {
      if (this.#bySlot.has(open.slot)) {
        throw new WireError('bad-slot', `slot ${open.slot} is twice in the snapshot`);
      }
      this.#bySlot.set(open.slot, open);
    }
    for (const { slot, closedAtMs } of rows.closed) {
      const open = this.#bySlot.get(slot);
      if (open === undefined) {
        throw new WireError('bad-slot', `slot ${slot} is closed in a snapshot that did not open it`);
      }
      open.closedAtMs = Math.max(open.openedAtMs, closedAtMs);
    }
    if (this.#bySlot.size > this.#slotsMax) {
      throw new WireError('too-many', `the snapshot has more than ${this.#slotsMax} sockets`);
    }
  }
}
