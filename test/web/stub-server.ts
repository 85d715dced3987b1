/**
 * A stand-in for the aggregator's HTTP side: the built page under its security policy, canned documents, and a stream
 * that the test feeds. The page's own tests run against it; the end-to-end test runs against a real aggregator.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import type { ErrorDocument, WatchDocument } from '../../model/document.ts';
import { freePort } from '../support/free-port.ts';
import { asOf } from './documents.ts';
import { type Fleet, foundingTo } from './fleets.ts';

/** What the aggregator sends with every file of the page. */
export const contentSecurityPolicy =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const mimeTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface StubServer {
  readonly url: string;
  /** Answers from now on; the page learns of it by an event or its next question. */
  fleet: Fleet;
  /** Paths asked for so far, with their query. */
  readonly asked: string[];
  /** No question is answered before it resolves. */
  mayAnswer: Promise<void>;
  /** How many questions wait for their answer. */
  waiting(): number;
  /** Sends one event to every open stream. */
  tell(): void;
  openStreams(): number;
  /** Goes away as a killed aggregator does: connections end, the port refuses. */
  vanish(): Promise<void>;
  /** Comes back on the same port. */
  reappear(): Promise<void>;
}

/** @param root folder of the built page. */
export async function startStubServer(root: string, fleet: Fleet): Promise<StubServer> {
  const streams = new Set<ServerResponse>();
  const waiting = new Set<ServerResponse>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    void answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url!, 'http://stub');
    if (!url.pathname.startsWith('/api/')) return sendFile(root, url.pathname, response);
    if (url.pathname === '/api/v1/watch') return openStream(response, streams);
    waiting.add(response);
    response.on('close', () => waiting.delete(response));
    await stub.mayAnswer;
    const [status, body] = documentFor(url, stub.fleet);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const port = await freePort();
  const listen = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen();
  const stub: StubServer = {
    url: `http://127.0.0.1:${port}/`,
    fleet,
    asked,
    mayAnswer: Promise.resolve(),
    waiting: () => waiting.size,
    tell: () => {
      for (const stream of streams) stream.write(`data: ${JSON.stringify(anEvent)}\n\n`);
    },
    openStreams: () => streams.size,
    vanish: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    reappear: listen,
  };
  return stub;
}

const anEvent: WatchDocument = {
  apiVersion: 'whotalks/v1',
  asOf,
  kind: 'opened',
  connection: null,
  edge: null,
  host: null,
  missed: 0,
};

function openStream(response: ServerResponse, streams: Set<ServerResponse>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(`data: ${JSON.stringify({ ...anEvent, kind: 'started' })}\n\n`);
  streams.add(response);
  response.on('close', () => streams.delete(response));
}

function documentFor(url: URL, fleet: Fleet): [number, unknown] {
  const query = url.searchParams.get('q') ?? '';
  if (query.includes('(('))
    return [
      400,
      refusal(
        `"(" at column ${query.indexOf('((') + 2}; expected a field, an address or a name`,
        query.indexOf('((') + 2,
      ),
    ];
  if (url.pathname === '/api/v1/map') return [200, fleet.map];
  if (url.pathname === '/api/v1/connections') return [200, fleet.connections];
  if (url.pathname === '/api/v1/hosts') return [200, fleet.hosts];
  if (url.pathname === '/api/v1/about') return [200, fleet.about];
  if (url.pathname === '/api/v1/to' && query === '10.1.100.9:8743') return [200, foundingTo(query)];
  return [400, refusal('not a single target', 1)];
}

function refusal(message: string, column: number): ErrorDocument {
  return { error: { code: 'bad-filter', message, column } };
}

async function sendFile(root: string, path: string, response: ServerResponse): Promise<void> {
  const file = join(root, normalize(path === '/' ? '/index.html' : path));
  const body = await readFile(file).catch(() => null);
  response.writeHead(body === null ? 404 : 200, {
    'content-type': mimeTypes[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': contentSecurityPolicy,
  });
  response.end(body);
}
