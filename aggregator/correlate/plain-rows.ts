/**
 * What stands beside the rows of the core, by row: when it was reported, and when exactly it was over; and by half, its socket
 * (plain-sockets.ts). Memory for the columns is taken as it is used.
 */
import type { Addresses } from '../core/addresses.ts';
import { facts, factsWord, holderWord, isLive, rowShift } from '../core/connection-row.ts';
import type { ConnectionRows } from '../core/connection-rows.ts';
import type { Connection } from './connection.ts';
import type { ConnectionIds } from './connection-ids.ts';
import type { Lives } from './lives.ts';
import type { PlainHosts } from './plain-hosts.ts';
import { type PlainRow, readConnection } from './plain-reading.ts';
import { PlainSockets } from './plain-sockets.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';
import { doubleOf } from './socket-columns.ts';

export class PlainRows {
  readonly hosts: PlainHosts;
  readonly #rows: ConnectionRows;
  readonly #ids: ConnectionIds;
  readonly #lives: Lives;
  readonly sockets: PlainSockets;
  readonly #numbers: Float64Array;
  readonly #reportedAtMs: Float64Array;
  /** NaN while it is open. */
  readonly #closedAtMs: Float64Array;

  constructor(
    max: number,
    rows: ConnectionRows,
    ids: ConnectionIds,
    hosts: PlainHosts,
    addresses: Addresses,
    lives: Lives,
  ) {
    this.#rows = rows;
    this.#lives = lives;
    this.sockets = new PlainSockets(max, hosts, addresses);
    this.hosts = hosts;
    this.#ids = ids;
    this.#numbers = new Float64Array(max);
    this.#reportedAtMs = new Float64Array(max);
    this.#closedAtMs = new Float64Array(max);
  }

  /** It has its first half. */
  begin(row: number, nowMs: number): void {
    this.#numbers[row] = this.#ids.next();
    this.#reportedAtMs[row] = nowMs;
    this.#closedAtMs[row] = Number.NaN;
  }

  /** @param half row << 1 | end @returns undefined where nobody reported it */
  socketOf(half: number): ReportedSocket | undefined {
    return this.sockets.at(half, this.#rows.words, (half >> 1) << rowShift);
  }

  /** Null where nobody reported that end. */
  hostOf(half: number): ReportingHost | null {
    const holder = this.holderOf(half);
    return holder < 0 ? null : this.hosts.netnsOfHolder(holder).host.host;
  }

  /** Below 0 where nobody reported that end. */
  holderOf(half: number): number {
    return this.#rows.words[((half >> 1) << rowShift) + holderWord + (half & 1)]! - 1;
  }

  /** Notes when it was over, as the core has just found it. */
  settle(row: number, isOver: boolean): void {
    this.#closedAtMs[row] = isOver ? this.#closingMs(row) : Number.NaN;
  }

  #closingMs(row: number): number {
    return Math.max(this.openedAtMs(row), this.#closedByMs(row << 1), this.#closedByMs((row << 1) | 1));
  }

  /** Of an end that is closed or rests. */
  #closedByMs(half: number): number {
    if (this.holderOf(half) < 0) return Number.NEGATIVE_INFINITY;
    // What is kept was established until it closed.
    if (this.sockets.isKept(half)) return this.#closingOf(half);
    return this.#lives.closedByMs(this.sockets.toldAt(half)!);
  }

  /** null while it is open. */
  closedAtMs(row: number): number | null {
    const closedAtMs = this.#closedAtMs[row]!;
    return Number.isNaN(closedAtMs) ? null : closedAtMs;
  }

  /** False where one of its ends turns out to have been over before the other began: they are to be judged anew. */
  mayBeOfOneBirth(row: number): boolean {
    const [a, b] = [row << 1, (row << 1) | 1];
    return this.holderOf(a) < 0 || this.holderOf(b) < 0 || this.sockets.mayBeOfOneBirth(a, b);
  }

