/**
 * The agent process: its table of contents. A fact passes scan → watch → slot table → stream (pipeline.ts).
 *
 *     collector   which sockets exist now, and who holds them
 *     events      what came and went between the scans
 *     watch       what became different since the last scan
 *     finders     what is found out beside the scans
 *     slots       what the aggregator has to know, and how far it was told
 *     stream      tells it, and keeps in step with the aggregator
 *     keeping     what of it is on the disk, until an aggregator has it
 *     budget      how far apart scans are
 */
import type { Logger } from 'pino';
import type { SocketEvent, SocketFinding } from '../model/socket-event.ts';
import { realClock, realTimers } from '../model/timers.ts';
import { parseHostPort, refuseExposure } from '../wire/host-port.ts';
import type { AgentCounters } from './agent-counters.ts';
import type { Scan } from './collector.ts';
import type { AgentConfig } from './config.ts';
import type { SlotTable } from './export/slot-table.ts';
import { Finders } from './finders.ts';
import type { AgentIdentity } from './identity/agent-identity.ts';
import { LoopDelay } from './loop-delay.ts';
import { type MetricsServer, serveMetrics } from './metrics-server.ts';
import { type AgentParts, createPipeline, identify, type Pipeline } from './pipeline.ts';
import { inSlices, sliceMs, TimeSlice } from './procfs/time-slice.ts';
import { scanLoop, type TurnListener } from './scan-loop.ts';
import { unheard } from './succession.ts';

/** Runs until `signal` is aborted. Rejects with HostPortError or ExposureError when `config` asks for what must not be. */
export async function runAgent(config: AgentConfig, parts: AgentParts): Promise<void> {
  refuseExposure('--server', parseHostPort(config.server), config.insecure || config.tls !== null);
  const certificate = await openCertificate(config, parts);
  const finders = parts.finders ?? (await Finders.open(config, parts.events?.source != null));
  const identity = await identify(config, parts);
  const pipeline = createPipeline(config, finders, parts, identity, certificate);
  parts.made?.(pipeline);
  const loopDelay = config.metrics === null ? null : new LoopDelay();
  let metrics: MetricsServer | null = null;
  try {
    if (config.metrics !== null && loopDelay !== null) {
      // Only an agent that is scraped has the library of metrics in its memory, which is 2 MiB.
      const { createAgentRegistry } = await import('./metrics.ts');
      const registry = createAgentRegistry({ ...pipeline, loopDelay });
      metrics = await serveMetrics(registry, config.metrics, config.insecure);
      parts.log.info(`metrics at ${metrics.url}`);
    }
    await pump(pipeline, parts, loopDelay === null ? [pipeline.budget] : [pipeline.budget, loopDelay]);
  } finally {
    await pipeline.feed?.stop();
    await pipeline.stream.close();
    await pipeline.keeping?.close();
    certificate?.close();
    metrics?.close();
    loopDelay?.close();
    finders.close();
    parts.collector.close();
  }
}

/** What makes certificates is loaded by an agent that has one. */
async function openCertificate(
  config: AgentConfig,
  { log, surroundings }: AgentParts,
): Promise<AgentIdentity | null> {
  const { tls, server } = config;
  if (tls === null) return null;
  const { AgentIdentity } = await import('./identity/agent-identity.ts');
  const { clock = realClock, timers = realTimers, random = Math.random } = surroundings ?? {};
  return new AgentIdentity({ tls, server, clock, timers, random, log });
}

/** Scan by scan, what became different goes to the slot table and from there on its way. */
async function pump(pipeline: Pipeline, parts: AgentParts, turns: readonly TurnListener[]): Promise<void> {
  const { log, signal } = parts;
  const { collector, finders, counters, gaps, slots, builder, stream, watch, feed, budget, keeping } =
    pipeline;
  const { clock, timers } = pipeline.surroundings;
  const intervalMs = (): number => budget.intervalMs;
  feed?.start();
  let watchedUntilMs = clock.nowMs();
  for await (const outcome of scanLoop({ collector, intervalMs, turns, clock, timers, signal })) {
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
    builder.setNetns(scan.netns);
    stream.tickBegins();
    const refusedBefore = watch.refusedTotal;
    const seen = await applyScan(scan, pipeline);
    for (const finder of finders) {
      const found = await finder.find(seen, scan, feed ?? unheard);
      await inSlices(applyEach(found, slots), new TimeSlice(sliceMs, pipeline.surroundings));
    }
    counters.scanned(scan, tookMs, finders.cannotSee);
    await parts.events?.source?.follow(scan);
    pipeline.holders.expire(clock.monotonicMs());
    if (watch.refusedTotal > refusedBefore) {
      gaps.unwatched('this host has more sockets than an agent watches', scan.startedAtMs, scan.finishedAtMs);
    }
    keeping?.scanned(scan);
    // The first scan is part of the first snapshot, so that no host ever seems to have no sockets.
    if (stream.state.kind === 'idle') {
      stream.start();
      parts.afterFirstScan?.();
    } else stream.flush();
  }
}

/** @returns what the scan made different, and of the sockets that it could not show any more what events told before. */
async function applyScan(
  scan: Scan,
  { watch, shortLived, feed, slots, counters, surroundings }: Pipeline,
): Promise<readonly SocketEvent[]> {
  const slice = new TimeSlice(sliceMs, surroundings);
  await feed?.catchUp();
  try {
    const events = await inSlices(watch.applying(scan), slice);
    shortLived.scanned(scan, events);
    for (const { kind } of events) counters.events[kind]++;
    await inSlices(applyEach(events, slots), slice);
    return feed === null ? events : [...feed.takeEnded(), ...events];
  } finally {
    feed?.release();
  }
}

function* applyEach(told: readonly (SocketEvent | SocketFinding)[], slots: SlotTable): Generator<void, void> {
  for (const each of told) {
    slots.apply(each);
    yield;
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
