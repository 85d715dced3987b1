/**
 * A whole aggregator without its doors, which keeps a journal on a disk in memory, and real agents' streams to it: a test
 * decides how time goes on, and when the aggregator is killed.
 */
import { status } from '@grpc/grpc-js';
import { BatchBuilder } from '../../../agent/export/batch-builder.ts';
import type { Connect } from '../../../agent/export/connection.ts';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';
import { SlotTable } from '../../../agent/export/slot-table.ts';
import { AgentStream } from '../../../agent/export/stream.ts';
import { defaultCorrelatorLimits } from '../../../aggregator/correlate/correlator.ts';
import { Naming } from '../../../aggregator/graph/naming.ts';
import { createIngest, type Ingest } from '../../../aggregator/ingest/ingest.ts';
import { type Kept, openKept, startKeeping } from '../../../aggregator/journal/keeping.ts';
import type { JournalLimits } from '../../../aggregator/journal/limits.ts';
import { LiveView } from '../../../aggregator/live-view.ts';
import type { ConnectionView, FleetEvent } from '../../../aggregator/serve/fleet-view.ts';
import type { Timers } from '../../../model/timers.ts';
import type { ServerSaying } from '../../../wire/server-message.ts';
import { netnsOf } from '../../agent/export/sockets.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';
import { helloOf, silent } from '../ingest/in-memory-link.ts';

const sweepMs = 500;

export class KeptAggregator {
  readonly time = new ManualTime(1_700_000_000_000);
  readonly disk = new MemoryDisk();
  readonly #limits: Partial<JournalLimits>;
  view!: LiveView;
  ingest!: Ingest;
  kept: Kept | null = null;
  /** What a watcher of this run was told. */
  events: FleetEvent[] = [];
  #run = 0;
  readonly #calls = new Set<{ end(reason: string): void }>();

  constructor(limits: Partial<JournalLimits> = {}) {
    this.#limits = limits;
  }

  async start(): Promise<void> {
    const { time, disk } = this;
    const timers = this.#timersOfRun();
    const options = {
      log: silent,
      disk,
      clock: time,
      timers: { ...timers, soon: soonForReal },
      limits: this.#limits,
      takeFolder: async () => ({ kind: 'taken', lock: { close: () => undefined } }) as const,
    };
    const bytesMax = this.#limits.journalBytesMax ?? 1 << 30;
    const folder = await openKept({ folder: '/data', isChosen: true, bytesMax }, options);
    const limits = { ...defaultCorrelatorLimits, plainMax: 1 << 12 };
    const sinceMs = folder!.checkpoint?.sinceMs ?? time.nowMs();
    const view: LiveView = new LiveView({
      naming: new Naming([], []),
      limits,
      sinceMs,
      startedMs: time.nowMs(),
      clock: time.nowMs,
      monotonicClock: time.monotonicMs,
      hosts: () => ingest.hosts(),
    });
    const ingest = createIngest({
      reports: view.reports,
      clock: time.nowMs,
      monotonicClock: time.monotonicMs,
      timers,
      log: silent,
      serverId: 'test',
      version: '0',
    });
    [this.view, this.ingest] = [view, ingest];
    this.kept = await startKeeping(folder!, { view, ingest }, options);
    this.events = [];
    view.subscribe((event) => this.events.push(event));
    timers.every(sweepMs, () => {
      ingest.sweep(time.nowMs());
      view.correlator.sweep(time.nowMs());
    });
  }

  /** Those of one run, which call nobody once it is killed. */
  #timersOfRun(): Timers {
    const run = ++this.#run;
    const ifAlive = (call: () => void) => (): void => {
      if (run === this.#run) call();
    };
    return {
      after: (ms, call) => this.time.after(ms, ifAlive(call)),
      every: (ms, call) => this.time.every(ms, ifAlive(call)),
      soon: (call) => this.time.soon(ifAlive(call)),
    };
  }

