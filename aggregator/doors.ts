/** The two servers of an aggregator with everything that they answer, ready to be bound: gRPC for agents and commands, HTTP for people. */
import { existsSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { maxMessageBytes } from '../wire/protocol.ts';
import type { Bus } from './cluster/bus.ts';
import type { Guards } from './guards.ts';
import type { Ingest } from './ingest/ingest.ts';
import type { Kept } from './journal/keeping.ts';
import type { LiveView } from './live-view.ts';
import type { LoopDelay } from './loop-delay.ts';
import { createRegistry } from './metrics.ts';
import type { AuditTrail } from './security/audit-trail.ts';
import { limitConnections } from './security/connection-limit.ts';
import { addEnrolService, type Enrols } from './security/enrol-service.ts';
import { type AboutSources, aboutDocument } from './serve/about.ts';
import { AnswerTurns } from './serve/answer-turns.ts';
import { addHealthAndReflection, type Health } from './serve/grpc-extras.ts';
import type { GrpcGuard } from './serve/grpc-guard.ts';
import { createHttpServer } from './serve/http.ts';
import { addQueryService } from './serve/query-service.ts';
import { Watchers } from './serve/watch-feed.ts';

/** Calls that one connection may have open: an agent has one, a command two. */
const streamsPerConnectionMax = 128;

/** What takes facts in and keeps them. */
export interface Core {
  readonly view: LiveView;
  readonly ingest: Ingest;
  readonly bus: Bus;
  readonly loopDelay: LoopDelay;
}

/** Unix milliseconds. */
const clock = Date.now;

/** The two servers, not bound yet. */
export interface Doors {
  readonly grpcServer: grpc.Server;
  readonly httpServer: FastifyInstance;
  /** What health checks and /readyz say. */
  setOpen(isOpen: boolean): void;
}

export interface DoorOptions {
  readonly log: Logger;
  readonly kept: Kept | null;
  readonly guards: Guards;
  readonly audit: AuditTrail;
  /** Keys and certificates of HTTP; null or absent = plaintext. */
  readonly httpTls?: SecureContextOptions | null;
  /** Who makes certificates for agents; null or absent = nobody. */
  readonly enrolment?: Enrols | null;
  readonly about: () => AboutSources;
  /** Folder of the built page; null when there is none. */
  readonly pageFolder: string | null;
}

export async function createDoors(
  { view, ingest, bus, loopDelay }: Core,
  options: DoorOptions,
): Promise<Doors> {
  const { log, kept, guards, audit } = options;
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
  const grpcServer = createGrpcServer(guards.grpc);
  ingest.addTo(grpcServer);
  addEnrolService(grpcServer, {
    enrolment: options.enrolment ?? null,
    identityOf: (call) => guards.grpc.identityOf(call.metadata),
    onError: (error) => log.error({ err: error }, 'enrolment failed'),
  });
  addQueryService(grpcServer, { ...shared, sightOf: (metadata) => guards.grpc.sightOf(metadata) });
  const health: Health = addHealthAndReflection(grpcServer);
  const httpServer = await createHttpServer({
    ...shared,
    registry: createRegistry({
      view,
      ingest,
      watchers,
      turns,
      bus,
      loopDelay,
      kept,
      security: { ...guards, audit },
    }),
    isReady: () => isOpen,
    pageFolder: options.pageFolder,
    login: guards.login,
    tls: options.httpTls ?? null,
  });
  limitConnections(httpServer.server, audit.tell);
  return {
    grpcServer,
    httpServer,
    setOpen: (open) => {
      isOpen = open;
      health.setServing(open);
    },
  };
}

function createGrpcServer({ interceptor }: GrpcGuard): grpc.Server {
  return new grpc.Server({
    interceptors: [interceptor],
    'grpc.max_concurrent_streams': streamsPerConnectionMax,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.keepalive_permit_without_calls': 1,
    // One aggregator owns its port: a second on the same port is a mistake, not a second worker.
    'grpc.so_reuseport': 0,
  });
}

/** The built page beside the compiled aggregator; null when run from the sources. */
export function builtPageFolder(): string | null {
  const folder = fileURLToPath(new URL('../web', import.meta.url));
  return existsSync(`${folder}/index.html`) && !existsSync(`${folder}/main.tsx`) ? folder : null;
}
