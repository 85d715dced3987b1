/**
 * The agent process: its table of contents. A fact passes scan → watch → slot table → stream.
 *
 *     collector   which sockets exist now, and who holds them
 *     events      what came and went between the scans
 *     watch       what became different since the last scan
 *     finders     what is found out beside the scans
 *     slots       what the aggregator has to know, and how far it was told
 *     stream      tells it, and keeps in step with the aggregator
 */
import { hostname, release } from 'node:os';
import type { Logger } from 'pino';
import type { SocketEvent, SocketFinding } from '../model/socket-event.ts';
import { packageVersion } from '../model/version.ts';
import { parseHostPort, refuseExposure } from '../wire/host-port.ts';
import { AgentCounters } from './agent-counters.ts';
import { Budget } from './budget.ts';
import type { Collector, Scan } from './collector.ts';
import type { AgentConfig } from './config.ts';
import { type CpuMeter, ProcessCpu } from './cpu-meter.ts';
import { EventFeed } from './event-feed.ts';
import { HolderOwners } from './events/holder-owners.ts';
import type { OpenedEvents } from './events/open-events.ts';
import { BatchBuilder } from './export/batch-builder.ts';
import { type Connect, connectPlaintext } from './export/connection.ts';
import { GapLedger } from './export/gap-ledger.ts';
import { SlotTable } from './export/slot-table.ts';
import { AgentStream } from './export/stream.ts';
import { Finders } from './finders.ts';
import { readHostId, systemHostIdSources } from './host-id.ts';
import { createAgentRegistry, serveMetrics } from './metrics.ts';
import type { PaceTimes } from './pace.ts';
import { readBootId } from './procfs/boot-id.ts';
import { scanLoop } from './scan-loop.ts';
import { ShortLived } from './watch/short-lived.ts';
import { SocketWatch, watchedSocketsMax } from './watch/socket-watch.ts';

export interface AgentParts {
  readonly collector: Collector;
  /** Default: connections are seen by scans alone. */
  readonly events?: OpenedEvents;
  readonly log: Logger;
  /** Ends the agent. */
  readonly signal: AbortSignal;
  /** Default: plaintext gRPC. */
  readonly connect?: Connect;
  /** Default: those that work here. */
  readonly finders?: Finders;
  /** What counts as the agent's own CPU. Default: all of the process. */
  readonly cpu?: CpuMeter;
  /** Default: paceTimes. */
  readonly paceTimes?: PaceTimes;
}

/** Runs until `signal` is aborted. Rejects with HostPortError or ExposureError when `config` asks for what must not be. */
export async function runAgent(config: AgentConfig, parts: AgentParts): Promise<void> {
  refuseExposure('--server', parseHostPort(config.server), config.insecure);
  const finders = parts.finders ?? (await Finders.open(config));
  const pipeline = createPipeline(config, parts);
  const metrics =
    config.metrics === null
      ? null
      : await serveMetrics(createAgentRegistry({ ...pipeline, finders }), config.metrics, config.insecure);
  if (metrics !== null) parts.log.info(`metrics at ${metrics.url}`);
  try {
    await pump(pipeline, finders, parts);
  } finally {
    await pipeline.feed?.stop();
    await pipeline.stream.close();
    metrics?.close();
    finders.close();
    parts.collector.close();
  }
}

/** What stands between the scans and the network. */
interface Pipeline {
  readonly counters: AgentCounters;
  readonly gaps: GapLedger;
  readonly slots: SlotTable;
  readonly builder: BatchBuilder;
  readonly stream: AgentStream;
  readonly watch: SocketWatch;
  readonly shortLived: ShortLived;
  readonly holders: HolderOwners;
  /** null = connections are seen by scans alone. */
  readonly feed: EventFeed | null;
  /** Says how far apart scans are. */
  readonly budget: Budget;
}

/** Unix milliseconds, and milliseconds that never step. */
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() } as const;

function createPipeline(config: AgentConfig, parts: AgentParts): Pipeline {
  const { collector, log, connect, cpu = new ProcessCpu(), paceTimes, events = noEvents } = parts;
  const { intervalMs, cpuMaxPercent } = config;
  const { monotonicMs } = clock;
  const budget = new Budget({ intervalMs, cpuMaxPercent, cpu, monotonicMs, log, times: paceTimes });
  const counters = new AgentCounters();
  const gaps = new GapLedger();
  const slots = new SlotTable(gaps);
  const builder = new BatchBuilder(slots, gaps);
  const cannotSee = (): readonly string[] => [
    ...budget.sentences,
    ...counters.cannotSee,
    ...events.cannotSee,
  ];
  const stream = new AgentStream({
    server: config.server,
    connect: connect ?? connectPlaintext,
    hello: describeAgent(config, collector, budget, cannotSee, log),
    vitals: () => ({
      openSockets: slots.liveCount,
      lostEvents: gaps.lostEvents,
      malformedRows: counters.malformedRows,
      scanMs: counters.lastScanMs,
      cannotSee: cannotSee(),
    }),
    slots,
    builder,
    gaps,
    clock,
    random: Math.random,
    log,
    acceptsEndpoint: (endpoint) => isAllowed(endpoint, config.insecure),
    onThrottle: (minIntervalMs) => budget.throttle(minIntervalMs),
  });
  const holders = new HolderOwners(config.procRoot, config.cmdline);
  const shortLived = new ShortLived((event) => holders.of(event, monotonicMs()));
  const watch = new SocketWatch(watchedSocketsMax, shortLived);
  const tell = (event: SocketEvent | SocketFinding): void => {
    if (event.kind === 'opened' || event.kind === 'closed') counters.events[event.kind]++;
    slots.apply(event);
  };
  // Nothing is told before the first scan, which is part of the first snapshot.
  const flush = (): void => {
    if (stream.state.kind !== 'idle') stream.flush();
  };
  const { source } = events;
  const { nowMs } = clock;
  const feed =
    source === null ? null : new EventFeed({ source, shortLived, watch, gaps, tell, flush, nowMs });
  return { counters, gaps, slots, builder, stream, watch, shortLived, holders, feed, budget };
}

