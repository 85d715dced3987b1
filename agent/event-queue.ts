/**
 * The events of a source in their order. Those that are yet to come can be looked at ahead of their turn: whether a
 * four-tuple is in use again is known as soon as its event waits.
 */
import type { FourTuple } from '../model/four-tuple.ts';
import type { BoundedTable } from './bounded-table.ts';
import type { ConnectionEvent } from './events/connection-event.ts';
import type { EventSource } from './events/event-source.ts';
import { TimeSlice } from './procfs/time-slice.ts';
import { EndHashes } from './watch/end-hash.ts';

/** Events that are read ahead of their turn: twice what the ring in the kernel holds. Further ones stay in the source. */
export const eventsAheadMax = 1 << 16;

/** Events between two looks at the clock, a quarter of a millisecond of work. */
const eventsPerLook = 200;

const none: readonly ConnectionEvent[] = [];

export class EventQueue {
  readonly #source: EventSource;
  readonly #max: number;
  readonly #hashes = new EndHashes();
  /** Read ahead, and how many of them were taken since. */
  #ahead: ConnectionEvent[] = [];
  #taken = 0;
  /** Those that were not taken, by their four-tuple (end-hash.ts), oldest first. */
  readonly #byEnd = new Map<number, ConnectionEvent[]>();
  /** Looks ahead that ended before all was read. */
  #cutShortTotal = 0;
  /** Whether the last one read all that there was. */
  isComplete = true;

  constructor(source: EventSource, max: number = eventsAheadMax) {
    this.#source = source;
    this.#max = max;
  }

  get table(): BoundedTable {
    const size = this.#ahead.length - this.#taken;
    return { name: 'events_ahead', size, limit: this.#max, refusedTotal: this.#cutShortTotal };
  }

  /** As EventSource.drain. */
  take(eventsMax: number, read: (event: ConnectionEvent) => void): number {
    let count = 0;
    for (; count < eventsMax && this.#taken < this.#ahead.length; count++) {
      const event = this.#ahead[this.#taken++]!;
      this.#leaveEnd(event);
      read(event);
    }
    if (this.#taken === this.#ahead.length) {
      this.#ahead = [];
      this.#taken = 0;
    }
    return count === eventsMax ? count : count + this.#source.drain(eventsMax - count, read);
  }

  /** Reads what waits in the source, and leaves it to be taken. */
  async lookAhead(slice: TimeSlice = new TimeSlice()): Promise<void> {
    for (;;) {
      const room = this.#max - (this.#ahead.length - this.#taken);
      const asked = Math.min(eventsPerLook, room);
      this.isComplete = asked > 0 && this.#source.drain(asked, (event) => this.#add(event)) < asked;
      if (this.isComplete) return;
      if (asked === 0) {
        this.#cutShortTotal++;
        return;
      }
      if (slice.isUsedUp()) await slice.rest();
    }
  }

  /** What was read ahead about that end of a connection, oldest first. */
  aheadOf(end: FourTuple & { readonly netns: number }): readonly ConnectionEvent[] {
    return this.#byEnd.get(this.#hashes.of(end)) ?? none;
  }

  #add(event: ConnectionEvent): void {
    this.#ahead.push(event);
    const end = this.#hashes.of(event);
    const others = this.#byEnd.get(end);
    if (others === undefined) this.#byEnd.set(end, [event]);
    else others.push(event);
  }

  /** It is the oldest of its four-tuple. */
  #leaveEnd(event: ConnectionEvent): void {
    const end = this.#hashes.of(event);
    const events = this.#byEnd.get(end)!;
    if (events.length === 1) this.#byEnd.delete(end);
    else events.shift();
  }
}
