/** The parts of an agent, made from its configuration and joined: what stands between the scans and the network. */
import { hostname, release } from 'node:os';
import type { Logger } from 'pino';
import { type Disk, realDisk } from '../disk/disk.ts';
import { type FolderTaken, takeFolder } from '../disk/folder-lock.ts';
import type { SocketEvent, SocketFinding } from '../model/socket-event.ts';
import { type Clock, realClock, realTimers, type Timers } from '../model/timers.ts';
import { packageVersion } from '../model/version.ts';
import { parseHostPort, refuseExposure } from '../wire/host-port.ts';
import { AgentCounters } from './agent-counters.ts';
import { Budget } from './budget.ts';
import type { Collector } from './collector.ts';
import type { AgentConfig } from './config.ts';
import { type CpuMeter, ProcessCpu } from './cpu-meter.ts';
import { EventFeed } from './event-feed.ts';
import { HolderOwners } from './events/holder-owners.ts';
import type { OpenedEvents } from './events/open-events.ts';
import { BatchBuilder } from './export/batch-builder.ts';
import { type Connect, connectPlaintext } from './export/connection.ts';
import { GapLedger } from './export/gap-ledger.ts';
import { type SlotLimits, SlotTable, slotLimits } from './export/slot-table.ts';
import { AgentStream, type Vitals } from './export/stream.ts';
import type { Finders } from './finders.ts';
import { readHostId, systemHostIdSources } from './host-id.ts';
import type { AgentIdentity } from './identity/agent-identity.ts';
import type { PaceTimes } from './pace.ts';
import { readBootId } from './procfs/boot-id.ts';
import { type AgentFolder, folderOfHost, openAgentFolder } from './spool/agent-folder.ts';
import { epochAt } from './spool/epoch.ts';
import { Keeping } from './spool/keeping.ts';
import { ShortLived } from './watch/short-lived.ts';
import { SocketWatch, watchedSocketsMax } from './watch/socket-watch.ts';

export interface AgentParts {
  readonly collector: Collector;
  /** Default: connections are seen by scans alone. */
  readonly events?: OpenedEvents;
  readonly log: Logger;
  /** Ends the agent. */
  readonly signal: AbortSignal;
  /** Called when the first scan was taken in, and the stream begins. */
  readonly afterFirstScan?: () => void;
  /** Default: gRPC, as the configuration says. */
  readonly connect?: Connect;
  /** Default: those that work here. */
  readonly finders?: Finders;
  /** What counts as the agent's own CPU. Default: all of the process. */
  readonly cpu?: CpuMeter;
  /** Default: paceTimes. */
  readonly paceTimes?: PaceTimes;
  /** Default: slotLimits. */
  readonly slotLimits?: Partial<SlotLimits>;
  /** Default: this process, on this machine. */
  readonly surroundings?: Partial<Surroundings>;
  /** Called with the parts as they are made, before anything runs: for whoever looks into a running agent. */
  readonly made?: (pipeline: Pipeline) => void;
}

/** What an agent finds around it beside sockets; a simulation passes its own. */
export interface Surroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  /** null = it cannot be read. */
  readonly bootId: () => string | null;
  readonly kernel: string;
  readonly disk: Disk;
  readonly takeFolder: (folder: string) => Promise<FolderTaken>;
}

/** Who an agent is, and what it keeps from run to run. */
export interface Identity {
  readonly hostId: string;
  /** null = it keeps nothing. */
  readonly folder: AgentFolder | null;
  /** Why that is so; null where none is wanted. */
  readonly withoutFolder: string | null;
}

export interface Pipeline {
  readonly surroundings: Surroundings;
  readonly collector: Collector;
  readonly finders: Finders;
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
  /** null = the agent has no folder. */
  readonly keeping: Keeping | null;
}

/** What its host is called, and the folder for it, unless there is to be none. */
export async function identify(config: AgentConfig, parts: AgentParts): Promise<Identity> {
  const hostId = readHostId(systemHostIdSources(config.hostId, process.env, process.getuid?.() ?? 0));
  if (hostId.source === 'made') {
    parts.log.warn(
      'this host has no machine-id and no place to keep an id: it will be another host after a restart',
    );
  }
  const { spool } = config;
  if (spool === null) return { hostId: hostId.id, folder: null, withoutFolder: null };
  const { disk, takeFolder, clock, bootId } = surroundingsOf(config, parts);
  const path = folderOfHost(spool.folder, hostId.id);
  const beginning = { unixMs: clock.nowMs(), bootId: bootId() ?? '' };
  const opened = await openAgentFolder({ disk, takeFolder, path, beginning });
  if (typeof opened !== 'string') return { hostId: hostId.id, folder: opened, withoutFolder: null };
  parts.log.warn(opened);
  return { hostId: hostId.id, folder: null, withoutFolder: opened };
}

