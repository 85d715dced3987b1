/**
 * What was open of a run of an agent, and was gone with the first snapshot of the next one: it closed in between. Its end may
 * still come out of the spool, where the next run heard of it before its first scan, and may be told by a run after that.
 */
import type { ReportedSocket } from '../correlate/report.ts';
import { Continuable } from './continuation.ts';
import { vanishedMax } from './limits.ts';
import type { OpenedRow } from './opened-row.ts';

interface VanishedRow {
  readonly socket: ReportedSocket;
  readonly goneAtMs: number;
}

export class Vanished {
  #rows = new Continuable<VanishedRow>([]);

  /** @param gone with the first snapshot of a run; those that vanished longest ago are forgotten for them, where they are many */
  add(gone: readonly { readonly socket: ReportedSocket }[], goneAtMs: number): void {
    const rows = [...this.#rows.left(), ...gone.map(({ socket }) => ({ socket, goneAtMs }))];
    this.#rows = new Continuable(rows.slice(-vanishedMax));
  }

  /** After a reboot nothing is told of before. */
  clear(): void {
    this.#rows = new Continuable<VanishedRow>([]);
  }

  /** Whether a socket out of the spool is one of them; each is so once. */
  take(open: OpenedRow): boolean {
    // Its run found it there when it began.
    if (open.notBeforeMs !== 0 || open.closedAtMs === null) return false;
    const row = this.#rows.take(open);
    return row !== undefined && open.closedAtMs <= row.goneAtMs;
  }
}
