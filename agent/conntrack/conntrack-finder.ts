/**
 * What conntrack tells beside the scans: how it sees the sockets that were opened, whom UDP sockets talk to that are
 * connected to none, and which translated conversations this host only passes on.
 */
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { Scan } from '../collector.ts';
import type { FinderFigure, SocketFinder } from '../finder.ts';
import { LibcError } from '../libc.ts';
import { isLittleEndian } from '../netlink/byte-order.ts';
import { ConntrackExchange } from '../netlink/conntrack-socket.ts';
import { type LoadDatagramCalls, loadDatagramCalls } from '../netlink/datagram-calls.ts';
import { NetnsEntry } from '../netlink/netns-entry.ts';
import { readConntrackCount } from '../procfs/nf-conntrack-count.ts';
import { isProcMount } from '../procfs/proc-mount.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { type Succession, unheard } from '../succession.ts';
import { natCannotSee } from './cannot-see.ts';
import { ConntrackTables } from './conntrack-tables.ts';
import { DatagramSockets } from './datagram-sockets.ts';
import { ForwardedFlows } from './forwarded-flows.ts';
import type { NatMode } from './nat-mode.ts';
import { Translations } from './translations.ts';
import { UnconnectedPeers } from './unconnected-peers.ts';

/** Events between two looks at the clock. */
const eventsPerLook = 1_000;

export interface ConntrackOptions {
  readonly nat: NatMode;
  readonly procRoot: string;
  readonly loadCalls?: LoadDatagramCalls;
}

const seesAll = {
  isOff: false,
  problem: null,
  refusal: null,
  entryRefusal: null,
  hasZones: false,
  isUntracked: false,
  isCrowded: false,
} as const;

interface Parts {
  readonly exchange: ConntrackExchange;
  readonly tables: ConntrackTables;
  readonly translations: Translations;
  readonly flows: ForwardedFlows;
  readonly datagrams: DatagramSockets;
  readonly peers: UnconnectedPeers;
}

export class ConntrackFinder implements SocketFinder {
  readonly #options: ConntrackOptions;
  /** null = off, or netlink cannot be used. */
  readonly #parts: Parts | null;
  readonly #problem: string | null;

  private constructor(options: ConntrackOptions, parts: Parts | null, problem: string | null) {
    this.#options = options;
    this.#parts = parts;
    this.#problem = problem;
  }

  /** Where netlink cannot be used it finds nothing, and says so. */
  static async open(options: ConntrackOptions): Promise<ConntrackFinder> {
    if (options.nat === 'off') return new ConntrackFinder(options, null, null);
    try {
      return new ConntrackFinder(options, await openParts(options), null);
    } catch (error) {
      return new ConntrackFinder(options, null, (error as Error).message);
    }
  }