/** Nothing runs yet. */
export function createPipeline(
  config: AgentConfig,
  finders: Finders,
  parts: AgentParts,
  identity: Identity,
  certificate: AgentIdentity | null,
): Pipeline {
  const { collector, log, connect, cpu = new ProcessCpu(), paceTimes, events = noEvents } = parts;
  const { intervalMs, cpuMaxPercent } = config;
  const surroundings = surroundingsOf(config, parts);
  const { clock, timers, random } = surroundings;
  const { monotonicMs } = clock;
  const budget = new Budget({ intervalMs, cpuMaxPercent, cpu, monotonicMs, log, times: paceTimes });
  const counters = new AgentCounters();
  const gaps = new GapLedger();
  const slots = new SlotTable(gaps, { ...slotLimits, ...parts.slotLimits });
  const builder = new BatchBuilder(slots, gaps);
  const keeping = createKeeping(config, surroundings, identity, { slots, gaps });
  const cannotSee = (): readonly string[] => [
    ...budget.sentences,
    ...counters.cannotSee,
    ...events.cannotSee,
    ...(identity.withoutFolder === null ? [] : [identity.withoutFolder]),
    ...(keeping?.cannotSee ?? []),
    ...(certificate?.cannotSee ?? []),
  ];
  const stream = new AgentStream({
    server: config.server,
    connect: connect ?? certificate?.connectAs(identity.hostId) ?? connectPlaintext,
    hello: describeAgent(config, parts, surroundings, identity, budget, cannotSee),
    vitals: () => ({ ...vitalsOf({ slots, gaps, counters, collector, budget }), cannotSee: cannotSee() }),
    slots,
    builder,
    gaps,
    past: keeping?.past ?? null,
    clock,
    timers,
    random,
    log,
    acceptsEndpoint: (endpoint) => isAllowed(endpoint, config),
    onThrottle: (minIntervalMs) => budget.throttle(minIntervalMs),
  });
  const made = { surroundings, collector, finders, counters, gaps, slots, stream };
  return { ...made, ...createWatch(config, events, made), builder, budget, keeping };
}

function createKeeping(
  { spool }: AgentConfig,
  { clock, timers, bootId }: Surroundings,
  { folder }: Identity,
  { slots, gaps }: Pick<Pipeline, 'slots' | 'gaps'>,
): Keeping | null {
  if (folder === null) return null;
  const maxBytes = spool?.maxBytes ?? 0;
  return new Keeping({ folder, maxBytes, slots, gaps, clock, timers, bootId: bootId() ?? '' });
}

function vitalsOf({
  slots,
  gaps,
  counters,
  collector,
  budget,
}: Pick<Pipeline, 'slots' | 'gaps' | 'counters' | 'collector' | 'budget'>): Omit<Vitals, 'cannotSee'> {
  return {
    openSockets: slots.liveCount,
    lostEvents: gaps.lostEvents,
    malformedRows: counters.malformedRows,
    scanMs: counters.lastScanMs,
    collector: collector.name,
    intervalMs: Math.round(budget.intervalMs),
  };
}

function surroundingsOf({ procRoot }: AgentConfig, { surroundings }: AgentParts): Surroundings {
  return {
    clock: realClock,
    timers: realTimers,
    random: Math.random,
    bootId: () => readBootId(procRoot),
    kernel: release(),
    disk: realDisk,
    takeFolder,
    ...surroundings,
  };
}

/** What joins scans and events. */
function createWatch(
  config: AgentConfig,
  { source }: OpenedEvents,
  {
    surroundings: { clock },
    collector,
    finders,
    counters,
    gaps,
    slots,
    stream,
  }: Omit<Pipeline, 'shortLived' | 'watch' | 'holders' | 'feed' | 'builder' | 'budget' | 'keeping'>,
): Pick<Pipeline, 'shortLived' | 'watch' | 'holders' | 'feed'> {
  const { nowMs, monotonicMs } = clock;
  const holders = new HolderOwners(config, (holder) => collector.detailsOf?.(holder) ?? null);
  const shortLived = new ShortLived((event) => holders.of(event, monotonicMs()));
  const watch = new SocketWatch(watchedSocketsMax, shortLived);
  const tell = (event: SocketEvent | SocketFinding): void => {
    if (event.kind === 'opened' || event.kind === 'closed') counters.events[event.kind]++;
    slots.apply(event);
  };
  const complete = (...asked: Parameters<Finders['complete']>): ReturnType<Finders['complete']> =>
    finders.complete(...asked);
  // Nothing is told before the first scan, which is part of the first snapshot.
  const offer = (rows: number): void => {
    if (stream.state.kind !== 'idle') stream.offer(rows);
  };
  const feed =
    source === null ? null : new EventFeed({ source, shortLived, watch, gaps, complete, tell, offer, nowMs });
  return { shortLived, watch, holders, feed };
}

const noEvents: OpenedEvents = { source: null, cannotSee: [] };

type DescribedAgent = ConstructorParameters<typeof AgentStream>[0]['hello'];

/** Who this agent is. Where it keeps nothing, its epoch is made of the time, and so higher at every start as well. */
function describeAgent(
  config: AgentConfig,
  { collector, events = noEvents }: AgentParts,
  { clock, bootId, kernel }: Surroundings,
  { hostId, folder }: Identity,
  budget: Budget,
  cannotSee: () => readonly string[],
): DescribedAgent {
  const epoch = folder?.epoch ?? epochAt(clock.nowMs());
  return () => ({
    agentVersion: packageVersion,
    hostId,
    hostName: config.hostName ?? hostname(),
    realm: config.realm,
    labels: config.labels,
    bootId: bootId() ?? '',
    epoch,
    collector: collector.name,
    events: events.source?.name ?? '',
    cannotSee: cannotSee(),
    intervalMs: Math.round(budget.intervalMs),
    kernel,
    watchedUnixMs: folder?.before?.unixMs ?? 0,
  });
}

function isAllowed(endpoint: string, { insecure, tls }: AgentConfig): boolean {
  try {
    refuseExposure('redirect', parseHostPort(endpoint), insecure || tls !== null);
    return true;
  } catch {
    return false;
  }
}
