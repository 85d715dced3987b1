/**
 * Joins what events tell of connections with what scans tell of sockets, so that each connection is told once.
 *
 *     opened                             remembered, for the scan that will show it: it gets its exact time
 *     closed, and a scan has shown it    closed at its exact time
 *     closed, and none has               told as opened and closed: it lived between two scans
 *
 * A scan takes its time, and tells of sockets that may be closed when it is applied; and of what the kernel remembers in
 * TIME_WAIT. Both are rows of connections that were told, which this recognises.
 *
 * No I/O, no clock. Events are to be given in their order, and all that there are before a scan is applied.
 */

import type { Owner } from '../../model/process.ts';
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { Scan } from '../collector.ts';
import type { ConnectionEvent } from '../events/connection-event.ts';
import { ListenerOwners } from './listener-owners.ts';
import { socketKey } from './socket-key.ts';
import type { RowWitness, SocketWatch } from './socket-watch.ts';
import { ToldEnds } from './told-ends.ts';
import type { WatchedSocket } from './watched-table.ts';

/** Connections that are open and that no scan has shown yet. Of further ones the exact time of their beginning is lost. */
export const openingsMax = 1 << 18;

/** Connections that a scan told as closed, whose end an event may still tell. Beyond it the oldest is forgotten. */
export const closedByScanMax = 1 << 16;

/** By how much the clocks of events and scans may differ. */
export const clockSlackMs = 5;

/** @returns the owner that stands for whom the event names, or none */
export type OwnersOf = (event: ConnectionEvent) => readonly Owner[];

