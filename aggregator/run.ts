/** The aggregator process: its table of contents. What each part does stands in its own folder. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { packageVersion } from '../model/version.ts';
import {
  formatHostPort,
  type HostPort,
  isLoopbackHost,
  parseHostPort,
  refuseExposure,
} from '../wire/host-port.ts';
import { maxMessageBytes } from '../wire/protocol.ts';
import { type Bus, publishFleet } from './cluster/bus.ts';
import { createInProcessBus } from './cluster/in-process.ts';
import { NatsBus } from './cluster/nats.ts';
import type { AggregatorConfig } from './config.ts';
import { Naming } from './graph/naming.ts';
import { createIngest } from './ingest/ingest.ts';
import { LiveView } from './live-view.ts';
import { createRegistry } from './metrics.ts';
import { connectionDocument, edgeDocument } from './serve/documents.ts';
import { addHealthAndReflection } from './serve/grpc-extras.ts';
import { createHttpServer } from './serve/http.ts';
import { addQueryService } from './serve/query-service.ts';
import { Watchers } from './serve/watch-feed.ts';

/** How often grace times, lingering and leases are looked after. */
const sweepIntervalMs = 500;

/** How long close() waits for calls under way. */
const drainMs = 1_000;

export interface Aggregator {
  /** As bound: with the port that the system chose for port 0. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly view: LiveView;
  /** Idempotent. */
  close(): Promise<void>;
}

/** An address could not be bound. `code` is the system's, such as EADDRINUSE. */
export class BindError extends Error {
  override readonly name = 'BindError';
  readonly code: string;

  constructor(flag: string, address: string, code: string) {
    const reason = code === 'EADDRINUSE' ? 'the port is in use' : code;
    super(`${flag} ${address}: ${reason}: choose another with ${flag} HOST:PORT`);
    this.code = code;
  }
}

/** Throws HostPortError, ExposureError and BindError. */
export async function startAggregator(
  config: AggregatorConfig,
  { log }: { log: Logger },
): Promise<Aggregator> {
  const listen = parseHostPort(config.listen);
  const http = parseHostPort(config.http);
  refuseExposure('--listen', listen, config.insecure);
  refuseExposure('--http', http, config.insecure);

  const clock = Date.now;
  const view: LiveView = new LiveView({
    naming: new Naming(config.services, config.names),
    limits: config.limits,
    sinceMs: clock(),
    clock,
    hosts: () => ingest.hosts(),
  });
  const ingest = createIngest({
    reports: view.reports,
    clock,
    log: log.child({ part: 'ingest' }),
    serverId: randomUUID(),
    version: packageVersion,
  });
  const bus = createBus(config, log);
  const stopPublishing = publishFleet(view, bus, { connection: connectionDocument, edge: edgeDocument });
  const watchers = new Watchers(view);
  const onError = (question: string, error: unknown): void =>
    log.error({ err: error, question }, 'no answer');

  const grpcServer = createGrpcServer();
  ingest.addTo(grpcServer);
  addQueryService(grpcServer, { view, watchers, clock, onError });
  const health = addHealthAndReflection(grpcServer);
  let isReady = false;
  const httpServer = await createHttpServer({
    view,
    watchers,
    registry: createRegistry({ view, watchers, bus }),
    clock,
    isReady: () => isReady,
    pageFolder: pageFolder(),
    loopbackOnly: isLoopbackHost(http.host),
    onError,
  });

  const sweeping = setInterval(() => {
    ingest.sweep(clock());
    view.correlator.sweep(clock());
  }, sweepIntervalMs);
  const close = once(async () => {
    isReady = false;
    health.setServing(false);
    clearInterval(sweeping);
    stopPublishing();
    ingest.close();
    await Promise.all([shutDown(grpcServer), httpServer.close(), bus.close()]);
  });

  try {
    const grpcAddress = await bindGrpc(grpcServer, listen);
    const httpAddress = await bindHttp(httpServer, http);
    isReady = true;
    log.info({ grpc: grpcAddress, http: httpAddress }, 'aggregator listens');
    return { grpcAddress, httpAddress, view, close };
  } catch (error) {
    await close();
    throw error;
  }
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

function createBus(config: AggregatorConfig, log: Logger): Bus {
  if (config.natsUrls.length === 0) return createInProcessBus();
  const busLog = log.child({ part: 'nats' });
  return new NatsBus({
    servers: config.natsUrls,
    log: { info: (line) => busLog.info(line), warn: (line) => busLog.warn(line) },
  });
}

/** The built page beside the compiled aggregator; null when run from the sources. */
function pageFolder(): string | null {
  const folder = fileURLToPath(new URL('../web', import.meta.url));
  return existsSync(`${folder}/index.html`) && !existsSync(`${folder}/main.tsx`) ? folder : null;
}

function bindGrpc(server: grpc.Server, address: HostPort): Promise<string> {
  const text = formatHostPort(address);
  return new Promise((resolve, reject) => {
    server.bindAsync(text, grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(formatHostPort({ ...address, port }));
      else reject(new BindError('--listen', text, systemCode(error.message)));
    });
  });
}

async function bindHttp(server: FastifyInstance, { host, port }: HostPort): Promise<string> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw new BindError(
      '--http',
      formatHostPort({ host, port }),
      (error as NodeJS.ErrnoException).code ?? '',
    );
  }
  const bound = server.server.address();
  return formatHostPort({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port });
}

/** grpc-js tells only text: the system's code stands in it. */
function systemCode(text: string): string {
  return /\bE[A-Z]{3,}\b/.exec(text)?.[0] ?? text;
}

function shutDown(server: grpc.Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, drainMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= action());
}