const noEvents: OpenedEvents = { source: null, cannotSee: [] };

/** Scan by scan, what became different goes to the slot table and from there on its way. */
async function pump(pipeline: Pipeline, finders: Finders, parts: AgentParts): Promise<void> {
  const { counters, gaps, slots, builder, stream, watch, shortLived, feed, budget } = pipeline;
  const intervalMs = (): number => budget.intervalMs;
  const { collector, log, signal } = parts;
  feed?.start();
  let watchedUntilMs = clock.nowMs();
  for await (const outcome of scanLoop({ collector, intervalMs, turns: budget, clock, signal })) {
    if (outcome.kind === 'failed') {
      counters.failedScans++;
      reportFailedScan(counters, outcome.error, log);
      gaps.unwatched('a scan failed', watchedUntilMs, clock.nowMs());
      continue;
    }
    const { scan, tookMs } = outcome;
    watchedUntilMs = scan.startedAtMs;
    if (outcome.overran) reportOverrun(counters, tookMs, intervalMs(), log);
    reportMalformed(counters, scan, log);
    await feed?.catchUp();
    const refusedBefore = watch.refusedTotal;
    const events = watch.apply(scan);
    shortLived.scanned(scan, events);
    for (const event of events) {
      counters.events[event.kind]++;
      slots.apply(event);
    }
    for (const finder of finders) {
      for (const finding of await finder.find(events, scan)) slots.apply(finding);
    }
    counters.scanned(scan, tookMs, finders.cannotSee);
    parts.events?.source?.follow(scan);
    pipeline.holders.expire(clock.monotonicMs());
    if (watch.refusedTotal > refusedBefore) {
      gaps.unwatched('this host has more sockets than an agent watches', scan.startedAtMs, scan.finishedAtMs);
    }
    builder.setNetns(scan.netns);
    // The first scan is part of the first snapshot, so that no host ever seems to have no sockets.
    if (stream.state.kind === 'idle') stream.start();
    else stream.flush();
  }
}

type DescribedAgent = ConstructorParameters<typeof AgentStream>[0]['hello'];

/** Who this agent is. Its epoch grows with time, so it is higher at every start without anything being kept on disk. */
function describeAgent(
  config: AgentConfig,
  collector: Collector,
  budget: Budget,
  cannotSee: () => readonly string[],
  log: Logger,
): DescribedAgent {
  const hostId = readHostId(systemHostIdSources(config.hostId, process.env, process.getuid?.() ?? 0));
  if (hostId.source === 'made') {
    log.warn(
      'this host has no machine-id and no place to keep an id: it will be another host after a restart',
    );
  }
  const epoch = epochAt(Date.now());
  return () => ({
    agentVersion: packageVersion,
    hostId: hostId.id,
    hostName: config.hostName ?? hostname(),
    realm: config.realm,
    labels: config.labels,
    bootId: readBootId(config.procRoot) ?? '',
    epoch,
    collector: collector.name,
    cannotSee: cannotSee(),
    intervalMs: Math.round(budget.intervalMs),
    kernel: release(),
  });
}

/** Unix seconds times 2^20, with the fraction of the second: below 2^53 for the next two centuries. */
export function epochAt(unixMs: number): number {
  return Math.floor((unixMs / 1000) * 2 ** 20);
}

function isAllowed(endpoint: string, insecure: boolean): boolean {
  try {
    refuseExposure('redirect', parseHostPort(endpoint), insecure);
    return true;
  } catch {
    return false;
  }
}

/** One line for each new reason: a scan that failed fails again a second later. */
function reportFailedScan(counters: AgentCounters, error: unknown, log: Logger): void {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason === counters.lastFailure) return;
  counters.lastFailure = reason;
  log.error(`scan failed: ${reason}`);
  log.debug({ err: error }, 'scan failed');
}

/** One line at the first overrun, and at each doubling of their number. */
function reportOverrun(counters: AgentCounters, tookMs: number, intervalMs: number, log: Logger): void {
  counters.overruns++;
  if ((counters.overruns & (counters.overruns - 1)) !== 0) return;
  const scanMs = Math.round(tookMs);
  log.warn(
    { scanMs, intervalMs, overruns: counters.overruns },
    `a scan took ${scanMs} ms, longer than the interval of ${intervalMs} ms: scans follow each other more slowly`,
  );
}

/** One line for the first malformed row, and again when another stands first. */
function reportMalformed(counters: AgentCounters, scan: Scan, log: Logger): void {
  const first = scan.malformed[0];
  if (first === undefined) return;
  const { file, line, column, text } = first;
  const place = `${file}:${line}: column ${column} is ${JSON.stringify(text)}`;
  if (place === counters.lastMalformed) return;
  counters.lastMalformed = place;
  log.warn({ malformedRows: scan.malformedTotal }, `rows that cannot be read, such as ${place}`);
}