  /** Kills it: what was not synced is gone. */
  kill(left?: (length: number) => number): void {
    this.#run++;
    this.kept = null;
    this.disk.crash(left);
    for (const call of this.#calls) call.end('the aggregator is gone');
    this.#calls.clear();
  }

  async restart(left?: (length: number) => number): Promise<void> {
    this.kill(left);
    await this.start();
  }

  /** Carries streams of agents at once, in both directions. */
  readonly connect: Connect = (_endpoint, listener) => {
    let isOver = this.kept === null;
    const end = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      stream?.ended();
      listener.ended(status.UNAVAILABLE, reason);
    };
    const waiting: Buffer[] = [];
    const stream = isOver
      ? null
      : this.ingest.serve({
          read: () => waiting.shift() ?? null,
          get waiting() {
            return waiting.length;
          },
          say: (saying: ServerSaying) => void this.time.soon(() => isOver || listener.said(saying)),
          end: (_code, reason) => end(reason),
          fail: end,
        });
    const call = {
      end: (reason: string): void => {
        isOver = true;
        listener.ended(status.UNAVAILABLE, reason);
      },
    };
    if (stream === null) this.time.soon(() => listener.ended(status.UNAVAILABLE, 'nobody listens'));
    else this.#calls.add(call);
    return {
      write: (bytes) => {
        if (isOver) return false;
        waiting.push(bytes);
        stream!.arrived();
        return true;
      },
      get isBlocked() {
        return isOver;
      },
      finish: () => end(''),
      cancel: () => {
        isOver = true;
        this.#calls.delete(call);
        stream?.ended();
      },
    };
  };

  agent(name: string, ip: string): KeptAgent {
    return new KeptAgent(this, name, ip);
  }

  /** What is shown, but for the numbers of this run: `client>server state`, and who saw it where not both did. */
  connections(): string[] {
    return Array.from(this.view.connections(), lineOf).toSorted();
  }

  /** By how they are shown, when what is closed was closed. */
  closedAtMs(): Map<string, number> {
    const closed = [...this.view.connections()].filter(({ closedAtMs }) => closedAtMs !== null);
    return new Map(closed.map((each) => [lineOf(each), each.closedAtMs!]));
  }

  /** `client>server open/total`. */
  edges(): string[] {
    return Array.from(
      this.view.edges(),
      ({ client, server, open, total }) => `${client}>${server} ${open}/${total}`,
    ).toSorted();
  }

  hosts(): string[] {
    return Array.from(this.view.hosts(), ({ name, state }) => `${name} ${state}`).toSorted();
  }

  gaps(): string[] {
    return Array.from(this.view.hosts(), ({ name, gaps }) =>
      gaps.map(({ fromMs, toMs, reason }) => `${name} ${toMs - fromMs} ${reason}`),
    ).flat();
  }
}

function lineOf({ client, server, seen, closedAtMs }: ConnectionView): string {
  const ends = [client, server].map(({ endpoint, host }) => `${host?.name ?? '?'}:${endpoint.port}`);
  const seenBy = seen === 'both' ? '' : ` seen by ${seen}`;
  return `${ends.join('>')}${seenBy} ${closedAtMs === null ? 'open' : 'closed'}`;
}

/** What is read of a journal breathes in real time. */
function soonForReal(call: () => void): () => void {
  const immediate = setImmediate(call);
  return () => clearImmediate(immediate);
}

/** A real agent from its slot table to its stream. */
export class KeptAgent {
  readonly gaps = new GapLedger();
  readonly slots = new SlotTable(this.gaps, { slotsMax: 10_000, closedUnackedMax: 10_000 });
  readonly builder: BatchBuilder;
  readonly stream: AgentStream;
  readonly acks: string[] = [];

  constructor(aggregator: KeptAggregator, name: string, ip: string, epoch = 1) {
    const {
      protocol: _protocol,
      session: _session,
      ...hello
    } = helloOf({ hostId: name, hostName: name, epoch });
    this.builder = new BatchBuilder(this.slots, this.gaps);
    this.builder.setNetns([netnsOf(undefined, ip)]);
    this.stream = new AgentStream({
      server: 'aggregator:1',
      connect: (endpoint, listener) =>
        aggregator.connect(endpoint, {
          ...listener,
          said: (saying) => {
            if (saying.kind === 'ack') this.acks.push(`${saying.appliedSeq}/${saying.durableSeq}`);
            listener.said(saying);
          },
        }),
      hello: () => hello,
      vitals: () => ({
        openSockets: this.slots.liveCount,
        lostEvents: this.gaps.lostEvents,
        malformedRows: 0,
        scanMs: 1,
        collector: '',
        intervalMs: 0,
        cannotSee: [],
      }),
      slots: this.slots,
      builder: this.builder,
      gaps: this.gaps,
      clock: aggregator.time,
      timers: aggregator.time,
      random: () => 0.5,
      log: silent,
      acceptsEndpoint: () => true,
      onThrottle: () => undefined,
    });
    this.stream.start();
  }
}
