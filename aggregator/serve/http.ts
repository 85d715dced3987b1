/** The HTTP server: the JSON API, the watch stream, health, metrics and the page. */
import type { ServerOptions } from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import type { AboutDocument } from '../../model/document.ts';
import { needs } from '../security/authorise.ts';
import type { Refusal } from '../security/refusal.ts';
import type { AnswerTurns } from './answer-turns.ts';
import * as answers from './answers.ts';
import type { FleetView } from './fleet-view.ts';
import { failure, type HttpFailure, httpFailure } from './http-errors.ts';
import { checkRoutes, refusalHttpStatus } from './http-guard.ts';
import { addLogin, type LoginOptions } from './http-login.ts';
import { parseParameters } from './http-request.ts';
import { EventTexts, streamWatch } from './http-watch.ts';
import type { Watchers } from './watch-feed.ts';

export interface HttpOptions {
  readonly view: FleetView;
  readonly watchers: Watchers;
  /** Shared by all doors. */
  readonly turns: AnswerTurns;
  readonly about: () => AboutDocument;
  readonly registry: Registry;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Whether the aggregator takes streams and answers. */
  readonly isReady: () => boolean;
  /** Folder of the built page; null when there is none. */
  readonly pageFolder: string | null;
  readonly login: LoginOptions;
  /** Keys and certificates; null or absent = plaintext. */
  readonly tls?: SecureContextOptions | null;
  /** Told of every failure that is not the asker's fault. */
  readonly onError: (question: string, error: unknown) => void;
}

/** Longest address of a request that is read; a filter has 4096 characters at most, three bytes each when escaped. */
const headerBytesMax = 16_384;

/** How long a request may take to arrive. */
const requestTimeoutMs = 30_000;

const questions = {
  connections: answers.connections,
  to: answers.to,
  from: answers.from,
  hosts: answers.hosts,
  services: answers.services,
  listeners: answers.listeners,
  map: answers.map,
  deps: answers.deps,
} as const satisfies Record<string, answers.Answer<object>>;

/** Everything the page needs comes from this server; process names are hostile text and never become script. */
const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Node's server underneath. The type stays that of plaintext: nothing here tells the two apart. */
function httpServerOf(tls: SecureContextOptions | null): { http: ServerOptions } {
  const limits = { maxHeaderSize: headerBytesMax };
  return tls === null
    ? { http: limits }
    : ({ https: { ...tls, ...limits } } as unknown as { http: ServerOptions });
}

/** Ready to listen() or inject(); close() ends watch streams too. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: headerBytesMax },
    ...httpServerOf(options.tls ?? null),
    requestTimeout: requestTimeoutMs,
    // Before any hook runs.
    frameworkErrors: (error, _request, reply) =>
      void send(reply.headers(securityHeaders), httpFailure(error)),
  });
  checkRoutes(server, (action) => needs.has(action));
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    const refusal = options.login.guard.admit(request);
    if (refusal !== null) return refuse(reply, refusal);
  });
  server.setErrorHandler((error, request, reply) => {
    const failed = httpFailure(error);
    if (failed.isInternal) options.onError(request.url, error);
    return send(reply, failed);
  });
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    return send(reply, failure(404, 'not-found', `nothing is at ${request.method} ${path}; ${whatThereIs}`));
  });
  addApi(server, options);
  addHealth(server, options);
  addLogin(server, options.login, refuse);
  await addPage(server, options.pageFolder);
  return server;
}

const whatThereIs = `the API is GET /api/v1/{${[...Object.keys(questions), 'about', 'watch'].join(',')}}`;

function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const status = refusalHttpStatus(refusal);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return send(reply, failure(status, refusal.reason, refusal.message));
}

function send(reply: FastifyReply, failed: HttpFailure): FastifyReply {
  return reply.code(failed.status).header('cache-control', 'no-store').send(failed.document);
}

function addApi(server: FastifyInstance, options: HttpOptions): void {
  const { guard } = options.login;
  for (const [name, answer] of Object.entries<answers.Answer<object>>(questions)) {
    server.get(`/api/v1/${name}`, async (request, reply) => {
      const steps = answer(options.view, parametersOf(request.url), options.clock(), guard.sightOf(request));
      const document = await options.turns.ask(steps, () => !request.socket.destroyed);
      return document === null ? reply.hijack() : reply.header('cache-control', 'no-store').send(document);
    });
  }
  server.get('/api/v1/about', (_request, reply) => {
    return reply.header('cache-control', 'no-store').send(options.about());
  });
  const texts = new EventTexts();
  server.get('/api/v1/watch', (request, reply) => {
    const refusal = streamWatch(options, texts, parametersOf(request.url), request, reply);
    if (refusal !== null) void refuse(reply, refusal);
  });
}

function parametersOf(url: string): ReturnType<typeof parseParameters> {
  return parseParameters(new URL(url, 'http://localhost').searchParams);
}

function addHealth(server: FastifyInstance, { registry, isReady }: HttpOptions): void {
  server.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  server.get('/readyz', (_request, reply) => {
    const ready = isReady();
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'ready\n' : 'not ready\n');
  });
  server.get('/metrics', async (_request, reply) => {
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

async function addPage(server: FastifyInstance, folder: string | null): Promise<void> {
  if (folder !== null) {
    await server.register(fastifyStatic, { root: folder, index: 'index.html' });
    return;
  }
  server.get('/', (_request, reply) =>
    reply.type('text/plain').send(`whotalks: the page is not built here; ${whatThereIs}\n`),
  );
}
