/**
 * A whole fleet in simulated time: agents that watch a true history, links that delay, break and lose, and an aggregator
 * that decodes, ingests and correlates what they write. No sockets, no timers, no real clock.
 */
import { pino } from 'pino';
import { defaultCorrelatorLimits } from '../../../aggregator/correlate/correlator.ts';
import type { SocketReports } from '../../../aggregator/correlate/report.ts';
import { Naming } from '../../../aggregator/graph/naming.ts';
import { Hosts } from '../../../aggregator/ingest/hosts.ts';
import { newIngestCounters } from '../../../aggregator/ingest/ingest-counters.ts';
import { defaultIngestLimits } from '../../../aggregator/ingest/limits.ts';
import { IngestSession, type SessionContext } from '../../../aggregator/ingest/session.ts';
import { SnapshotStarts } from '../../../aggregator/ingest/snapshot-starts.ts';
import { LiveView } from '../../../aggregator/live-view.ts';
import { emptyRequest, rowsMax } from '../../../aggregator/serve/request.ts';
import type { ConnectionDocument } from '../../../model/document.ts';
import { AgentMessageDecoder } from '../../../wire/agent-message.ts';
import { connections } from '../answers-at-once.ts';
import { Agenda } from './agenda.ts';
import { SimulatedAgent, scanIntervalMs } from './simulated-agent.ts';
import { Told } from './told.ts';
import { agentsReadyMs, changesOf, type History } from './true-history.ts';

/** Of the aggregator's clock. */
const startUnixMs = 1_700_000_000_000;
const usualDelayMs = 20;
const sweepIntervalMs = 1_000;
/** Nothing lingers out while a fleet is watched. */
const lingerMs = 24 * 60 * 60_000;

const log = pino({ level: 'silent' });

/** How a fleet is watched; by default as it is. */
export interface Watching {
  /** What comes between ingest and correlation: for faults that are planted. */
  readonly meddle?: (reports: SocketReports) => SocketReports;
  /**
   * Everything that agents say after the first seconds is held back until the history is over, and then delivered in
   * this order: the host that is next, again and again. Faults and delays of the plan do not happen.
   */
  readonly nextHost?: () => number;
  /** Whether a second passes before the next message of those that are held back. */
  readonly doesPass?: () => boolean;
  /** Connections that the core keeps at most; 0 = all are objects. */
  readonly plainMax?: number;
}

/** Agents are in step by then, and their clocks are known. */
const holdFromMs = agentsReadyMs - 1_000;

export class SimulatedFleet {
  readonly history: History;
  readonly view: LiveView;
  readonly told: Told;
  readonly counters = newIngestCounters();
  readonly agents: readonly SimulatedAgent[];
  readonly #agenda = new Agenda();
  readonly #hosts: Hosts;
  readonly #context: SessionContext;
  readonly #links: (Link | null)[] = [];
  /** Messages with rows that each host's agent wrote. */
  readonly #rowsSent: number[] = [];
  readonly #watching: Watching;
  /** What each host said and is held back. */
  readonly #held: (() => void)[][];
  #nowMs = 0;

