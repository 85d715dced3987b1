/** All connections of the live view: those that are objects, and those in the core, which are made for who asks. */
import { awaited } from '../steps.ts';
import { concludeDirection } from './conclusions.ts';
import { type Connection, otherSide } from './connection.ts';
import type { ConnectionIds } from './connection-ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import { type Listening, listenerThen } from './listener-behind.ts';
import { listeningSide, type PlainRow } from './plain-reading.ts';
import type { PlainRows } from './plain-rows.ts';

/** What is looked at in one step of a walk: rows cost some 20 ns each, views of objects some microseconds. */
const usualBlock = { rows: 1_024, objects: 64 } as const;

type BlockMost = Readonly<Record<'rows' | 'objects', number>>;

/** What one step of a walk found. */
export interface WalkedBlock {
  readonly rows: readonly number[];
  readonly connections: readonly Connection[];
}

/** Rows that somebody else looks at ahead: all in [to, where the block before ended) that may be wanted, the highest first. */
interface RowsAhead {
  /** null = nobody looks at rows any more. Never rejects. */
  next(): Promise<{ readonly to: number; readonly rows: Int32Array } | null>;
  /** So many of them were not wanted when their turn came. */
  refuse(count: number): void;
  close(): void;
}

/** A walk that others have their turns in. */
interface Walk {
  /** Number of the last connection that was begun before it. */
  readonly last: number;
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
   * All of them, a block at a time: first rows, mostly the newest before the oldest, then objects. Between two blocks anything
   * may happen. A connection that is there from the first block to the last is in one of them; one that is begun meanwhile is
   * in none. Connections become objects and never rows again, so none is missed, and those that do so behind the walk are
   * noted, so none is met twice. A row that is used again has a higher number by then.
   *
   * @param isWanted of the rows, which ones
   * @param most of a block
   */
  *walk(isWanted: (row: number) => boolean, most: BlockMost = usualBlock): Iterable<WalkedBlock> {
    const walk = this.#begin();
    try {
      yield* this.#rowBlocks(walk, isWanted, most.rows);
      yield* this.#objects(walk, most.objects);
    } finally {
      this.#walks.delete(walk);
    }
  }

  /**
   * The same, where another thread looks at rows ahead of the walk. A row is read when its turn comes, and only if it is
   * wanted then; so what the other thread saw of it may have been old or torn.
   */
  *walkAhead(
    isWanted: (row: number) => boolean,
    ahead: RowsAhead,
    most: BlockMost = usualBlock,
  ): Generator<WalkedBlock | Promise<void>, void> {
    const walk = this.#begin();
    try {
      while (walk.from > 0) {
        const found = yield* awaited(ahead.next());
        if (found === null) break;
        for (let at = 0; at < found.rows.length; at += most.rows) {
          const rows = found.rows.subarray(at, at + most.rows);
          walk.from = rows[rows.length - 1]!;
          const wanted = Array.from(rows).filter((row) => this.#isOf(walk, row) && isWanted(row));
          ahead.refuse(rows.length - wanted.length);
          yield { rows: wanted, connections: nothing };
        }
        walk.from = found.to;
      }
      yield* this.#rowBlocks(walk, isWanted, most.rows);
      yield* this.#objects(walk, most.objects);
    } finally {
      ahead.close();
      this.#walks.delete(walk);
    }
  }

  #begin(): Walk {
    const walk = { last: this.#ids.last, from: this.#rows.top, passed: new Set<number>() };
    this.#walks.add(walk);
    return walk;
  }

  *#rowBlocks(walk: Walk, isWanted: (row: number) => boolean, most: number): Iterable<WalkedBlock> {
    while (walk.from > 0) {
      const to = walk.from;
      walk.from = Math.max(0, to - most);
      const wanted: number[] = [];
      for (let row = to - 1; row >= walk.from; row--) {
        if (this.#isOf(walk, row) && isWanted(row)) wanted.push(row);
      }
      yield { rows: wanted, connections: nothing };
    }
  }

  /** Whether a connection is in that row that was there when the walk began. */
  #isOf({ last }: Walk, row: number): boolean {
    return this.#rows.isLive(row) && this.#rows.numberOf(row) <= last;
  }

  *#objects({ last, passed }: Walk, most: number): Iterable<WalkedBlock> {
    let block: Connection[] = [];
    // A Map is walked in the order of insertion, whatever is deleted or added meanwhile.
    for (const connection of this.#table.connections.values()) {
      const number = this.numberOf(connection);
      if (number > last || passed.has(number)) continue;
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