  openedAtMs(row: number): number {
    return Math.min(this.#openingOf(row << 1), this.#openingOf((row << 1) | 1));
  }

  /** Infinity where nobody reported that end. */
  #openingOf(half: number): number {
    if (this.holderOf(half) < 0) return Number.POSITIVE_INFINITY;
    return this.sockets.columns.double(half, doubleOf.opened);
  }

  /** NaN while that end is there, or where nobody reported it. */
  #closingOf(half: number): number {
    return this.holderOf(half) < 0 ? Number.NaN : this.sockets.columns.double(half, doubleOf.closed);
  }

  /** Last moment at which a host that reports it was heard with it. */
  lastSeenAtMs(row: number): number {
    return Math.max(this.openedAtMs(row), this.#heardMs(row << 1), this.#heardMs((row << 1) | 1));
  }

  #heardMs(half: number): number {
    const closedAtMs = this.#closingOf(half);
    return Number.isNaN(closedAtMs) ? (this.hostOf(half)?.lastSeenMs ?? 0) : closedAtMs;
  }

  /** When the later of its ends was told, on the clock that never steps. Both are there. */
  acceptedMs(row: number): number {
    return this.sockets.acceptedMs(row);
  }

  /** @param words that have the row at `first`, such as a copy of it */
  describe(row: number, words: Int32Array = this.#rows.words, first: number = row << rowShift): PlainRow {
    return {
      row,
      words,
      first,
      sockets: [this.sockets.at(row << 1, words, first), this.sockets.at((row << 1) | 1, words, first)],
      id: this.#ids.format(this.#numbers[row]!),
      space: this.hosts.spaceOf(words[first + 3]! >> 1),
      reportedAtMs: this.#reportedAtMs[row]!,
      closedAtMs: this.closedAtMs(row),
    };
  }

  connectionAt(row: number): Connection {
    return readConnection(this.describe(row));
  }

  get words(): Int32Array<SharedArrayBuffer> {
    return this.#rows.words;
  }

  /** What another thread may look at. */
  get sieved(): {
    readonly rows: Int32Array<SharedArrayBuffer>;
    readonly addresses: Int32Array<SharedArrayBuffer>;
  } {
    return { rows: this.words, addresses: this.addresses.words };
  }

  get addresses(): Addresses {
    return this.#rows.addresses;
  }

  /** Rows ever used. */
  get top(): number {
    return this.#rows.store.top;
  }

  /** Whether a connection of the live view is in that row. */
  isLive(row: number): boolean {
    return isLive(this.#rows.words, row);
  }

  /** Whether both ends are known and who dialed is decided. */
  isPlaced(row: number): boolean {
    return (this.#rows.words[(row << rowShift) + factsWord]! & facts.placed) !== 0;
  }

  /** Null where its hosts have been lost for long. */
  realmOf(row: number): string | null {
    return this.hosts.spaceOf(this.#rows.words[(row << rowShift) + 3]! >> 1)?.realm ?? null;
  }

  formatId(number: number): string {
    return this.#ids.format(number);
  }

  /** Rows of connections in the live view. */
  *all(): Iterable<number> {
    for (let row = 0; row < this.top; row++) if (this.isLive(row)) yield row;
  }

  /** Of those with one end alone. */
  *lone(): Iterable<number> {
    for (const row of this.all()) if (!this.isPlaced(row)) yield row;
  }

  numberOf(row: number): number {
    return this.#numbers[row]!;
  }

  /** The same, in the order in which they were begun. */
  inOrder(): Int32Array {
    const numbers = this.#numbers;
    return Int32Array.from(this.all()).sort((a, b) => numbers[a]! - numbers[b]!);
  }

  /** -1 where no connection of the live view has that id. */
  find(id: string): number {
    const number = this.#ids.parse(id);
    for (const row of this.all()) if (this.#numbers[row] === number) return row;
    return -1;
  }
}
