/**
 * An agent's real stream and an aggregator's real sessions, joined by two queues instead of a network: a test decides
 * how far each queue moves, when the link breaks, and what is lost with it. Time is the fake timers' own.
 */
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { BatchBuilder } from '../../../agent/export/batch-builder.ts';
import type { Connect, ConnectionListener } from '../../../agent/export/connection.ts';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';
import type { PastMessages } from '../../../agent/export/past-messages.ts';
import { SlotTable } from '../../../agent/export/slot-table.ts';
import { AgentStream, type StreamOptions } from '../../../agent/export/stream.ts';
import { Hosts } from '../../../aggregator/ingest/hosts.ts';
import { newIngestCounters } from '../../../aggregator/ingest/ingest-counters.ts';
import { defaultIngestLimits } from '../../../aggregator/ingest/limits.ts';
import { IngestSession, type SessionContext } from '../../../aggregator/ingest/session.ts';
import { SnapshotStarts } from '../../../aggregator/ingest/snapshot-starts.ts';
import { realTimers } from '../../../model/timers.ts';
import type { Hello } from '../../../wire/agent-batch.ts';
import { AgentMessageDecoder } from '../../../wire/agent-message.ts';
import { protocolVersion } from '../../../wire/protocol.ts';
import type { ServerSaying } from '../../../wire/server-message.ts';
import { netnsOf } from '../../agent/export/sockets.ts';
import { ReportsLedger } from './reports-ledger.ts';

export const silent = pino({ level: 'silent' });

export const helloOf = (more: Partial<Hello> = {}): Hello => ({
  protocol: protocolVersion,
  agentVersion: '0.1.0',
  hostId: 'h1',
  hostName: 'web-1',
  realm: 'default',
  labels: new Map(),
  bootId: 'b0070000-0000-4000-8000-000000000001',
  epoch: 1,
  session: 1,
  collector: 'test',
  events: '',
  cannotSee: [],
  intervalMs: 1000,
  kernel: '6.1',
  watchedUnixMs: 0,
  ...more,
});

/** An aggregator's ingest without gRPC. */
export class TestAggregator {
  readonly ledger = new ReportsLedger();
  readonly hosts: Hosts;
  readonly context: SessionContext;

  constructor(clock: () => number) {
    this.hosts = new Hosts(this.ledger, defaultIngestLimits, silent);
    this.context = {
      hosts: this.hosts,
      reports: this.ledger,
      limits: defaultIngestLimits,
      snapshotStarts: new SnapshotStarts(defaultIngestLimits),
      counters: newIngestCounters(),
      decoder: new AgentMessageDecoder(),
      now: () => ({ unixMs: clock(), monotonicMs: clock() }),
      journal: null,
      serverId: 'test',
      version: '0.1.0',
      log: silent,
    };
  }

  get host() {
    return [...this.hosts.all()][0]!;
  }
}

/** One call: what each side wrote and the other has not read. */
interface Call {
  readonly toServer: Buffer[];
  readonly toAgent: ServerSaying[];
  readonly listener: ConnectionListener;
  readonly session: IngestSession;
  over: boolean;
}

export class TestLink {
  aggregator: TestAggregator;
  #call: Call | null = null;
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
    this.aggregator = new TestAggregator(clock);
  }

  readonly connect: Connect = (_endpoint, listener) => {
    const toAgent: ServerSaying[] = [];
    const session = new IngestSession(
      {
        say: (saying) => toAgent.push(saying),
        end: (_code, reason) => this.#end(call, status.ABORTED, reason),
      },
      this.aggregator.context,
    );
    const call: Call = { toServer: [], toAgent, listener, session, over: false };
    this.#call = call;
    return {
      write: (bytes) => call.toServer.push(bytes) > 0,
      get isBlocked() {
        return call.over;
      },
      finish: () => this.#end(call, status.OK, ''),
      cancel: () => {
        call.over = true;
        session.close();
      },
    };
  };

  /** Moves a Hello that waits: one that comes late tells of a clock that is wrong. */
  deliverHello(): void {
    if (this.#call?.session.state.kind === 'awaiting-hello') this.deliverToServer(1);
  }

  /** Moves up to `count` messages of the agent to the aggregator. */
  deliverToServer(count = Number.POSITIVE_INFINITY): void {
    for (let n = 0; n < count && this.#call?.toServer.length; n++) {
      this.#call.session.receive(this.#call.toServer.shift()!);
    }
  }

  /** Moves up to `count` sayings of the aggregator to the agent. */
  deliverToAgent(count = Number.POSITIVE_INFINITY): void {
    for (let n = 0; n < count && this.#call?.toAgent.length; n++) {
      const call = this.#call;
      call.listener.said(call.toAgent.shift()!);
      if (call.over) return;
    }
  }

  /** Loses whatever is under way. */
  break(): void {
    if (this.#call !== null) this.#end(this.#call, status.UNAVAILABLE, 'the link broke');
  }

  restartAggregator(): void {
    this.break();
    this.aggregator = new TestAggregator(this.#clock);
  }

  get isIdle(): boolean {
    return this.#call === null || (this.#call.toServer.length === 0 && this.#call.toAgent.length === 0);
  }

  #end(call: Call, code: status, details: string): void {
    if (call.over) return;
    call.over = true;
    call.session.close();
    call.listener.ended(code, details);
  }
}

export interface TestAgent {
  readonly slots: SlotTable;
  readonly gaps: GapLedger;
  readonly builder: BatchBuilder;
  readonly stream: AgentStream;
}

export function createTestAgent(
  connect: Connect,
  clock: () => number,
  options: { epoch?: number; closedUnackedMax?: number; slotsMax?: number; targetBytes?: number } & Partial<
    Pick<StreamOptions, 'hello' | 'onThrottle' | 'log' | 'server' | 'acceptsEndpoint' | 'timers'>
  > & { past?: (agent: Pick<TestAgent, 'slots' | 'gaps'>) => PastMessages | null } = {},
): TestAgent {
  const gaps = new GapLedger();
  const { closedUnackedMax = 1000, slotsMax = 10_000 } = options;
  const slots = new SlotTable(gaps, { slotsMax, closedUnackedMax });
  const builder = new BatchBuilder(slots, gaps, options.targetBytes);
  builder.setNetns([netnsOf(undefined, '10.1.17.138')]);
  const { protocol: _protocol, session: _session, ...hello } = helloOf({ epoch: options.epoch ?? 1 });
  const stream = new AgentStream({
    server: options.server ?? '127.0.0.1:7443',
    connect,
    hello: options.hello ?? (() => hello),
    vitals: () => ({
      openSockets: slots.liveCount,
      lostEvents: gaps.lostEvents,
      malformedRows: 0,
      scanMs: 1,
      collector: '',
      intervalMs: 0,
      cannotSee: [],
    }),
    slots,
    builder,
    gaps,
    past: options.past?.({ slots, gaps }) ?? null,
    clock: { nowMs: clock, monotonicMs: clock },
    timers: options.timers ?? realTimers,
    random: () => 0.5,
    log: options.log ?? silent,
    acceptsEndpoint: options.acceptsEndpoint ?? (() => true),
    onThrottle: options.onThrottle ?? (() => undefined),
  });
  return { slots, gaps, builder, stream };
}
