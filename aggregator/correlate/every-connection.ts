/** All connections of the live view: those that are objects, and those in the core, which are made for who asks. */
import { concludeDirection } from './conclusions.ts';
import { type Connection, otherSide } from './connection.ts';
import type { ConnectionIds } from './connection-ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import { type Listening, listenerThen } from './listener-behind.ts';
import { listeningSide, type PlainRow } from './plain-reading.ts';
import type { PlainRows } from './plain-rows.ts';

/** What is made of the core changes nothing there when it is changed. */
export class EveryConnection {
  readonly #table: ConnectionTable;
  readonly #rows: PlainRows;
  readonly #ids: ConnectionIds;
  readonly #listening: Listening;

  constructor(table: ConnectionTable, rows: PlainRows, ids: ConnectionIds, listening: Listening) {
    this.#table = table;
    this.#rows = rows;
    this.#ids = ids;
    this.#listening = listening;
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
