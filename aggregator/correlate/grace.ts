/** Connections that are not placed yet, as the other end of a lone half may still be on its way. */
import type { Connection } from './connection.ts';

export class Grace {
  /** In the order of their first report. */
  readonly #waiting = new Set<Connection>();
  readonly #graceMs: number;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(connection: Connection): void {
    this.#waiting.add(connection);
  }

  delete(connection: Connection): void {
    this.#waiting.delete(connection);
  }

  /** Those that have waited long enough. They may be deleted meanwhile. */
  *over(nowMs: number): Iterable<Connection> {
    for (const connection of this.#waiting) if (!this.isWithin(connection, nowMs)) yield connection;
  }

  isWithin(connection: Connection, nowMs: number): boolean {
    const waitedMs = nowMs - connection.reportedAtMs;
    // Below 0 when the clock was set back.
    return waitedMs >= 0 && waitedMs < this.#graceMs;
  }
}
