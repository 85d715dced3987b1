/**
 * Joins what events tell of connections with what scans tell of sockets, so that each connection is told once.
 *
 *     opened                             remembered, for the scan that will show it: it gets its exact time
 *     closed, and a scan has shown it    closed at its exact time
 *     closed, and none has               told as opened and closed: it lived between two scans
 *
 * A scan takes its time, and tells of sockets that may be closed when it is applied; and of what the kernel remembers in
 * TIME_WAIT. Both are rows of connections that were told, which this recognises. What is in TIME_WAIT at the first scan was
 * over before anybody looked: that is for the run before, or for the gap between both.
 *
 * No I/O, no clock. Events are to be given in their order, and all that there are before a scan is applied.
 */

import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import type { SocketState } from '../../model/socket-state.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { Scan } from '../collector.ts';
import type { ConnectionEvent } from '../events/connection-event.ts';
import { EndHashes } from './end-hash.ts';
import { EndTimes } from './end-times.ts';
import { ListenerOwners } from './listener-owners.ts';
import type { RowWitness, SocketWatch } from './socket-watch.ts';
import { ToldEnds } from './told-ends.ts';
import type { WatchedSocket } from './watched-table.ts';

/** Connections that are open and that no scan has shown yet. Of further ones the exact time of their beginning is lost. */
export const openingsMax = 1 << 18;

/**
 * After how long a connection that no scan has shown, nor any event ended, is given up. Rows without an owner are shown
 * every 10 s at the latest.
 */
export const overdueMs = 30_000;

/** Connections that events told as closed since the last scan. Of further ones, a scan that is under way may show one again. */
export const closingsMax = 1 << 18;

/** Connections that a scan told as closed, whose end an event may still tell. Beyond it the oldest is forgotten. */
export const closedByScanMax = 1 << 16;

/** By how much the clocks of events and scans may differ. */
export const clockSlackMs = 5;

/** @returns the owner that stands for whom the event names, or none */
export type OwnersOf = (event: ConnectionEvent) => readonly Owner[];

export class ShortLived implements RowWitness {
  readonly #ownersOf: OwnersOf;
  readonly #hashes = new EndHashes();
  /** When each began that is open as far as events tell. Gone once a scan has shown it. */
  #openings = new EndTimes(openingsMax);
  /** When each was closed that was told so by an event since the last scan began. */
  #closings = new EndTimes(closingsMax);
  readonly #told = new ToldEnds();
  /** When it was found closed. */
  readonly #closedByScan = new Map<number, number>();
  readonly #listeners = new ListenerOwners();
  /** End of the last scan. */
  #scannedAtMs = 0;
  /** Whether some event may have been lost. */
  #hasMissed = false;
  /** Connections that no scan has shown. */
  total = 0;
  /** Those of them whose process is not known. */
  ownerless = 0;
  /** Connections of which it is known that they began, and not what became of them, since the start. */
  unheardTotal = 0;
  #lookedForOverdueAtMs = 0;
  #forgottenOpenings = 0;
  readonly #forgottenClosings = { byEvents: 0, byScans: 0 };

  /** @param ownersOf asked for each connection that no scan has shown, and for those that no scan showed an owner of */
  constructor(ownersOf: OwnersOf) {
    this.#ownersOf = ownersOf;
  }

  /** Beginnings and ends that found no room in a table, since the start. */
  get forgottenTotal(): number {
    return this.tables.reduce((sum, { refusedTotal }) => sum + refusedTotal, 0);
  }

  get tables(): readonly BoundedTable[] {
    return [
      {
        name: 'openings',
        size: this.#openings.size,
        limit: openingsMax,
        refusedTotal: this.#forgottenOpenings,
      },
      {
        name: 'closed_by_scan',
        size: this.#closedByScan.size,
        limit: closedByScanMax,
        refusedTotal: this.#forgottenClosings.byScans,
      },
      {
        name: 'closings',
        size: this.#closings.size,
        limit: closingsMax,
        refusedTotal: this.#forgottenClosings.byEvents,
      },
      this.#told.table,
    ];
  }

