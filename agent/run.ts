/**
 * The agent process: its table of contents. A fact passes scan → watch → slot table → stream.
 *
 *     collector   which sockets exist now, and who holds them
 *     watch       what became different since the last scan
 *     finders     what is found out beside the scans
 *     slots       what the aggregator has to know, and how far it was told
 *     stream      tells it, and keeps in step with the aggregator
 */
import { hostname, release } from 'node:os';
import type { Logger } from 'pino';
import { packageVersion } from '../model/version.ts';
import { parseHostPort, refuseExposure } from '../wire/host-port.ts';
import { AgentCounters } from './agent-counters.ts';
import { Budget } from './budget.ts';
import type { Collector, Scan } from './collector.ts';
import type { AgentConfig } from './config.ts';
import { type CpuMeter, ProcessCpu } from './cpu-meter.ts';
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
import { SocketWatch } from './watch/socket-watch.ts';

export interface AgentParts {
  readonly collector: Collector;
  readonly log: Logger;
  /** Ends the agent. */
  readonly signal: AbortSignal;
  /** Default: plaintext gRPC. */
  readonly connect?: Connect;
  /** What counts as the agent's own CPU. Default: all of the process. */
  readonly cpu?: CpuMeter;
  /** Default: paceTimes. */
  readonly paceTimes?: PaceTimes;
}

/** Runs until `signal` is aborted. Rejects with HostPortError or ExposureError when `config` asks for what must not be. */
export async function runAgent(config: AgentConfig, parts: AgentParts): Promise<void> {
  refuseExposure('--server', parseHostPort(config.server), config.insecure);
  const finders = await Finders.open(config);
  const pipeline = createPipeline(config, parts);
  const metrics =
    config.metrics === null
      ? null
      : await serveMetrics(createAgentRegistry(pipeline), config.metrics, config.insecure);
  if (metrics !== null) parts.log.info(`metrics at ${metrics.url}`);
  try {
    await pump(pipeline, finders, parts);
  } finally {
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
  /** Says how far apart scans are. */
  readonly budget: Budget;
}

/** Unix milliseconds, and milliseconds that never step. */
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() } as const;

function createPipeline(config: AgentConfig, parts: AgentParts): Pipeline {
  const { collector, log, connect, cpu = new ProcessCpu(), paceTimes } = parts;
  const { intervalMs, cpuMaxPercent } = config;
  const { monotonicMs } = clock;
  const budget = new Budget({ intervalMs, cpuMaxPercent, cpu, monotonicMs, log, times: paceTimes });
  const counters = new AgentCounters();
  const gaps = new GapLedger();
  const slots = new SlotTable(gaps);
  const builder = new BatchBuilder(slots, gaps);
  const cannotSee = (): readonly string[] => [...budget.sentences, ...counters.cannotSee];
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
  return { counters, gaps, slots, builder, stream, budget };
}

/** Scan by scan, what became different goes to the slot table and from there on its way. */
async function pump(pipeline: Pipeline, finders: Finders, parts: AgentParts): Promise<void> {
  const { counters, gaps, slots, builder, stream, budget } = pipeline;
  const intervalMs = (): number => budget.intervalMs;
  const { collector, log, signal } = parts;
  const watch = new SocketWatch();
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
    const refusedBefore = watch.refusedTotal;
    const events = watch.apply(scan);
    for (const event of events) {
      counters.events[event.kind]++;
      slots.apply(event);
    }
    for (const finder of finders) {
      for (const finding of await finder.find(events)) slots.apply(finding);
    }
    counters.scanned(scan, tookMs, finders.cannotSee);
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
