/**
 * What stands beside the rows of the core, by row: the sockets of both ends, when it was reported, and when exactly it was
 * over. Memory for the columns is taken as it is used.
 */
import { facts, factsWord, holderWord, rowShift } from '../core/connection-row.ts';
import type { ConnectionRows } from '../core/connection-rows.ts';
import type { Connection } from './connection.ts';
import type { ConnectionIds } from './connection-ids.ts';
import { couldBeOneBirth } from './generations.ts';
import type { PlainHosts } from './plain-hosts.ts';
import { type PlainRow, readConnection } from './plain-reading.ts';
import type { ReportedSocket } from './report.ts';

export class PlainRows {
  readonly #rows: ConnectionRows;
  readonly #ids: ConnectionIds;
  readonly #hosts: PlainHosts;
  /** By row << 1 | end. */
  readonly #sockets: (ReportedSocket | undefined)[] = [];
  readonly #numbers: Float64Array;
  readonly #reportedAtMs: Float64Array;
  /** NaN while it is open. */
  readonly #closedAtMs: Float64Array;

  constructor(max: number, rows: ConnectionRows, ids: ConnectionIds, hosts: PlainHosts) {
    this.#rows = rows;
    this.#hosts = hosts;
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

  setSocket(half: number, socket: ReportedSocket): void {
    this.#sockets[half] = socket;
  }

  /** @param half row << 1 | end */
  socketOf(half: number): ReportedSocket | undefined {
    return this.#sockets[half];
  }

  socketsOf(row: number): [ReportedSocket | undefined, ReportedSocket | undefined] {
    return [this.#sockets[row << 1], this.#sockets[(row << 1) | 1]];
  }

  clearSockets(row: number): void {
    this.#sockets[row << 1] = undefined;
    this.#sockets[(row << 1) | 1] = undefined;
  }

  /** Notes when it was over, as the core has just found it; that stands until it is open again. */
  settle(row: number, isOver: boolean, nowMs: number): void {
    if (!isOver) this.#closedAtMs[row] = Number.NaN;
    else if (Number.isNaN(this.#closedAtMs[row])) this.#closedAtMs[row] = this.#closingMs(row, nowMs);
  }

  #closingMs(row: number, nowMs: number): number {
    const sockets = this.socketsOf(row).filter((socket) => socket !== undefined);
    const times = sockets.map(({ closedAtMs }) => closedAtMs).filter((time) => time !== null);
    return Math.max(this.openedAtMs(row), times.length > 0 ? Math.max(...times) : nowMs);
  }

  /** null while it is open. */
  closedAtMs(row: number): number | null {
    const closedAtMs = this.#closedAtMs[row]!;
    return Number.isNaN(closedAtMs) ? null : closedAtMs;
  }

  /** False where one of its ends turns out to have been over before the other began: they are to be judged anew. */
  mayBeOfOneBirth(row: number): boolean {
    const [a, b] = this.socketsOf(row);
    return a === undefined || b === undefined || couldBeOneBirth(a, b);
  }

  openedAtMs(row: number): number {
    const [a, b] = this.socketsOf(row);
    return Math.min(a?.openedAtMs ?? Number.POSITIVE_INFINITY, b?.openedAtMs ?? Number.POSITIVE_INFINITY);
  }

  /** Last moment at which a host that reports it was heard with it. */
  lastSeenAtMs(row: number): number {
    const [a, b] = this.socketsOf(row);
    return Math.max(this.openedAtMs(row), heardMs(a), heardMs(b));
  }

  /** @param words that have the row at `first`, such as a copy of it */
  describe(row: number, words: Int32Array = this.#rows.words, first: number = row << rowShift): PlainRow {
    return {
      words,
      first,
      sockets: this.socketsOf(row),
      id: this.#ids.format(this.#numbers[row]!),
      space: this.#hosts.spaceOf(words[first + 3]! >> 1),
      reportedAtMs: this.#reportedAtMs[row]!,
      closedAtMs: this.closedAtMs(row),
    };
  }

  connectionAt(row: number): Connection {
    return readConnection(this.describe(row));
  }

  /** Rows of connections in the live view. */
  *all(): Iterable<number> {
    const { words, store } = this.#rows;
    for (let row = 0; row < store.top; row++) {
      const first = row << rowShift;
      const isTaken = (words[first + holderWord]! | words[first + holderWord + 1]!) !== 0;
      const isElsewhere = (words[first + factsWord]! & (facts.elsewhere | facts.forgotten)) !== 0;
      if (isTaken && !isElsewhere) yield row;
    }
  }

  /** Of those with one end alone. */
  *lone(): Iterable<number> {
    for (const row of this.all()) {
      if ((this.#rows.words[(row << rowShift) + factsWord]! & facts.placed) === 0) yield row;
    }
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

function heardMs(socket: ReportedSocket | undefined): number {
  return socket === undefined ? 0 : (socket.closedAtMs ?? socket.host.lastSeenMs);
}
