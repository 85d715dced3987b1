/**
 * What happened between two scans: a table of the sockets that are known, and the events that bring it up to date.
 *
 *     one row per socket, and some rows differ      those rows are looked at, and the sockets that are not shown
 *     torn tables, new objects, another collector   everything is looked at
 *
 * Both give the same events. No I/O, no clock: times are those of the scans. Replaying all events gives exactly the table.
 */
import { continues } from '../../model/continuity.ts';
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import type { SocketEvent } from '../../model/socket-event.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { Scan } from '../collector.ts';
import { absenceAfter, present, type Sighting } from './absence.ts';
import { carryOver, tellsSame } from './carry-over.ts';
import { differenceOf } from './row-difference.ts';
import { RowsByKey } from './rows-by-key.ts';
import { socketKey } from './socket-key.ts';
import { type Entry, type WatchedSocket, WatchedTable } from './watched-table.ts';

/** How many sockets are watched; a further one is not reported until there is room, and counted in refusedTotal. */
export const watchedSocketsMax = 1_000_000;

/** How many sockets of a first scan are taken in one step: some tens of microseconds of work. */
const newPerStep = 16;

/** What of a scan has to be looked at, so that nothing is missed. */
interface Look {
  readonly rows: readonly OwnedSocket[];
  /** In the order in which they were opened. Those that the rows show are passed over. */
  readonly entries: Iterable<Entry>;
}

/** Somebody who hears of connections between scans too. */
export interface RowWitness {
  /**
   * What is known of a connection that a scan shows and the table has not: unix milliseconds at which it was opened;
   * `told` when all of it was told already, so that the row is only what is left of it; null for nothing.
   */
  openingOf(row: OwnedSocket, scan: Scan): number | 'told' | null;
}

const noWitness: RowWitness = { openingOf: () => null };

export class SocketWatch {
  readonly #watchedMax: number;
  readonly #witness: RowWitness;
  readonly #table = new WatchedTable();
  /** Start of the last scan that read a namespace. */
  readonly #lookedAtMs = new Map<number, number>();
  #lastId = 0;
  /** As of the last scan: its rows, how many sockets they showed, and those that they did not show. */
  #rows: readonly OwnedSocket[] = [];
  #shownCount = 0;
  #absent: Entry[] = [];
  /** Keys of its rows that have no entry, since all of them was told already. */
  #leftOver = new Set<string>();
  /** Sightings of sockets that found no room, since the start. */
  refusedTotal = 0;

  constructor(watchedMax: number = watchedSocketsMax, witness: RowWitness = noWitness) {
    this.#watchedMax = watchedMax;
    this.#witness = witness;
  }

  get size(): number {
    return this.#table.size;
  }