  /** Takes an event. Returns what is to be told because of it. */
  apply(event: ConnectionEvent, watch: SocketWatch): Told[] {
    const end = this.#hashes.of(event);
    const known = this.#mayBeKnown(event) ? watch.find(rowOf(event, nobody)) : undefined;
    if (event.kind === 'closed') return this.#close(end, known, event, watch);
    if (known !== undefined) return [];
    // The one that had the tuple before is over.
    if (this.#openings.has(end)) this.unheardTotal++;
    if (!this.#openings.set(end, event.openedAtMs ?? event.atMs)) this.#forgottenOpenings++;
    return [];
  }

  /** From here on a socket that a scan has shown may be over without a word. */
  missedSome(): void {
    this.#hasMissed = true;
  }

  /** To be called after the scan was applied, with the events that this brought. */
  scanned(scan: Scan, events: readonly SocketEvent[]): void {
    for (const event of events) if (event.kind === 'closed') this.#rememberClosedByScan(event);
    this.#forgetClosings(scan.startedAtMs);
    this.#giveUpOverdue(scan.startedAtMs);
    this.#told.expire(scan.finishedAtMs);
    this.#scannedAtMs = scan.finishedAtMs;
    this.#listeners.forget();
  }

  /** Whether a connection with that four-tuple is open, as far as events tell, and no scan has shown it. */
  hasOpening(row: OwnedSocket): boolean {
    return this.#openings.has(this.#hashes.of(row));
  }

  /** Whether it began after the last scan, so that this has not shown it. */
  isSinceScan({ openedAtMs }: ConnectionEvent): boolean {
    return (openedAtMs ?? 0) > this.#scannedAtMs + clockSlackMs;
  }

  openingOf(row: OwnedSocket, scan: Scan): number | 'told' | null {
    const end = this.#hashes.of(row);
    const closedAtMs = this.#closings.get(end);
    // Where its tuple is in use again, the row is of one or the other; the next scan shows which.
    if (closedAtMs !== undefined && closedAtMs + clockSlackMs >= scan.startedAtMs) return 'told';
    if (isRemains(row) && this.#told.has(end)) return 'told';
    // It was over before this run of the agent began, and an earlier one may have told all of it.
    if (this.#scannedAtMs === 0 && row.state === 'time-wait') {
      this.#told.add(end, scan.startedAtMs);
      return 'told';
    }
    const openedAtMs = this.#openings.get(end);
    if (openedAtMs === undefined) return null;
    this.#openings.delete(end);
    return openedAtMs;
  }

  /** What began after the last scan, that scan has not shown; but it may have shown one that had the same tuple. */
  #mayBeKnown(event: ConnectionEvent): boolean {
    return this.#hasMissed || !this.isSinceScan(event);
  }

  #close(end: number, known: WatchedSocket | undefined, event: ConnectionEvent, watch: SocketWatch): Told[] {
    this.#openings.delete(end);
    if (known === undefined && this.#wasClosedByScan(end, event)) return [];
    if (!this.#closings.set(end, event.atMs)) this.#forgottenClosings.byEvents++;
    if (leavesRemains.has(event.before)) this.#told.add(end, event.atMs);
    if (known === undefined) return this.#tell(event, watch);
    // Whoever began after the last scan is not whom that scan has shown, although that one's end was never told.
    if (this.isSinceScan(event)) {
      const missed = watch.close(known, known.socket, event.openedAtMs ?? event.atMs);
      return [missed, ...this.#tell(event, watch)];
    }
    const last = this.#asLastSeen(known, event, watch);
    return [...counted(known.id, event), watch.close(known, last, event.atMs)];
  }

  #tell(event: ConnectionEvent, watch: SocketWatch): Told[] {
    const socket = rowOf(event, this.#ownersBehind(event, watch));
    this.total++;
    if (socket.owners.length === 0) this.ownerless++;
    const id = watch.nextId();
    const { openedAtMs, atMs } = event;
    const begin = openedAtMs ?? atMs;
    const notBeforeMs = openedAtMs === null ? watch.lookedAtMs(event.netns) : openedAtMs - 1;
    return [
      { kind: 'opened', id, socket, openedAtMs: begin, notBeforeMs },
      ...counted(id, event),
      { kind: 'closed', id, socket, closedAtMs: atMs },
    ];
  }

  /** A connection may have ended in the accept queue, or before a scan could see who holds it. */
  #asLastSeen({ socket }: WatchedSocket, event: ConnectionEvent, watch: SocketWatch): OwnedSocket {
    return socket.owners.length > 0 ? socket : { ...socket, owners: this.#ownersBehind(event, watch) };
  }

  #ownersBehind(event: ConnectionEvent, watch: SocketWatch): readonly Owner[] {
    if (event.holder === null) return this.#listeners.of(event, watch);
    return event.isInherited && this.#listeners.isShared(event, watch) ? nobody : this.#ownersOf(event);
  }

  /** Those of before the scan are no part of what the next one may still show. */
  #forgetClosings(scanStartedAtMs: number): void {
    if (this.#closings.size > 0) this.#closings = this.#closings.since(scanStartedAtMs - clockSlackMs);
  }

  /** The kernel may be at a loss for events: on a machine that is short of time, some changes of state pass unannounced. */
  #giveUpOverdue(scanStartedAtMs: number): void {
    if (scanStartedAtMs - this.#lookedForOverdueAtMs < overdueMs) return;
    this.#lookedForOverdueAtMs = scanStartedAtMs;
    if (this.#openings.size === 0) return;
    const kept = this.#openings.since(scanStartedAtMs - overdueMs);
    this.unheardTotal += this.#openings.size - kept.size;
    this.#openings = kept;
  }

  #rememberClosedByScan({ socket, closedAtMs }: Extract<SocketEvent, { kind: 'closed' }>): void {
    if (socket.protocol !== 'tcp' || socket.state === 'listen') return;
    if (this.#closedByScan.size >= closedByScanMax) {
      const [oldest] = this.#closedByScan.keys();
      this.#closedByScan.delete(oldest!);
      this.#forgottenClosings.byScans++;
    }
    const end = this.#hashes.of(socket);
    this.#closedByScan.delete(end);
    this.#closedByScan.set(end, closedAtMs);
  }

  /** A socket may outlive its connection, while a process still has it open: then its event comes late. */
  #wasClosedByScan(end: number, event: ConnectionEvent): boolean {
    const closedAtMs = this.#closedByScan.get(end);
    if (closedAtMs === undefined) return false;
    this.#closedByScan.delete(end);
    return event.aliveAtMs <= closedAtMs + clockSlackMs;
  }
}

/** What is told of one connection, in this order. */
type Told = SocketEvent | SocketFinding;

function counted(id: number, { counters }: ConnectionEvent): SocketFinding[] {
  return counters === null ? [] : [{ kind: 'counted', id, counters }];
}

const nobody: readonly Owner[] = [];

function rowOf(
  { before, local, remote, netns, uid }: ConnectionEvent,
  owners: readonly Owner[],
): OwnedSocket {
  return { protocol: 'tcp', state: before, local, remote, inode: 0, uid, netns, owners };
}

/** From which TIME_WAIT comes; `established` where a source does not tell how a connection ended. */
const leavesRemains: ReadonlySet<SocketState> = new Set([
  'fin-wait-1',
  'fin-wait-2',
  'closing',
  'established',
]);

/** What the kernel keeps of a connection that it has given up: TIME_WAIT, which it may call FIN_WAIT_2 at first. */
function isRemains({ state, inode }: OwnedSocket): boolean {
  return inode === 0 && (state === 'time-wait' || state === 'fin-wait-2');
}