  constructor(history: History, watching: Watching = {}) {
    this.history = history;
    this.#watching = watching;
    this.#held = history.sites.map(() => []);
    const unixMs = (): number => startUnixMs + this.#nowMs;
    this.view = new LiveView({
      naming: new Naming([], []),
      limits: { ...defaultCorrelatorLimits, lingerMs, plainMax: watching.plainMax ?? 1 << 12 },
      sinceMs: startUnixMs,
      clock: unixMs,
      hosts: () => this.#hosts.all(),
    });
    const meddle = watching.meddle ?? ((reports) => reports);
    this.told = new Told(history, meddle(this.view.reports), startUnixMs);
    this.#hosts = new Hosts(this.told, defaultIngestLimits, log);
    this.#context = {
      hosts: this.#hosts,
      reports: this.told,
      limits: defaultIngestLimits,
      snapshotStarts: new SnapshotStarts(defaultIngestLimits),
      counters: this.counters,
      decoder: new AgentMessageDecoder(),
      now: () => ({ unixMs: unixMs(), monotonicMs: this.#nowMs }),
      journal: null,
      serverId: 'simulated',
      version: '0',
      log,
    };
    this.agents = history.sites.map(({ number }) => new SimulatedAgent(history, number, startUnixMs));
  }

  /** Lets the whole history happen. */
  run(): void {
    const isHeld = this.#watching.nextHost !== undefined;
    for (const [n, agent] of this.agents.entries()) {
      this.#planScans(n);
      // As a real one, it looks before it dials.
      this.#agenda.at(agent.plan.phaseMs, () => this.#connect(n));
      if (!isHeld) this.#planFault(n);
    }
    for (let atMs = 0; atMs <= this.history.endMs; atMs += sweepIntervalMs) {
      this.#agenda.at(atMs, () => this.#sweep());
    }
    this.#agenda.play((atMs) => {
      this.#nowMs = atMs;
    });
    if (isHeld) this.#release(this.#watching.nextHost!);
  }

  #release(nextHost: () => number): void {
    while (this.#held.some((sayings) => sayings.length > 0)) {
      this.#held[nextHost() % this.#held.length]!.shift()?.();
      if (this.#watching.doesPass?.() === true) this.#pass();
    }
    for (let n = 0; n < 10; n++) this.#pass();
  }

  #pass(): void {
    this.#nowMs += sweepIntervalMs;
    this.view.correlator.sweep(startUnixMs + this.#nowMs);
  }

  /** What `GET /api/v1/connections` answers now. */
  documents(): readonly ConnectionDocument[] {
    const request = { ...emptyRequest, limit: rowsMax };
    return connections(this.view, request, startUnixMs + this.#nowMs).connections;
  }

  #sweep(): void {
    const unixMs = startUnixMs + this.#nowMs;
    const isHolding = this.#watching.nextHost !== undefined && this.#nowMs >= holdFromMs;
    if (!isHolding) {
      this.#hosts.sweep({ unixMs, monotonicMs: this.#nowMs });
      this.view.correlator.sweep(unixMs);
    }
    for (const agent of this.agents) agent.beat(this.#nowMs);
  }

  /** Only the scans that show something else than the one before, with those that bound when it happened. */
  #planScans(n: number): void {
    const { phaseMs, fault } = this.agents[n]!.plan;
    const away = fault.kind === 'restart' && this.#watching.nextHost === undefined ? fault : null;
    const moments = [0, ...changesOf(this.history, n)];
    if (away !== null) moments.push(away.fromMs + away.forMs);
    const ticks = new Set<number>();
    for (const atMs of moments) {
      const tick = Math.floor((atMs - phaseMs) / scanIntervalMs);
      for (const near of [tick, tick + 1, tick + 2, tick + 3]) if (near >= 0) ticks.add(near);
    }
    for (const tick of ticks) {
      const atMs = phaseMs + tick * scanIntervalMs;
      if (away !== null && atMs >= away.fromMs && atMs < away.fromMs + away.forMs) continue;
      this.#agenda.at(atMs, () => this.agents[n]!.scan(atMs));
    }
  }

  #planFault(n: number): void {
    const { fault } = this.agents[n]!.plan;
    if (fault.kind === 'none' || fault.kind === 'resync') return;
    this.#agenda.at(fault.fromMs, () => {
      this.#break(n);
      if (fault.kind === 'restart') this.agents[n]!.restart();
    });
    const backMs = fault.fromMs + fault.forMs;
    const looksFirst = fault.kind === 'restart';
    this.#agenda.at(looksFirst ? this.#nextScanMs(n, backMs) : backMs, () => this.#connect(n));
  }

  #nextScanMs(n: number, atMs: number): number {
    const { phaseMs } = this.agents[n]!.plan;
    return phaseMs + Math.ceil((atMs - phaseMs) / scanIntervalMs) * scanIntervalMs;
  }

  #break(n: number): void {
    const link = this.#links[n] ?? null;
    if (link !== null) {
      link.isOver = true;
      link.session.close();
    }
    this.#links[n] = null;
    this.agents[n]!.disconnect();
  }

  #connect(n: number): void {
    const agent = this.agents[n]!;
    const session = new IngestSession(
      {
        say: (saying) =>
          this.#agenda.at(this.#nowMs + usualDelayMs, () => {
            if (!link.isOver) agent.hear(saying, this.#nowMs);
          }),
        end: (code, reason) => {
          throw new Error(`the aggregator ended the stream of h${n}: ${code}, ${reason}`);
        },
      },
      this.#context,
    );
    const link: Link = { session, isOver: false, lastMs: 0 };
    this.#links[n] = link;
    agent.connect({ send: (bytes, hasRows) => this.#send(n, link, bytes, hasRows) }, this.#nowMs);
  }

  /** What is written arrives in its order, if the link is still there. */
  #send(n: number, link: Link, bytes: Buffer, hasRows: boolean): void {
    const { delaysMs, fault } = this.agents[n]!.plan;
    const sent = this.#rowsSent[n] ?? 0;
    if (hasRows) this.#rowsSent[n] = sent + 1;
    const receive = (): void => {
      if (!link.isOver) link.session.receive(bytes);
    };
    if (this.#watching.nextHost !== undefined) {
      if (this.#nowMs >= holdFromMs) this.#held[n]!.push(receive);
      else this.#agenda.at(this.#nowMs + usualDelayMs, receive);
      return;
    }
    if (hasRows && fault.kind === 'resync' && sent === fault.message) return;
    const delayMs = hasRows ? (delaysMs[sent] ?? usualDelayMs) : usualDelayMs;
    link.lastMs = Math.max(link.lastMs, this.#nowMs + delayMs);
    this.#agenda.at(link.lastMs, receive);
  }
}

interface Link {
  readonly session: IngestSession;
  isOver: boolean;
  /** When the last message arrives. */
  lastMs: number;
}