export class ShortLived implements RowWitness {
  readonly #ownersOf: OwnersOf;
  /** When each began that is open as far as events tell, by key. Gone once a scan has shown it. */
  readonly #openings = new Map<string, number>();
  /** When each was closed that was told so by an event since the last scan began, by key. */
  #closings = new Map<string, number>();
  readonly #told = new ToldEnds();
  /** When it was found closed, by key. */
  readonly #closedByScan = new Map<string, number>();
  readonly #listeners = new ListenerOwners();
  /** End of the last scan. */
  #scannedAtMs = 0;
  /** Connections that no scan has shown. */
  total = 0;
  /** Those of them whose process is not known. */
  ownerless = 0;
  #forgottenOpenings = 0;
  #forgottenClosings = 0;

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
        refusedTotal: this.#forgottenClosings,
      },
      this.#told.table,
    ];
  }

  /** Takes an event. Returns what is to be told because of it. */
  apply(event: ConnectionEvent, watch: SocketWatch): Told[] {
    const row = rowOf(event);
    const key = socketKey(row);
    if (event.kind === 'opened') {
      this.#rememberOpening(key, event, watch);
      return [];
    }
    return this.#close(key, row, event, watch);
  }

  /** To be called after the scan was applied, with the events that this brought. */
  scanned(scan: Scan, events: readonly SocketEvent[]): void {
    for (const event of events) if (event.kind === 'closed') this.#rememberClosedByScan(event);
    for (const [key, closedAtMs] of this.#closings) {
      if (closedAtMs + clockSlackMs < scan.startedAtMs) this.#closings.delete(key);
    }
    this.#told.expire(scan.finishedAtMs);
    this.#scannedAtMs = scan.finishedAtMs;
    this.#listeners.forget();
  }

  openingOf(key: string, row: OwnedSocket, scan: Scan): number | 'told' | null {
    const closedAtMs = this.#closings.get(key);
    // Where its tuple is in use again, the row is of one or the other; the next scan shows which.
    if (closedAtMs !== undefined && closedAtMs + clockSlackMs >= scan.startedAtMs) return 'told';
    if (isRemains(row) && this.#told.has(key)) return 'told';
    const openedAtMs = this.#openings.get(key);
    if (openedAtMs === undefined) return null;
    this.#openings.delete(key);
    return openedAtMs;
  }

  #rememberOpening(key: string, event: ConnectionEvent, watch: SocketWatch): void {
    if (watch.find(key) !== undefined) return;
    if (this.#openings.size >= openingsMax) this.#forgottenOpenings++;
    else this.#openings.set(key, event.openedAtMs ?? event.atMs);
  }

  #close(key: string, row: SocketRow, event: ConnectionEvent, watch: SocketWatch): Told[] {
    this.#openings.delete(key);
    const known = watch.find(key);
    if (known === undefined && this.#wasClosedByScan(key, event)) return [];
    this.#closings.set(key, event.atMs);
    this.#told.add(key, event.atMs);
    if (known === undefined) return this.#tell(row, event, watch);
    // Whoever began after the last scan is not whom that scan has shown, although that one's end was never told.
    if ((event.openedAtMs ?? 0) > this.#scannedAtMs + clockSlackMs) {
      const missed = watch.close(known, known.socket, event.openedAtMs ?? event.atMs);
      return [missed, ...this.#tell(row, event, watch)];
    }
    const last = this.#asLastSeen(known, event, watch);
    return [...counted(known.id, event), watch.close(known, last, event.atMs)];
  }

  #tell(row: SocketRow, event: ConnectionEvent, watch: SocketWatch): Told[] {
    const socket: OwnedSocket = { ...row, owners: this.#ownersBehind(event, watch) };
    this.total++;
    if (socket.owners.length === 0) this.ownerless++;
    const id = watch.nextId();
    const { openedAtMs, atMs } = event;
    const opening =
      openedAtMs === null
        ? { openedAtMs: atMs, notBeforeMs: watch.lookedAtMs(row.netns) }
        : { openedAtMs, notBeforeMs: openedAtMs - 1 };
    return [
      { kind: 'opened', id, socket, ...opening },
      ...counted(id, event),
      { kind: 'closed', id, socket, closedAtMs: atMs },
    ];
  }

  /** A connection may have ended in the accept queue, or before a scan could see who holds it. */
  #asLastSeen({ socket }: WatchedSocket, event: ConnectionEvent, watch: SocketWatch): OwnedSocket {
    return socket.owners.length > 0 ? socket : { ...socket, owners: this.#ownersBehind(event, watch) };
  }

  #ownersBehind(event: ConnectionEvent, watch: SocketWatch): readonly Owner[] {
    return event.holder === null ? this.#listeners.of(event, watch) : this.#ownersOf(event);
  }

  #rememberClosedByScan({ socket, closedAtMs }: Extract<SocketEvent, { kind: 'closed' }>): void {
    if (socket.protocol !== 'tcp' || socket.state === 'listen') return;
    if (this.#closedByScan.size >= closedByScanMax) {
      const [oldest] = this.#closedByScan.keys();
      this.#closedByScan.delete(oldest!);
      this.#forgottenClosings++;
    }
    const key = socketKey(socket);
    this.#closedByScan.delete(key);
    this.#closedByScan.set(key, closedAtMs);
  }

  /** A socket may outlive its connection, while a process still has it open: then its event comes late. */
  #wasClosedByScan(key: string, event: ConnectionEvent): boolean {
    const closedAtMs = this.#closedByScan.get(key);
    if (closedAtMs === undefined) return false;
    this.#closedByScan.delete(key);
    return event.aliveAtMs <= closedAtMs + clockSlackMs;
  }
}

/** What is told of one connection, in this order. */
type Told = SocketEvent | SocketFinding;

function counted(id: number, { counters }: ConnectionEvent): SocketFinding[] {
  return counters === null ? [] : [{ kind: 'counted', id, counters }];
}

function rowOf({ before, local, remote, netns, uid }: ConnectionEvent): SocketRow {
  return { protocol: 'tcp', state: before, local, remote, inode: 0, uid, netns };
}

/** What the kernel keeps of a connection that it has given up: TIME_WAIT, which it may call FIN_WAIT_2 at first. */
function isRemains({ state, inode }: OwnedSocket): boolean {
  return inode === 0 && (state === 'time-wait' || state === 'fin-wait-2');
}
