/** The aggregator process: its table of contents. What each part does stands in its own folder. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { packageVersion } from '../model/version.ts';
import { isLoopbackHost, parseHostPort, refuseExposure } from '../wire/host-port.ts';
import { maxMessageBytes } from '../wire/protocol.ts';
import { bindGrpc, bindHttp, shutDownGrpc } from './bind.ts';
import { type Bus, publishFleet } from './cluster/bus.ts';
import { createInProcessBus } from './cluster/in-process.ts';
import { NatsBus } from './cluster/nats.ts';
import type { AggregatorConfig } from './config.ts';
import { Naming } from './graph/naming.ts';
import { createIngest, type Ingest } from './ingest/ingest.ts';
import { type Kept, openKept, startKeeping } from './journal/keeping.ts';
import { LiveView } from './live-view.ts';
import { LoopDelay } from './loop-delay.ts';
import { createRegistry } from './metrics.ts';
import { type AboutSources, aboutDocument } from './serve/about.ts';
import { AnswerTurns } from './serve/answer-turns.ts';
import { connectionDocument, edgeDocument } from './serve/documents.ts';
import { addHealthAndReflection, type Health } from './serve/grpc-extras.ts';
import { createHttpServer } from './serve/http.ts';
import { addQueryService } from './serve/query-service.ts';
import { Watchers } from './serve/watch-feed.ts';

/** How often grace times, lingering and leases are looked after. */
const sweepIntervalMs = 500;

export interface Aggregator {
  /** As bound: with the port that the system chose for port 0. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly view: LiveView;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Unix milliseconds. */
const clock = Date.now;

/** Throws HostPortError, ExposureError, BindError and DataFolderError. */
export async function startAggregator(
  config: AggregatorConfig,
  { log }: { log: Logger },
): Promise<Aggregator> {
  const listen = parseHostPort(config.listen);
  const http = parseHostPort(config.http);
  refuseExposure('--listen', listen, config.insecure);
  refuseExposure('--http', http, config.insecure);

  const folder = await openKept(config.data, { log: log.child({ part: 'journal' }) });
  const core = createCore(config, log, folder?.checkpoint?.sinceMs ?? clock());
  const { view, ingest, bus } = core;
  const keepingLog = { log: log.child({ part: 'journal' }) };
  const kept = folder === null ? null : await startKeeping(folder, core, keepingLog);
  const addresses = { grpcAddress: config.listen, httpAddress: config.http };
  const doors = await createDoors(core, {
    log,
    kept,
    loopbackOnly: isLoopbackHost(http.host),
    about: () => ({ ...addresses, sinceMs: view.sinceMs, insecure: config.insecure, bus, kept }),
  });

  const stopPublishing = publishFleet(view, bus, { connection: connectionDocument, edge: edgeDocument });
  const sweeping = setInterval(() => {
    ingest.sweep(clock());
    view.correlator.sweep(clock());
  }, sweepIntervalMs);
  const close = once(async () => {
    doors.setOpen(false);
    clearInterval(sweeping);
    core.loopDelay.close();
    stopPublishing();
    ingest.close();
    await Promise.all([shutDownGrpc(doors.grpcServer), doors.httpServer.close(), bus.close(), kept?.close()]);
    await view.sieveThread?.close();
  });

  try {
    addresses.grpcAddress = await bindGrpc(doors.grpcServer, listen);
    addresses.httpAddress = await bindHttp(doors.httpServer, http);
  } catch (error) {
    await close();
    throw error;
  }
  doors.setOpen(true);
  log.info({ grpc: addresses.grpcAddress, http: addresses.httpAddress }, 'aggregator listens');
  return { ...addresses, view, close };
}

/** What takes facts in and keeps them. */
interface Core {
  readonly view: LiveView;
  readonly ingest: Ingest;
  readonly bus: Bus;
  readonly loopDelay: LoopDelay;
}

/** @param sinceMs since when the fleet is watched, in earlier runs too */
function createCore(config: AggregatorConfig, log: Logger, sinceMs: number): Core {
  const view: LiveView = new LiveView({
    naming: new Naming(config.services, config.names),
    limits: config.limits,
    sinceMs,
    startedMs: clock(),
    clock,
    hosts: () => ingest.hosts(),
    sieve: {
      onFailure: (error) =>
        log.warn({ err: error }, 'the thread that helps with questions ended; they go on without it'),
    },
  });
  const ingest = createIngest({
    reports: view.reports,
    clock,
    log: log.child({ part: 'ingest' }),
    serverId: randomUUID(),
    version: packageVersion,
  });
  return { view, ingest, bus: createBus(config, log), loopDelay: new LoopDelay() };
}

function createBus(config: AggregatorConfig, log: Logger): Bus {
  if (config.natsUrls.length === 0) return createInProcessBus();
  const busLog = log.child({ part: 'nats' });
  return new NatsBus({
    servers: config.natsUrls,
    log: { info: (line) => busLog.info(line), warn: (line) => busLog.warn(line) },
  });
}

/** The two servers, not bound yet. */
interface Doors {
  readonly grpcServer: grpc.Server;
  readonly httpServer: FastifyInstance;
  /** What health checks and /readyz say. */
  setOpen(isOpen: boolean): void;
}

interface DoorOptions {
  readonly log: Logger;
  readonly kept: Kept | null;
  readonly loopbackOnly: boolean;
  readonly about: () => AboutSources;
}

async function createDoors({ view, ingest, bus, loopDelay }: Core, options: DoorOptions): Promise<Doors> {
  const { log, loopbackOnly, kept } = options;
  const watchers = new Watchers(view);
  const turns = new AnswerTurns();
  let isOpen = false;
  const shared = {
    view,
    watchers,
    turns,
    clock,
    about: () => aboutDocument(options.about(), clock()),
    onError: (question: string, error: unknown) => log.error({ err: error, question }, 'no answer'),
  };
  const grpcServer = createGrpcServer();
  ingest.addTo(grpcServer);
  addQueryService(grpcServer, shared);
  const health: Health = addHealthAndReflection(grpcServer);
  const httpServer = await createHttpServer({
    ...shared,
    registry: createRegistry({ view, ingest, watchers, turns, bus, loopDelay, kept }),
    isReady: () => isOpen,
    pageFolder: pageFolder(),
    loopbackOnly,
  });
  return {
    grpcServer,
    httpServer,
    setOpen: (open) => {
      isOpen = open;
      health.setServing(open);
    },
  };
}

function createGrpcServer(): grpc.Server {
  return new grpc.Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.keepalive_permit_without_calls': 1,
    // One aggregator owns its port: a second on the same port is a mistake, not a second worker.
    'grpc.so_reuseport': 0,
  });
}

/** The built page beside the compiled aggregator; null when run from the sources. */
function pageFolder(): string | null {
  const folder = fileURLToPath(new URL('../web', import.meta.url));
  return existsSync(`${folder}/index.html`) && !existsSync(`${folder}/main.tsx`) ? folder : null;
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= action());
}
