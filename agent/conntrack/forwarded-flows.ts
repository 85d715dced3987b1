/**
 * What this host passes on in translation: hears of new conversations from the kernel, and reads those that were there
 * before, or were missed, from a dump.
 *
 *     not forwarding ──▶ looking (a dump now and then) ──▶ hearing (events; a dump after each loss)
 *
 * Listening costs every new connection of the host a little, so it waits until something translates.
 */
import type { IpAddress } from '../../model/ip.ts';
import type { Netns } from '../../model/netns.ts';
import type { SocketFinding } from '../../model/socket-event.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { dumpTranslated } from '../netlink/conntrack-dump.ts';
import type { ConntrackEntry } from '../netlink/conntrack-entry.ts';
import { ConntrackEvents } from '../netlink/conntrack-events.ts';
import { type ConntrackAnswer, type ConntrackExchange, questionsMax } from '../netlink/conntrack-socket.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { readForwarding } from '../procfs/ip-forward.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { ConntrackTables } from './conntrack-tables.ts';
import { type Flow, FlowTable } from './flow-table.ts';

/** Between two looks at a table in which nothing was translated so far. */
const lookEveryMs = 60_000;

/** Entries that are judged between two looks at the clock. */
const entriesPerLook = 500;

/** Flows asked after in one round. */
const checksPerRoundMax = 5_000;

export class ForwardedFlows {
  readonly #exchange: ConntrackExchange;
  readonly #tables: ConntrackTables;
  readonly #procRoot: string;
  readonly #flows: FlowTable;
  /** null while there is nothing to hear. */
  #events: ConntrackEvents | null = null;
  #lookAtMs = 0;
  #isDumping = false;
  /** What a dump has brought since the last round. */
  #dumped: readonly ConntrackEntry[] = [];
  #isClosed = false;
  /** Losses of events, each followed by a dump. */
  lossesTotal = 0;
  /** Dumps that failed. */
  failedDumpsTotal = 0;
  /** Translated conversations in a zone of their own, of which one cannot ask. */
  zonedTotal = 0;

  constructor(exchange: ConntrackExchange, tables: ConntrackTables, procRoot: string) {
    this.#exchange = exchange;
    this.#tables = tables;
    this.#procRoot = procRoot;
    this.#flows = new FlowTable(tables.own);
  }

  get table(): BoundedTable {
    return this.#flows.table;
  }

  /**
   * What became different since the last round.
   *
   * @param isNatConfigured whether anything may be translated here, as far as look-ups have shown
   */
  async find(
    netns: readonly Netns[],
    isNatConfigured: boolean,
    nowMs: number,
    slice: TimeSlice,
  ): Promise<SocketFinding[]> {
    if (this.#events === null) this.#look(isNatConfigured, nowMs);
    const news = this.#events?.take() ?? { entries: [], isLossy: false };
    if (news.isLossy) {
      this.lossesTotal++;
      this.#dump();
    }
    const dumped = this.#dumped;
    this.#dumped = [];
    const due = this.#flows.takeDue(nowMs, checksPerRoundMax);
    const findings: SocketFinding[] = [];
    if (dumped.length + news.entries.length + due.length === 0) return findings;
    const own = addressesOf(netns);
    // What was dumped is older than what was heard since.
    await this.#see([...dumped, ...news.entries], own, nowMs, slice, findings);
    await this.#check(due, own, nowMs, slice, findings);
    return findings;
  }

  /** Idempotent. A dump that is under way ends by itself. */
  close(): void {
    this.#isClosed = true;
    this.#events?.close();
    this.#events = null;
  }

  /** Begins to listen where there is something to hear, else looks whether there is. */
  #look(isNatConfigured: boolean, nowMs: number): void {
    const isWorthHearing = isNatConfigured || this.#dumped.length > 0;
    if (!isWorthHearing && nowMs < this.#lookAtMs) return;
    if (!readForwarding(this.#procRoot) || !this.#tables.isTracking(this.#tables.own, null)) return;
    this.#lookAtMs = nowMs + lookEveryMs;
    if (isWorthHearing) this.#listen();
    this.#dump();
  }

  #listen(): void {
    try {
      this.#events = ConntrackEvents.open(this.#exchange);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.failedDumpsTotal++;
    }
  }

  #dump(): void {
    if (this.#isDumping || this.#isClosed) return;
    this.#isDumping = true;
    dumpTranslated(this.#exchange)
      .then(
        (entries) => {
          this.#dumped = entries;
        },
        () => {
          this.failedDumpsTotal++;
        },
      )
      .finally(() => {
        this.#isDumping = false;
      });
  }

  async #see(
    entries: readonly ConntrackEntry[],
    own: ReadonlySet<IpAddress>,
    nowMs: number,
    slice: TimeSlice,
    findings: SocketFinding[],
  ): Promise<void> {
    for (const [i, entry] of entries.entries()) {
      if (i % entriesPerLook === 0 && slice.isUsedUp()) await slice.rest();
      if (entry.zone !== 0) this.zonedTotal++;
      findings.push(...this.#flows.see(entry, own, nowMs));
    }
  }

  /** Asks after flows that were not asked after for a while. */
  async #check(
    due: readonly Flow[],
    own: ReadonlySet<IpAddress>,
    nowMs: number,
    slice: TimeSlice,
    findings: SocketFinding[],
  ): Promise<void> {
    const isTracking = this.#tables.isTracking(this.#tables.own, null);
    for (let from = 0; from < due.length; from += questionsMax) {
      if (slice.isUsedUp()) await slice.rest();
      const asked = due.slice(from, from + questionsMax);
      const answers = isTracking ? this.#ask(asked) : [];
      for (const [i, flow] of asked.entries()) {
        findings.push(...this.#flows.checked(flow, answers[i] ?? 'none', own, nowMs));
      }
    }
  }

  #ask(flows: readonly Flow[]): ConntrackAnswer[] {
    const questions = flows.map(({ flow }) => ({ protocol: flow.protocol, tuple: flow.dialed }));
    return this.#tables.ask(this.#tables.own, questions);
  }
}

function addressesOf(netns: readonly Netns[]): Set<IpAddress> {
  return new Set(netns.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)));
}
