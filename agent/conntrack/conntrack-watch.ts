/**
 * What conntrack tells beside the scans: how it sees the sockets that were opened, and which translated conversations this
 * host only passes on. Never fails: what it cannot find out it says in `cannotSee`.
 *
 *     const conntrack = await ConntrackWatch.open({ nat: 'auto', procRoot: '/proc' });
 *     for (const told of await conntrack.follow(scan, watch.apply(scan))) slots.apply(told);
 */
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import type { Scan } from '../collector.ts';
import { LibcError } from '../libc.ts';
import { isLittleEndian } from '../netlink/byte-order.ts';
import { ConntrackExchange } from '../netlink/conntrack-socket.ts';
import { type LoadDatagramCalls, loadDatagramCalls } from '../netlink/datagram-calls.ts';
import { NetnsEntry } from '../netlink/netns-entry.ts';
import { readConntrackCount } from '../procfs/nf-conntrack-count.ts';
import { isProcMount } from '../procfs/proc-mount.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { natCannotSee } from './cannot-see.ts';
import { ConntrackTables } from './conntrack-tables.ts';
import { ForwardedFlows } from './forwarded-flows.ts';
import type { NatMode } from './nat-mode.ts';
import { Translations } from './translations.ts';

export interface ConntrackOptions {
  readonly nat: NatMode;
  readonly procRoot: string;
  readonly loadCalls?: LoadDatagramCalls;
}

/** Values of metrics. */
export interface ConntrackFigures {
  readonly lookUps: number;
  readonly hits: number;
  readonly unanswered: number;
  readonly translated: number;
  readonly waiting: number;
  readonly refused: number;
  readonly flows: number;
  readonly refusedFlows: number;
  readonly eventLosses: number;
  readonly failedDumps: number;
  readonly malformed: number;
}

interface Parts {
  readonly exchange: ConntrackExchange;
  readonly tables: ConntrackTables;
  readonly translations: Translations;
  readonly flows: ForwardedFlows;
}

export class ConntrackWatch {
  readonly #options: ConntrackOptions;
  /** null = off, or netlink cannot be used. */
  readonly #parts: Parts | null;
  readonly #problem: string | null;

  private constructor(options: ConntrackOptions, parts: Parts | null, problem: string | null) {
    this.#options = options;
    this.#parts = parts;
    this.#problem = problem;
  }

  static async open(options: ConntrackOptions): Promise<ConntrackWatch> {
    if (options.nat === 'off') return new ConntrackWatch(options, null, null);
    try {
      return new ConntrackWatch(options, await openParts(options), null);
    } catch (error) {
      return new ConntrackWatch(options, null, (error as Error).message);
    }
  }

  /** The events with what was found out: of a socket right after its opening, the rest at the end. */
  async follow(scan: Scan, events: readonly SocketEvent[]): Promise<(SocketEvent | SocketFinding)[]> {
    if (this.#parts === null || !this.#isTracking) return [...events];
    const { tables, translations, flows } = this.#parts;
    const slice = new TimeSlice();
    const nowMs = scan.finishedAtMs;
    tables.begin(new Set(scan.netns.map(({ inode }) => inode)));
    translations.note(events, nowMs);
    const found = await translations.find(nowMs, slice);
    const passedOn = await flows.find(scan.netns, translations.isNatConfigured, nowMs, slice);
    return [...woven(events, found), ...passedOn];
  }

  /** Empty where the kernel tracks nothing, since nothing is translated there. */
  get cannotSee(): string[] {
    if (!this.#isTracking) return [];
    const tables = this.#parts?.tables;
    return natCannotSee({
      isOff: this.#options.nat === 'off',
      problem: this.#problem,
      refusal: tables?.refusal ?? null,
      entryRefusal: tables?.entryRefusal ?? null,
      hasZones: (this.#parts?.flows.zonedTotal ?? 0) > 0,
    });
  }

  get figures(): ConntrackFigures {
    const { exchange, translations, flows } = this.#parts ?? {};
    return {
      lookUps: translations?.lookUps.asked ?? 0,
      hits: translations?.lookUps.hits ?? 0,
      unanswered: translations?.lookUps.unanswered ?? 0,
      translated: translations?.translatedTotal ?? 0,
      waiting: translations?.waitingCount ?? 0,
      refused: translations?.refusedTotal ?? 0,
      flows: flows?.size ?? 0,
      refusedFlows: flows?.refusedTotal ?? 0,
      eventLosses: flows?.lossesTotal ?? 0,
      failedDumps: flows?.failedDumpsTotal ?? 0,
      malformed: exchange?.malformedTotal ?? 0,
    };
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
  return {
    exchange,
    tables,
    translations: new Translations(tables),
    flows: new ForwardedFlows(exchange, tables, procRoot),
  };
}

/** A finding about a socket that opens and closes among the events has to come between the two. */
function woven(
  events: readonly SocketEvent[],
  findings: readonly SocketFinding[],
): (SocketEvent | SocketFinding)[] {
  if (findings.length === 0) return [...events];
  const left = new Map(findings.map((finding) => [finding.id, finding]));
  const told: (SocketEvent | SocketFinding)[] = [];
  for (const event of events) {
    told.push(event);
    const finding = event.kind === 'opened' ? left.get(event.id) : undefined;
    if (finding === undefined) continue;
    told.push(finding);
    left.delete(event.id);
  }
  return [...told, ...left.values()];
}
