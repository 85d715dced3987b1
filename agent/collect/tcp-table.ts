/**
 * The TCP sockets of one network namespace, by dumps that leave established connections out while none of them can have
 * changed. They are most of what a dump costs, and hardly any changes within a second; all others (listeners, handshakes,
 * what is being closed) are few, and are dumped each time.
 *
 *     moving    everything is dumped
 *     resting   the others are dumped, and the connections of the last dump of everything believed, as long as
 *
 *       - none began:      ActiveOpens and PassiveOpens count a connection before it is established
 *       - none broke off:  EstabResets
 *       - none is missing: of those that closed otherwise, CurrEstab has one less than there are rows
 *       - none was accepted: those that have no inode yet are asked for one by one
 *       - there is no connection of several paths, whose subflows are let go of without any such sign
 *       - it is not for longer than restMaxMs: a socket can be given another user (fchown) without any sign at all
 *
 * A connection that goes on in another state shows among the others, and is dropped here. No count is taken on trust: what
 * the kernel counts has to be what the last dump of everything showed, or the next is one of everything again.
 */

import type { OwnedSocket } from '../../model/socket.ts';
import type { Protocol } from '../../model/socket-state.ts';
import type { Cell, CellWatcher, DiagRows, MakeRow, RowTaker } from '../netlink/diag-rows.ts';
import { type DiagIdentity, everyState, messageStateAt, stateMask } from '../netlink/inet-diag.ts';
import type { Malformed, SockDiag } from '../netlink/sock-diag.ts';
import type { TcpCounters, TcpTotals } from '../procfs/net-snmp.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { unsettledOwners } from '../resolve/holdings.ts';

/** How long connections are believed without having been dumped. */
export const restMaxMs = 10_000;

/** After how many connections that wait to be accepted is asked, at 10 µs each; with more, everything is dumped. */
export const queuedMax = 64;

const established = 1;
const closeWait = 8;

const everything = { protocol: 'tcp', states: everyState } as const;
const others = { protocol: 'tcp', states: everyState & ~stateMask([established]) } as const;

/** What the last dump of everything found. */
interface Resting {
  readonly totals: TcpTotals;
  readonly untilMs: number;
  /** Connections without an inode. */
  readonly queued: readonly Cell<OwnedSocket>[];
}

/** What it asks of the namespace. */
type Diag = Pick<SockDiag, 'keep' | 'dumpKept' | 'isThere'>;
type Counters = Pick<TcpCounters, 'read' | 'hasMultipath' | 'close'>;

/** Opens them in the namespace of the table; null where they are not to be had. */
export type OpenCounters = () => Counters | null;

export class TcpTable {
  readonly #diag: Diag;
  readonly #established: DiagRows<OwnedSocket>;
  readonly #others: DiagRows<OwnedSocket>;
  readonly #byState: RowTaker;
  /** Undefined until there is a connection; null where they are not to be had. */
  #counters: Counters | null | undefined;
  /** Null while it is moving. */
  #resting: Resting | null = null;
  /** Whether CurrEstab has those in CLOSE_WAIT too; null = nothing has told yet. */
  #countsCloseWait: boolean | null = null;
  /** Dumps of everything, since the start. */
  dumpsOfEverything = 0;

  constructor(diag: Diag, watcher: CellWatcher<OwnedSocket> | null) {
    this.#diag = diag;
    this.#established = diag.keep(unowned, watcher);
    this.#others = diag.keep(unowned, watcher);
    this.#byState = new RowsByState(this.#established, this.#others);
  }

