/**
 * Between the scans: hands on what the source of events has heard, a little at a time, so that the event loop is never
 * kept for long however fast connections come.
 */

import type { OwnedSocket } from '../model/socket.ts';
import type { SocketEvent, SocketFinding } from '../model/socket-event.ts';
import type { BoundedTable } from './bounded-table.ts';
import { EventQueue } from './event-queue.ts';
import type { ConnectionEvent } from './events/connection-event.ts';
import type { EventSource } from './events/event-source.ts';
import type { GapLedger } from './export/gap-ledger.ts';
import { TimeSlice } from './procfs/time-slice.ts';
import type { Fate, Succession } from './succession.ts';
import { overdueMs, type ShortLived } from './watch/short-lived.ts';
import type { SocketWatch } from './watch/socket-watch.ts';

/** Time between two looks at what waits. A ring of ringBytes holds four times what 20,000 connections a second bring. */
export const drainIntervalMs = 100;

/** Longest stretch of reading without a turn for the event loop. */
const drainSliceMs = 10;

/** Events between two looks at the clock: half a millisecond of work. */
const eventsPerLook = 200;

type Told = SocketEvent | SocketFinding;

export interface EventFeedParts {
  readonly source: EventSource;
  readonly shortLived: ShortLived;
  readonly watch: SocketWatch;
  readonly gaps: GapLedger;
  /** Adds what can be found out at once. */
  readonly complete: (
    told: readonly Told[],
    succession: Succession,
  ) => readonly Told[] | Promise<readonly Told[]>;
  /** Takes what has to be told. */
  readonly tell: (told: Told) => void;
  /** Called after each look between two scans with how much was told, also when that is nothing. */
  readonly offer: (rows: number) => void;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
}

export class EventFeed implements Succession {
  readonly #parts: EventFeedParts;
  readonly #queue: EventQueue;
  #timer: NodeJS.Timeout | null = null;
  #draining: Promise<number> | null = null;
  #isHeld = false;
  #checkedAtMs: number;
  #unheardTaken = 0;
  /** Sockets that scans had shown, and that were told as closed since. */
  #ended: SocketEvent[] = [];
  /** Since the start. */
  readonly totals = { opened: 0, closed: 0, lost: 0, overruns: 0 };

  constructor(parts: EventFeedParts) {
    this.#parts = parts;
    this.#queue = new EventQueue(parts.source);
    this.#checkedAtMs = parts.nowMs();
  }

  start(): void {
    this.#timer = setInterval(() => void this.#drainAndOffer(), drainIntervalMs);
  }

  /**
   * Hands on all that waits, and declares what was lost since the last time. From here until release() nothing more is
   * handed on: a scan is applied, and half of it must not meet an event. What comes meanwhile waits in the source.
   */
  async catchUp(): Promise<void> {
    await this.#drain();
    this.#declareLosses();
    this.#isHeld = true;
  }

  /** The scan is applied. */
  release(): void {
    this.#isHeld = false;
  }

  get tables(): readonly BoundedTable[] {
    return [this.#queue.table];
  }

  async hear(): Promise<void> {
    await this.#queue.lookAhead(new TimeSlice(drainSliceMs));
  }

  fateOf(id: number, socket: OwnedSocket): Fate {
    if (socket.protocol !== 'tcp') return 'open';
    if (!this.#queue.isComplete) return 'followed';
    const { shortLived, watch } = this.#parts;
    const ahead = this.#queue.aheadOf(socket);
    const known = watch.find(socket);
    if (known?.id !== id) {
      // It was told as closed, so whatever else has the tuple came after it.
      const isFollowed = known !== undefined || ahead.length > 0 || shortLived.hasOpening(socket);
      return isFollowed ? 'followed' : 'over';
    }
    let isOver = false;
    for (const event of ahead) {
      if (isOver || shortLived.isSinceScan(event)) return 'followed';
      isOver = event.kind === 'closed';
    }
    return isOver ? 'over' : 'open';
  }

  /** See EventSource. */
  get lostTotal(): number {
    return this.#parts.source.lostTotal;
  }

  get lostByKind(): Readonly<Record<string, number>> {
    return this.#parts.source.lostByKind;
  }

  /** The sockets of scans that were told as closed since the last call. */
  takeEnded(): readonly SocketEvent[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** Idempotent. Closes the source. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#draining;
    this.#parts.source.close();
  }

  async #drainAndOffer(): Promise<void> {
    if (this.#draining !== null || this.#isHeld) return;
    this.#parts.offer(await this.#drain());
  }

  /** One drain at a time; whoever comes meanwhile waits for its end, and drains what came in between. */
  async #drain(): Promise<number> {
    while (this.#draining !== null) await this.#draining;
    this.#draining = this.#drainAll();
    try {
      return await this.#draining;
    } finally {
      this.#draining = null;
    }
  }

  /** @returns how many events of sockets were told */
  async #drainAll(): Promise<number> {
    const slice = new TimeSlice(drainSliceMs);
    let told = 0;
    for (let isMore = true; isMore; ) {
      const events: Told[] = [];
      isMore =
        this.#queue.take(eventsPerLook, (event) => events.push(...this.#read(event))) === eventsPerLook;
      told += await this.#tell(events);
      if (isMore && slice.isUsedUp()) await slice.rest();
    }
    return told;
  }

  #read(event: ConnectionEvent): readonly Told[] {
    const { shortLived, watch } = this.#parts;
    this.totals[event.kind]++;
    const events = shortLived.apply(event, watch);
    // What begins with an opening is of a connection that no scan has shown.
    if (events[0]?.kind !== 'opened') {
      const end = events.find((told) => told.kind === 'closed');
      if (end !== undefined) this.#ended.push(end);
    }
    return events;
  }

  async #tell(events: readonly Told[]): Promise<number> {
    if (events.length === 0) return 0;
    const { complete, tell } = this.#parts;
    for (const told of await complete(events, this)) tell(told);
    return events.length;
  }

  #declareLosses(): void {
    const { source, shortLived, gaps, nowMs } = this.#parts;
    const sinceMs = this.#checkedAtMs;
    const now = nowMs();
    const { connections, overruns, reason } = source.takeLosses();
    this.#checkedAtMs = now;
    this.totals.lost += connections;
    this.totals.overruns += overruns;
    if (connections > 0 || overruns > 0) shortLived.missedSome();
    if (connections > 0) gaps.lose(reason, sinceMs, now, connections);
    if (overruns > 0) gaps.unwatched(reason, sinceMs, now);
    this.#declareUnheard(now);
  }

  #declareUnheard(now: number): void {
    const { shortLived, gaps } = this.#parts;
    const unheard = shortLived.unheardTotal - this.#unheardTaken;
    this.#unheardTaken = shortLived.unheardTotal;
    if (unheard === 0) return;
    this.totals.lost += unheard;
    gaps.lose(
      'connections were heard to begin, and neither their end nor a scan told of them',
      now - 2 * overdueMs,
      now,
      unheard,
    );
  }
}
