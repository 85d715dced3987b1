/** A snapshot while it arrives: nobody sees any of it before it is complete. */
import type { Process } from '../../model/process.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { KeptSockets } from '../correlate/report.ts';
import { isFlow, type OpenedFlow } from './flow-table.ts';
import type { OpenedRow } from './opened-row.ts';
import type { MessageRows } from './rows.ts';
import { SnapshotPart } from './snapshot-part.ts';

export class ArrivingSnapshot {
  /** In the order in which they came. */
  readonly parts: SnapshotPart[] = [];
  readonly #slots = new Set<number>();
  /** Rows that came as objects, by slot. */
  readonly #objects = new Map<number, OpenedRow>();
  /** When simple rows of earlier messages were closed, by slot. */
  readonly #closed = new Map<number, number>();
  readonly #slotsMax: number;

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
  }

  /** Rows: sockets, and flows that the host passes on. */
  get size(): number {
    return this.#slots.size;
  }

  /**
   * Takes a message, with the columns of its simple rows. Throws WireError for what has no place in a snapshot: updates, and
   * slots that are closed unopened or opened twice.
   */
  add(rows: MessageRows): void {
    const { simple, opened, updated, reowned, translated } = rows;
    if ([updated, reowned, translated].some((list) => list.length > 0)) {
      throw new WireError('out-of-place', 'a snapshot opens sockets, it does not update them');
    }
    this.parts.push(new SnapshotPart(rows));
    for (const open of opened) {
      this.#take(open.slot);
      this.#objects.set(open.slot, open);
    }
    for (let at = 0; at < (simple?.count ?? 0); at++) this.#take(simple!.slot[at]!);
    for (const { slot, closedAtMs } of rows.closed) this.#close(slot, closedAtMs);
    if (this.#slots.size > this.#slotsMax) {
      throw new WireError('too-many', `the snapshot has more than ${this.#slotsMax} sockets`);
    }
  }

  #take(slot: number): void {
    if (this.#slots.has(slot)) throw new WireError('bad-slot', `slot ${slot} is twice in the snapshot`);
    this.#slots.add(slot);
  }

  #close(slot: number, closedAtMs: number): void {
    const open = this.#objects.get(slot);
    if (open !== undefined) open.closedAtMs = Math.max(open.openedAtMs, closedAtMs);
    else if (this.#slots.has(slot)) this.#closed.set(slot, closedAtMs);
    else throw new WireError('bad-slot', `slot ${slot} is closed in a snapshot that did not open it`);
  }

  /** What its host passes on. */
  get flows(): OpenedFlow[] {
    return Array.from(this.#objects.values()).filter(isFlow);
  }

  /** Passes over the simple rows of sockets that are kept just as they say. @returns their slots */
  passOver(kept: KeptSockets): Set<number> {
    const isSame = sameProcesses();
    const slots = new Set<number>();
    for (const part of this.parts) {
      for (let at = 0; at < (part.simple?.count ?? 0); at++) {
        const slot = part.simple!.slot[at]!;
        if (this.#closed.has(slot) || !kept.isAs(part.simple!, at, isSame)) continue;
        part.passOver(at);
        slots.add(slot);
      }
    }
    return slots;
  }

  /**
   * All sockets that are objects, in their order.
   * @param isWanted whether the simple row of that number is to be one, unless it is passed over
   */
  objects(isWanted: (id: number) => boolean): OpenedRow[] {
    const objects: OpenedRow[] = [];
    for (const part of this.parts) {
      for (let at = 0; at < (part.simple?.count ?? 0); at++) {
        const closedAtMs = this.#closed.get(part.simple!.slot[at]!) ?? null;
        if (closedAtMs !== null || isWanted(part.simple!.id[at]!)) part.makeObject(at, closedAtMs);
      }
      for (const step of part.steps()) if (!('simple' in step) && !isFlow(step)) objects.push(step);
    }
    return objects;
  }
}

/** Each stream defines its processes anew: whether two are the same is found out once. */
function sameProcesses(): (known: Process, told: Process) => boolean {
  const sameAs = new Map<Process, Process>();
  return (known, told) => {
    if (known === told || sameAs.get(told) === known) return true;
    if (JSON.stringify(known) !== JSON.stringify(told)) return false;
    sameAs.set(told, known);
    return true;
  };
}
