/** Ingest as the aggregator's run.ts sees it: the gRPC service, the hosts that report, and the leases to look after. */
import type * as grpc from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { realTimers, type Timers } from '../../model/timers.ts';
import { AgentMessageDecoder } from '../../wire/agent-message.ts';
import { ingestService } from '../../wire/ingest-service.ts';
import type { ServerMessageFields } from '../../wire/server-message.ts';
import type { ReportingHost, SocketReports } from '../correlate/report.ts';
import type { Moment } from './agent-record.ts';
import { Hosts } from './hosts.ts';
import { type IngestCounters, newIngestCounters } from './ingest-counters.ts';
import type { IngestJournal } from './ingest-journal.ts';
import { defaultIngestLimits, type IngestLimits } from './limits.ts';
import { Replay } from './replay.ts';
import type { SavedHost } from './saved-host.ts';
import { type Carrier, ServedStream } from './served-stream.ts';
import { openAdmission, type StreamAdmission, serveCall } from './service.ts';
import type { SessionContext } from './session.ts';
import { SnapshotStarts } from './snapshot-starts.ts';
import { Turns } from './turns.ts';
import { WaitingBudget } from './waiting-budget.ts';

export interface IngestOptions {
  /** Receives every change, in order. */
  readonly reports: SocketReports;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Milliseconds that never step; leases run on it. */
  readonly monotonicClock?: () => number;
  /** Default: those of this process. */
  readonly timers?: Timers;
  readonly log: Logger;
  /** Names this run of the aggregator to agents. */
  readonly serverId: string;
  readonly version: string;
  readonly limits?: Partial<IngestLimits>;
  /** Whom a stream may speak for. Default: anybody for any host. */
  readonly admission?: StreamAdmission;
}

export interface Ingest {
  /** Adds the Ingest service. */
  addTo(server: grpc.Server): void;
  /** Serves a stream that something else carries than a call to that service. */
  serve(carrier: Carrier): ServedStream;
  /** Every host that ever reported and is not forgotten, lost ones included. */
  hosts(): Iterable<ReportingHost>;
  /** Looks after the leases at `nowMs` of the aggregator's clock. Call it about once a second. */
  sweep(nowMs: number): void;
  /** From here on what takes effect is noted there, and durable only when that says so. Before the first stream. */
  keepIn(journal: IngestJournal): void;
  /** Takes in again what an earlier run noted. Before the first stream, too. */
  replay(): Replay;
  /** All hosts, for a later run. */
  save(): SavedHost[];
  /** Nothing is taken in while it is held: what that leads to has no room for a moment. */
  hold(isHeld: boolean): void;
  readonly counters: Readonly<IngestCounters>;
  /** Streams that are open now. */
  readonly streams: number;
  /** Bytes that wait for their turn, and streams that were ended since too many did. */
  readonly budget: Pick<WaitingBudget, 'bytes' | 'ended'>;
  /** What waits for its turn, and how often the event loop was given its own. */
  readonly turns: Pick<Turns, 'waiting' | 'cutShort'>;
  /** Ends all streams. Idempotent. */
  close(): void;
}

export function createIngest(options: IngestOptions): Ingest {
  const limits = { ...defaultIngestLimits, ...options.limits };
  const monotonicClock = options.monotonicClock ?? (() => performance.now());
  // Told apart from other lines, so that those of an earlier run are not written again.
  const hostLog = options.log.child({});
  const hosts = new Hosts(options.reports, limits, hostLog);
  let journal: IngestJournal | null = null;
  const counters = newIngestCounters();
  const streams = new Set<ServedStream>();
  const [admission, budget] = [options.admission ?? openAdmission, new WaitingBudget(limits.waitingBytesMax)];
  const timers = options.timers ?? realTimers;
  const turns = new Turns({ monotonicClock, defer: (serve) => void timers.soon(serve) });
  const now = (): Moment => ({ unixMs: options.clock(), monotonicMs: monotonicClock() });
  const context: SessionContext = {
    hosts,
    reports: options.reports,
    limits,
    snapshotStarts: new SnapshotStarts(limits),
    counters,
    decoder: new AgentMessageDecoder(),
    now,
    get journal() {
      return journal;
    },
    serverId: options.serverId,
    version: options.version,
    log: options.log,
  };
  const serve = (carrier: Carrier): ServedStream => {
    const stream = new ServedStream(carrier, { context, turns, timers }, () => streams.delete(stream));
    streams.add(stream);
    return stream;
  };
  const handleStream: grpc.handleBidiStreamingCall<Buffer, ServerMessageFields> = (call) =>
    serveCall(call, { limits, budget, admission }, serve);
  return {
    addTo: (server) => server.addService(ingestService(), { Stream: handleStream }),
    serve,
    hosts: () => hosts.all(),
    sweep: (nowMs) => {
      endShutOut(streams, admission);
      hosts.sweep({ unixMs: nowMs, monotonicMs: monotonicClock() }, journal);
    },
    keepIn: (kept) => {
      journal = kept;
    },
    replay: () => new Replay(hosts, context, hostLog),
    save: () => hosts.save(),
    hold: (isHeld) => turns.hold(isHeld),
    counters,
    budget,
    turns,
    get streams() {
      return streams.size;
    },
    close: () => {
      for (const { session } of streams) session.end('stopping', 'the aggregator is stopping');
    },
  };
}

/** Ends the streams of agents that are banned, or have no certificate any more that is good. */
function endShutOut(streams: Iterable<ServedStream>, { faultOfAgent }: StreamAdmission): void {
  for (const { session } of streams) {
    const fault = session.speaksFor === null ? null : faultOfAgent(session.speaksFor);
    if (fault !== null) session.end('shut-out', fault);
  }
}