  async find(
    events: readonly SocketEvent[],
    { netns, finishedAtMs }: Scan,
    succession: Succession = unheard,
  ): Promise<SocketFinding[]> {
    if (this.#parts === null) return [];
    const { tables, translations, flows, datagrams, peers } = this.#parts;
    const nowMs = performance.now();
    const slice = new TimeSlice();
    for (const [i, event] of events.entries()) {
      if (i % eventsPerLook === 0 && slice.isUsedUp()) await slice.rest();
      datagrams.note(event, nowMs);
    }
    if (!this.#isTracking) return [];
    tables.begin();
    tables.keep(new Set(netns.map(({ inode }) => inode)));
    // A refusal is to be known also while there is nothing to ask.
    tables.isTracking(tables.own, null);
    await translations.note(events, slice);
    const found = await translations.find(finishedAtMs, slice, succession);
    const passedOn = await flows.find(netns, translations.isNatConfigured, finishedAtMs, slice);
    const talked = await peers.find(events, netns, nowMs, finishedAtMs, slice);
    // What is told of them is as their own namespace sees them; that of the host may translate further.
    await translations.note(
      talked.flatMap((each) => this.#asOpening(each)),
      slice,
    );
    return [...found, ...passedOn, ...talked];
  }

  #asOpening(finding: SocketFinding): SocketEvent[] {
    const { tables, datagrams } = this.#parts!;
    if (finding.kind !== 'peer-opened') return [];
    const { netns } = finding.socket;
    const isInnermost = netns === tables.own || !tables.isTracking(netns, datagrams.pidIn(netns));
    return isInnermost ? [] : [{ ...finding, kind: 'opened', notBeforeMs: 0 }];
  }

  async findAtOnce(events: readonly SocketEvent[], succession: Succession): Promise<SocketFinding[]> {
    if (this.#parts === null || !this.#isTracking) return [];
    this.#parts.tables.begin();
    return this.#parts.translations.findAtOnce(events, performance.now(), succession);
  }

  /** Where the kernel tracks nothing, nothing is translated. */
  get cannotSee(): string[] {
    const { tables, flows, datagrams, peers } = this.#parts ?? {};
    const isTracking = this.#isTracking;
    const isUntracked = isTracking ? peers?.isUntracked : datagrams?.hasUnconnected(tables!.own);
    if (!isTracking) return natCannotSee({ ...seesAll, isUntracked: isUntracked === true });
    return natCannotSee({
      isOff: this.#options.nat === 'off',
      problem: this.#problem,
      refusal: tables?.refusal ?? null,
      entryRefusal: tables?.entryRefusal ?? null,
      hasZones: (flows?.zonedTotal ?? 0) > 0,
      isUntracked: isUntracked === true,
      isCrowded: peers?.isCrowded === true,
    });
  }

  get tables(): readonly BoundedTable[] {
    if (this.#parts === null) return [];
    const { tables, translations, flows, peers } = this.#parts;
    return [tables.table, translations.table, flows.table, peers.table];
  }

  get figures(): readonly FinderFigure[] {
    if (this.#parts === null) return [];
    const { exchange, translations, flows, peers } = this.#parts;
    const { lookUps } = translations;
    return [
      counter('conntrack_look_ups', 'Questions to conntrack.', () => lookUps.asked),
      counter('conntrack_hits', 'Questions to conntrack that an entry answers.', () => lookUps.hits),
      counter('conntrack_unanswered', 'Questions to conntrack without an answer.', () => lookUps.unanswered),
      counter('conntrack_translated', 'Sockets found translated.', () => translations.translatedTotal),
      counter(
        'conntrack_disbelieved',
        'Answers that may be about a later connection with the same four-tuple, and are not told.',
        () => translations.disbelievedTotal,
      ),
      counter(
        'conntrack_malformed',
        'Conntrack messages that cannot be read.',
        () => exchange.malformedTotal,
      ),
      counter(
        'conntrack_passed_over',
        'Short connections not looked up, as there were too many.',
        () => translations.passedOverTotal,
      ),
      counter('conntrack_event_losses', 'Times that the kernel dropped events.', () => flows.lossesTotal),
      counter('datagram_peers', 'Peers of unconnected UDP sockets.', () => peers.foundTotal),
      counter(
        'conntrack_failed_dumps',
        'Dumps of conntrack that failed.',
        () => flows.failedDumpsTotal + peers.failedLooksTotal,
      ),
    ];
  }

  /** Idempotent. */
  close(): void {
    this.#parts?.flows.close();
    this.#parts?.tables.close();
  }

  /** Whether the kernel tracks connections. Asking a kernel that does not would load the module that does. */
  get #isTracking(): boolean {
    return readConntrackCount(this.#options.procRoot) !== null;
  }
}

/** Throws where netlink cannot be used; the message says why. */
async function openParts({ procRoot, loadCalls = loadDatagramCalls }: ConntrackOptions): Promise<Parts> {
  if (!isProcMount(procRoot)) throw new LibcError(`${procRoot} is a copy of /proc, not the kernel's own`);
  if (!isLittleEndian()) throw new LibcError('this machine is big-endian');
  const calls = await loadCalls();
  const exchange = new ConntrackExchange(calls);
  const tables = new ConntrackTables(exchange, NetnsEntry.open(calls), procRoot);
  const datagrams = new DatagramSockets();
  return {
    exchange,
    tables,
    datagrams,
    peers: new UnconnectedPeers(exchange, tables, datagrams),
    translations: new Translations(tables),
    flows: new ForwardedFlows(exchange, tables, procRoot),
  };
}

function counter(name: string, help: string, read: () => number): FinderFigure {
  return { kind: 'counter', name, help, read };
}