  get tables(): readonly BoundedTable[] {
    const { size, refusedTotal } = this;
    return [{ name: 'watched_sockets', size, limit: this.#watchedMax, refusedTotal }];
  }

  /** Every socket that is open as far as is known, in no particular order. */
  watched(): IterableIterator<WatchedSocket> {
    return this.#table.entries();
  }

  /** The socket with the key of that row (socket-key.ts), if it is open as far as is known. */
  find(row: SocketRow): WatchedSocket | undefined {
    return this.#table.get(row);
  }

  /** Start of the last scan that read a namespace; 0 when none did. */
  lookedAtMs(netns: number): number {
    return this.#lookedAtMs.get(netns) ?? 0;
  }

  /** A number for a socket that never gets into the table. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Takes a socket out of the table that is known to be closed. @param last as it is to be told */
  close({ id, socket }: WatchedSocket, last: OwnedSocket, closedAtMs: number): SocketEvent {
    const entry = this.#table.get(socket);
    if (entry?.id !== id) throw new Error(`no socket ${socketKey(socket)} is watched`);
    this.#table.delete(entry);
    if (entry.isShown) {
      this.#shownCount--;
      this.#leftOver.add(socketKey(socket));
    } else this.#absent = this.#absent.filter((other) => other !== entry);
    return { kind: 'closed', id, socket: last, closedAtMs };
  }

  /** Applies a scan. Scans are to be given in the order they were made. A reuse is told as closed, then opened. */
  apply(scan: Scan): SocketEvent[] {
    const steps = this.applying(scan);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /** apply() in steps, one for each row that is looked at; nothing else may be asked or told of the watch before the last. */
  *applying(scan: Scan): Generator<void, SocketEvent[]> {
    const events: SocketEvent[] = [];
    if (this.#table.size + this.#leftOver.size === 0) yield* this.#openAll(scan, events);
    else yield* this.#applyToKnown(scan, events);
    this.#rememberLook(scan);
    this.#rows = scan.sockets;
    return events;
  }

  /** Where nothing is known, as before a first scan: each of its sockets is new, and is not looked for. */
  *#openAll(scan: Scan, events: SocketEvent[]): Generator<void, void> {
    const { rows, hashes } = yield* this.#oneEach(scan.sockets);
    this.#table.reserve(Math.min(rows.length, this.#watchedMax));
    for (const [i, row] of rows.entries()) {
      this.#open(scan, row, hashes[i]!, events);
      if (i % newPerStep === 0) yield;
    }
  }

  *#oneEach(sockets: readonly OwnedSocket[]): Generator<void, RowsByKey> {
    const rows = new RowsByKey((row) => this.#table.hashOf(row), sockets.length);
    for (const [i, row] of sockets.entries()) {
      rows.add(row, hasInodeAtLast);
      if (i % newPerStep === 0) yield;
    }
    return rows;
  }

  *#applyToKnown(scan: Scan, events: SocketEvent[]): Generator<void, void> {
    const look =
      (yield* this.#lookAtDifference(scan.sockets)) ?? (yield* this.#lookAtEverything(scan.sockets));
    const others = yield* this.#applyKnown(scan, look.rows, events);
    yield* this.#applyAbsences(scan, look.entries, others, events);
    for (const socket of others.rows) {
      this.#applyOther(scan, socket, events);
      yield;
    }
  }

  /** Null where rows that did not change have a say too, because several are about one socket; or where few did not. */
  *#lookAtDifference(rows: readonly OwnedSocket[]): Generator<void, Look | null> {
    if (this.#rows.length !== this.#shownCount + this.#leftOver.size) return null;
    // Where most rows are new, making sure that each is about another socket takes longer than it saves.
    if ((rows.length - this.#rows.length) * 2 > rows.length) return null;
    const difference = differenceOf(this.#rows, rows);
    if (difference === null || difference.shown.length * 2 > rows.length) return null;
    const { gone, shown } = difference;
    const hidden: Entry[] = [];
    for (const row of gone) {
      yield;
      const entry = this.#table.getSame(row) ?? this.#table.get(row);
      if (entry?.isShown === true) {
        this.#hide(entry);
        hidden.push(entry);
      } else if (!this.#leftOver.delete(socketKey(row))) return null;
    }
    if (!(yield* this.#isOneEach(shown))) return null;
    const entries = this.#absent.concat(hidden);
    return { rows: shown, entries: hidden.length === 0 ? entries : entries.sort(byAge) };
  }

  *#lookAtEverything(rows: readonly OwnedSocket[]): Generator<void, Look> {
    const entries: Entry[] = [];
    for (const entry of this.#table.entries()) {
      this.#hide(entry);
      entries.push(entry);
      yield;
    }
    this.#leftOver.clear();
    return { rows, entries: entries.sort(byAge) };
  }

  #hide(entry: Entry): void {
    if (entry.isShown) this.#shownCount--;
    entry.isShown = false;
  }

  /** Whether each of the rows is about another socket, which no other row shows. */
  *#isOneEach(rows: readonly OwnedSocket[]): Generator<void, boolean> {
    const before = this.#rowsByKey();
    for (const row of rows) {
      yield;
      const known = this.#known(row);
      const named = known?.socket ?? row;
      if ((known ?? this.#table.get(row))?.isShown === true || this.#isLeftOver(named)) return false;
      if (!before.add(named)) return false;
    }
    return true;
  }

  #rowsByKey(): RowsByKey {
    return new RowsByKey((row) => this.#table.hashOf(row));
  }

  #isLeftOver(row: OwnedSocket): boolean {
    return this.#leftOver.size > 0 && this.#leftOver.has(socketKey(row));
  }

  /** The socket that goes on in the row, where it has the same inode. */
  #known(row: OwnedSocket): Entry | undefined {
    const entry = this.#table.getSame(row);
    return entry !== undefined && continues(entry.socket, row) ? entry : undefined;
  }

  /**
   * Rows with the inode and the tuple of a known socket, and returns the others. A torn table shows one socket
   * several times, also before and after a change of its state, and a reused tuple under both inodes: the row of the
   * known inode wins, then one with an inode, then the first.
   */
  *#applyKnown(scan: Scan, rows: readonly OwnedSocket[], events: SocketEvent[]): Generator<void, RowsByKey> {
    const others = this.#rowsByKey();
    for (const socket of rows) {
      yield;
      const entry = this.#known(socket);
      if (entry !== undefined) {
        if (!entry.isShown) this.#applyShown(scan, entry, socket, events);
        continue;
      }
      others.add(socket, hasInodeAtLast);
    }
    return others;
  }

  /** A row whose inode is new or absent: of a new socket, of a known one that changed, or of none that is believed. */
  #applyOther(scan: Scan, socket: OwnedSocket, events: SocketEvent[]): void {
    const entry = this.#table.get(socket);
    if (entry === undefined) this.#open(scan, socket, this.#table.hashOf(socket), events);
    else if (entry.isShown) return;
    else if (continues(entry.socket, socket)) this.#applyShown(scan, entry, socket, events);
    else {
      this.#close(entry, entry.absence.kind === 'present' ? scan.startedAtMs : entry.absence.sinceMs, events);
      this.#open(scan, socket, this.#table.hashOf(socket), events);
    }
  }

  #applyShown(scan: Scan, entry: Entry, socket: OwnedSocket, events: SocketEvent[]): void {
    entry.isShown = true;
    this.#shownCount++;
    entry.absence = absenceAfter(entry.absence, 'shown', scan.startedAtMs);
    const merged = carryOver(entry.socket, socket);
    if (tellsSame(entry.socket, merged)) return;
    this.#table.update(entry, merged);
    events.push({ kind: 'changed', id: entry.id, socket: merged, atMs: scan.startedAtMs });
  }

  /** Those among the others are told of by their rows. */
  *#applyAbsences(
    scan: Scan,
    entries: Iterable<Entry>,
    others: RowsByKey,
    events: SocketEvent[],
  ): Generator<void, void> {
    const inhabited = new Set(scan.netns.map(({ inode }) => inode));
    const absent: Entry[] = [];
    for (const entry of entries) {
      yield;
      if (entry.isShown || others.has(entry.socket)) continue;
      const sighting = sightingWithoutRow(scan, inhabited, entry.socket.netns);
      entry.absence = absenceAfter(entry.absence, sighting, scan.startedAtMs);
      if (entry.absence.kind === 'closed') this.#close(entry, entry.absence.sinceMs, events);
      else absent.push(entry);
    }
    this.#absent = absent;
  }

  /** @param hash of its key */
  #open(scan: Scan, socket: OwnedSocket, hash: number, events: SocketEvent[]): void {
    if (this.#table.size >= this.#watchedMax) {
      this.refusedTotal++;
      return;
    }
    const opening = this.#witness.openingOf(socket, scan);
    if (opening === 'told') {
      this.#leftOver.add(socketKey(socket));
      return;
    }
    const id = this.nextId();
    const openedAtMs = opening ?? scan.startedAtMs;
    const notBeforeMs = opening === null ? this.lookedAtMs(socket.netns) : opening - 1;
    this.#table.add(id, socket, present, hash);
    this.#shownCount++;
    events.push({ kind: 'opened', id, socket, openedAtMs, notBeforeMs });
  }

  #close(entry: Entry, closedAtMs: number, events: SocketEvent[]): void {
    this.#table.delete(entry);
    events.push({ kind: 'closed', id: entry.id, socket: entry.socket, closedAtMs });
  }

  /** Forgets the namespaces that no process is in: their inodes will be given to others. */
  #rememberLook(scan: Scan): void {
    const inhabited = new Set(scan.netns.map(({ inode }) => inode));
    for (const netns of this.#lookedAtMs.keys()) if (!inhabited.has(netns)) this.#lookedAtMs.delete(netns);
    for (const netns of scan.scannedNetns) this.#lookedAtMs.set(netns, scan.startedAtMs);
  }
}

/** Of two rows about one socket, whether the later one is to be believed. */
function hasInodeAtLast(first: OwnedSocket, later: OwnedSocket): boolean {
  return first.inode === 0 && later.inode !== 0;
}

function byAge(a: Entry, b: Entry): number {
  return a.id - b.id;
}

function sightingWithoutRow(scan: Scan, inhabited: ReadonlySet<number>, netns: number): Sighting {
  if (scan.scannedNetns.has(netns)) return 'missing';
  return inhabited.has(netns) ? 'not-looked' : 'netns-gone';
}
