/**
 * What happened between two scans: a table of the sockets that are known, and the events that bring it up to date.
 *
 * No I/O, no clock: times are those of the scans. Replaying all events gives exactly the table.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketEvent } from '../../model/socket-event.ts';
import type { Scan } from '../collector.ts';
import { type Absence, absenceAfter, present, type Sighting } from './absence.ts';
import { carryOver, tellsSame } from './carry-over.ts';
import { continues } from './continuity.ts';
import { socketKey } from './socket-key.ts';

/** How many sockets are watched; a further one is not reported until there is room, and counted in refusedTotal. */
export const watchedSocketsMax = 1_000_000;

export interface WatchedSocket {
  readonly id: number;
  readonly socket: OwnedSocket;
  readonly openedAtMs: number;
  readonly notBeforeMs: number;
}

interface Entry extends WatchedSocket {
  socket: OwnedSocket;
  absence: Absence;
}

export class SocketWatch {
  readonly #watchedMax: number;
  readonly #entries = new Map<string, Entry>();
  /** Start of the last scan that read a namespace. */
  readonly #lookedAtMs = new Map<number, number>();
  #lastId = 0;
  /** Sightings of sockets that found no room, since the start. */
  refusedTotal = 0;

  constructor(watchedMax: number = watchedSocketsMax) {
    this.#watchedMax = watchedMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Every socket that is open as far as is known, in no particular order. */
  watched(): IterableIterator<WatchedSocket> {
    return this.#entries.values();
  }

  /** Applies a scan. Scans are to be given in the order they were made. A reuse is told as closed, then opened. */
  apply(scan: Scan): SocketEvent[] {
    const events: SocketEvent[] = [];
    const shown = new Map<string, OwnedSocket>();
    for (const socket of scan.sockets) this.#choose(shown, socket);
    this.#applyAbsences(scan, shown, events);
    for (const [key, socket] of shown) this.#applyShown(scan, key, socket, events);
    this.#rememberLook(scan);
    return events;
  }

  /**
   * A torn table shows one socket several times, also before and after a change of its state; and a tuple that was
   * reused meanwhile under both inodes. The row of the known inode wins, then one with an inode, then the first.
   */
  #choose(shown: Map<string, OwnedSocket>, socket: OwnedSocket): void {
    const key = socketKey(socket);
    const rival = shown.get(key);
    if (rival !== undefined) {
      const knownInode = this.#entries.get(key)?.socket.inode ?? 0;
      if (credibility(socket, knownInode) <= credibility(rival, knownInode)) return;
    }
    shown.set(key, socket);
  }

  #applyAbsences(scan: Scan, shown: ReadonlyMap<string, OwnedSocket>, events: SocketEvent[]): void {
    const inhabited = new Set(scan.netns.map(({ inode }) => inode));
    for (const [key, entry] of this.#entries) {
      if (shown.has(key)) continue;
      const sighting = sightingWithoutRow(scan, inhabited, entry.socket.netns);
      entry.absence = absenceAfter(entry.absence, sighting, scan.startedAtMs);
      if (entry.absence.kind === 'closed') this.#close(key, entry, entry.absence.sinceMs, events);
    }
  }

  #applyShown(scan: Scan, key: string, socket: OwnedSocket, events: SocketEvent[]): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && continues(entry.socket, socket)) {
      entry.absence = absenceAfter(entry.absence, 'shown', scan.startedAtMs);
      const merged = carryOver(entry.socket, socket);
      if (tellsSame(entry.socket, merged)) return;
      entry.socket = merged;
      events.push({ kind: 'changed', id: entry.id, socket: merged, atMs: scan.startedAtMs });
      return;
    }
    if (entry !== undefined) {
      const { absence } = entry;
      this.#close(key, entry, absence.kind === 'present' ? scan.startedAtMs : absence.sinceMs, events);
    }
    this.#open(scan, key, socket, events);
  }

  #open(scan: Scan, key: string, socket: OwnedSocket, events: SocketEvent[]): void {
    if (this.#entries.size >= this.#watchedMax) {
      this.refusedTotal++;
      return;
    }
    const id = ++this.#lastId;
    const openedAtMs = scan.startedAtMs;
    const notBeforeMs = this.#lookedAtMs.get(socket.netns) ?? 0;
    this.#entries.set(key, { id, socket, openedAtMs, notBeforeMs, absence: present });
    events.push({ kind: 'opened', id, socket, openedAtMs, notBeforeMs });
  }

  #close(key: string, entry: Entry, closedAtMs: number, events: SocketEvent[]): void {
    this.#entries.delete(key);
    events.push({ kind: 'closed', id: entry.id, socket: entry.socket, closedAtMs });
  }

  /** Forgets the namespaces that no process is in: their inodes will be given to others. */
  #rememberLook(scan: Scan): void {
    const inhabited = new Set(scan.netns.map(({ inode }) => inode));
    for (const netns of this.#lookedAtMs.keys()) if (!inhabited.has(netns)) this.#lookedAtMs.delete(netns);
    for (const netns of scan.scannedNetns) this.#lookedAtMs.set(netns, scan.startedAtMs);
  }
}

/** Higher is better; see #choose. */
function credibility(row: OwnedSocket, knownInode: number): number {
  if (row.inode === 0) return 0;
  return row.inode === knownInode ? 2 : 1;
}

function sightingWithoutRow(scan: Scan, inhabited: ReadonlySet<number>, netns: number): Sighting {
  if (scan.scannedNetns.has(netns)) return 'missing';
  return inhabited.has(netns) ? 'not-looked' : 'netns-gone';
}
