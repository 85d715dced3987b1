/** All connections of the live view: those that are objects, and those in the core, which are made for who asks. */
import { concludeDirection } from './conclusions.ts';
import { type Connection, otherSide } from './connection.ts';
import type { ConnectionIds } from './connection-ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import { type Listening, listenerThen } from './listener-behind.ts';
import { listeningSide, type PlainRow } from './plain-reading.ts';
import type { PlainRows } from './plain-rows.ts';

/** What is looked at in one step of a walk: rows cost some 20 ns each, views of objects some microseconds. */
const usualBlock = { rows: 1_024, objects: 64 } as const;

/** What one step of a walk found. */
export interface WalkedBlock {
  readonly rows: readonly number[];
  readonly connections: readonly Connection[];
}

/** A walk that others have their turns in. */
interface Walk {
  /** This row and those above are done. */
  from: number;
  /** Numbers of connections that became objects after the walk had passed their rows. */
  readonly passed: Set<number>;
}

const nothing: readonly never[] = [];

/** What is made of the core changes nothing there when it is changed. */
export class EveryConnection {
  readonly #table: ConnectionTable;
  readonly #rows: PlainRows;
  readonly #ids: ConnectionIds;
  readonly #listening: Listening;
  readonly #walks = new Set<Walk>();

  constructor(table: ConnectionTable, rows: PlainRows, ids: ConnectionIds, listening: Listening) {
    this.#table = table;
    this.#rows = rows;
    this.#ids = ids;
    this.#listening = listening;
  }

  /** Walks that are not over. */
  get walks(): number {
    return this.#walks.size;
  }

  get(id: string): Connection | undefined {
    const known = this.#table.connections.get(id);
    if (known !== undefined) return known;
    const row = this.#rows.find(id);
    return row < 0 ? undefined : this.at(row);
  }

  /** In the order in which they were begun. */
  *values(): Iterable<Connection> {
    const rows = this.#rows;
    const inCore = rows.inOrder();
    let next = 0;
    for (const [number, connection] of this.#table.inOrder(this.#ids)) {
      while (next < inCore.length && rows.numberOf(inCore[next]!) < number) yield this.at(inCore[next++]!);
      yield connection;
    }
    while (next < inCore.length) yield this.at(inCore[next++]!);
  }

  /**
   * All of them, a block at a time: first rows, mostly the newest before the oldest, then objects. Between two blocks anything may happen. A connection that is
   * there from the first block to the last is in one of them; one that is begun meanwhile is in none. Connections become
   * objects and never rows again, so none is missed, and those that do so behind the walk are noted, so none is met twice.
   * A row that is used again has a higher number by then.
   *
   * @param isWanted of the rows, which ones
   * @param most of a block
   */
  *walk(
    isWanted: (row: number) => boolean,
    most: Readonly<Record<'rows' | 'objects', number>> = usualBlock,
  ): Iterable<WalkedBlock> {
    const last = this.#ids.last;
    const walk: Walk = { from: this.#rows.top, passed: new Set() };
    this.#walks.add(walk);
    try {
      while (walk.from > 0) {
        const to = walk.from;
        walk.from = Math.max(0, to - most.rows);
        yield { rows: this.#wantedRows(walk.from, to, last, isWanted), connections: nothing };
      }
      yield* this.#objects((number) => number <= last && !walk.passed.has(number), most.objects);
    } finally {
      this.#walks.delete(walk);
    }
  }

  #wantedRows(from: number, to: number, last: number, isWanted: (row: number) => boolean): number[] {
    const rows = this.#rows;
    const wanted: number[] = [];
    for (let row = to - 1; row >= from; row--) {
      if (rows.isLive(row) && isWanted(row) && rows.numberOf(row) <= last) wanted.push(row);
    }
    return wanted;
  }

  *#objects(isOfWalk: (number: number) => boolean, most: number): Iterable<WalkedBlock> {
    let block: Connection[] = [];
    // A Map is walked in the order of insertion, whatever is deleted or added meanwhile.
    for (const connection of this.#table.connections.values()) {
      if (!isOfWalk(this.numberOf(connection))) continue;
      block.push(connection);
      if (block.length < most) continue;
      yield { rows: nothing, connections: block };
      block = [];
    }
    if (block.length > 0) yield { rows: nothing, connections: block };
  }

  /** A connection left the core and is an object now. */
  noteLeft({ row, id }: PlainRow): void {
    for (const walk of this.#walks) if (row >= walk.from) walk.passed.add(this.#ids.parse(id));
  }

  numberOf({ id }: Connection): number {
    return this.#ids.parse(id);
  }

  /** Those of the core that have one end alone. */
  *lone(): Iterable<Connection> {
    for (const row of this.#rows.lone()) yield this.at(row);
  }

  /** The one in that row of the core. */
  at(row: number): Connection {
    const connection = this.#rows.connectionAt(row);
    if (!connection.placed) this.direct(connection, this.#rows.describe(row));
    return connection;
  }

  /**
   * Decides the direction of a lone one. A listener that was there when it was opened tells, as long as there is none at its
   * other end.
   */
  direct(connection: Connection, row: PlainRow): void {
    const listening = listeningSide(connection, row);
    if (listening !== null && listenerThen(connection, otherSide(listening), this.#listening) === null) {
      connection.client = otherSide(listening);
      connection.direction = 'listener';
    }
    concludeDirection(connection, this.#listening);
  }
}