  /** Brings the rows up to date. Throws NetlinkError, and its SockDiag is closed then. @param nowMs on a monotonic clock */
  async dump(nowMs: number, slice: TimeSlice, openCounters: OpenCounters): Promise<Malformed> {
    if (this.#counters === undefined && this.#established.size > 0) this.#counters = openCounters();
    const resting = this.#resting;
    if (resting !== null && nowMs < resting.untilMs && this.#isAsAt(resting)) {
      this.#others.begin();
      const malformed = await this.#diag.dumpKept(others, this.#byState, slice);
      this.#others.end();
      if (this.#isStillAt(resting)) return malformed;
    }
    return this.#dumpEverything(nowMs, slice);
  }

  /** Established connections, and all others; each the same array as before when nothing of it changed. */
  parts(): readonly (readonly OwnedSocket[])[] {
    return [this.#established.values(), this.#others.values()];
  }

  /** What names the socket of a row to the kernel. */
  identity(cell: Cell<OwnedSocket>): DiagIdentity {
    return (this.#established.has(cell) ? this.#established : this.#others).identity(cell);
  }

  /** Has everything dumped next time: a row turned out to be wrong. */
  stir(): void {
    this.#resting = null;
  }

  /** Forgets everything, and lets go of the namespace. */
  close(): void {
    this.#established.clear();
    this.#others.clear();
    this.#counters?.close();
  }

  async #dumpEverything(nowMs: number, slice: TimeSlice): Promise<Malformed> {
    this.dumpsOfEverything++;
    this.#resting = null;
    const before = this.#readTotals();
    this.#established.begin();
    this.#others.begin();
    const malformed = await this.#diag.dumpKept(everything, this.#byState, slice);
    this.#established.end();
    this.#others.end();
    const after = this.#readTotals();
    if (before === null || after === null || malformed.malformedTotal > 0) return malformed;
    if (!isEqual(before, after) || this.#counters?.hasMultipath() !== false) return malformed;
    const queued = this.#established.cellsWithoutInode();
    this.#learn(before.established);
    if (queued.length > queuedMax || !this.#isCount(before.established)) return malformed;
    this.#resting = { totals: before, untilMs: nowMs + restMaxMs, queued };
    return malformed;
  }

  /** Tells from the counters alone, so that nothing is dumped twice. */
  #isAsAt({ totals }: Resting): boolean {
    const now = this.#readTotals();
    return now !== null && now.opens === totals.opens && now.resets === totals.resets;
  }

  /** Tells when the others are known. The counters come last: whatever happened before is in them. */
  #isStillAt(resting: Resting): boolean {
    for (const cell of resting.queued) {
      if (!this.#established.has(cell)) continue;
      if (!this.#diag.isThere(this.#established.identity(cell), 0)) return false;
    }
    const now = this.#readTotals();
    if (now === null || now.opens !== resting.totals.opens || now.resets !== resting.totals.resets)
      return false;
    return this.#isCount(now.established);
  }

  /** Whether the kernel counts as many connections as there are rows. */
  #isCount(counted: number): boolean {
    const waiting = this.#others.countOf(closeWait);
    if (waiting > 0 && this.#countsCloseWait === null) return false;
    return counted === this.#established.size + (this.#countsCloseWait === true ? waiting : 0);
  }

  /** @param counted while nothing changed */
  #learn(counted: number): void {
    const waiting = this.#others.countOf(closeWait);
    if (waiting === 0) return;
    const without = counted - this.#established.size;
    this.#countsCloseWait = without === waiting ? true : without === 0 ? false : null;
  }

  #readTotals(): TcpTotals | null {
    return this.#counters?.read() ?? null;
  }
}

/** Keeps established connections apart from all others. A torn table may show a socket in both; the later row counts. */
class RowsByState implements RowTaker {
  readonly #established: DiagRows<OwnedSocket>;
  readonly #others: DiagRows<OwnedSocket>;

  constructor(establishedRows: DiagRows<OwnedSocket>, otherRows: DiagRows<OwnedSocket>) {
    this.#established = establishedRows;
    this.#others = otherRows;
  }

  get taken(): number {
    return this.#established.taken + this.#others.taken;
  }

  mark(): () => void {
    const takeBack = [this.#established.mark(), this.#others.mark()];
    return () => {
      for (const each of takeBack) each();
    };
  }

  take(bytes: Buffer, words: Uint32Array, at: number, end: number, protocol: Protocol): void {
    const isEstablished = bytes[at + messageStateAt] === established;
    const into = isEstablished ? this.#established : this.#others;
    const from = isEstablished ? this.#others : this.#established;
    if (into.take(bytes, words, at, end, protocol)) from.drop(words, at);
  }
}

/** The owners of such a row are still to be found. */
export const unowned: MakeRow<OwnedSocket> = (parser, bytes, at, protocol) => {
  return parser.parseOwned(bytes, at, protocol, unsettledOwners);
};

function isEqual(a: TcpTotals, b: TcpTotals): boolean {
  return a.opens === b.opens && a.resets === b.resets && a.established === b.established;
}
