/** The HTTP API: the same documents, one error document, and a watch stream over a real connection. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Counter, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnswerTurns } from '../../../aggregator/serve/answer-turns.ts';
import type { FleetView } from '../../../aggregator/serve/fleet-view.ts';
import { loopbackNames, refusalOfHost } from '../../../aggregator/serve/host-names.ts';
import { createHttpServer } from '../../../aggregator/serve/http.ts';
import { Watchers } from '../../../aggregator/serve/watch-feed.ts';
import { aboutTests } from '../../support/about.ts';
import * as answers from '../../support/answers-at-once.ts';
import { guardsFor } from '../../support/guards.ts';
import { until } from '../../support/until.ts';
import { ask, tellStory } from './story.ts';

const { fleet } = tellStory();
const watchers = new Watchers(fleet.view);
const registry = new Registry();
new Counter({ name: 'whotalks_test_total', help: 'x', registers: [registry] }).inc(3);
const pageFolder = mkdtempSync(join(tmpdir(), 'whotalks-page-'));
writeFileSync(join(pageFolder, 'index.html'), '<!doctype html><title>whotalks</title>');
let server: FastifyInstance;
let isReady = true;

beforeAll(async () => {
  server = await createHttpServer({
    view: fleet.view,
    watchers,
    turns: new AnswerTurns(),
    registry,
    about: () => aboutTests(fleet.nowMs),
    clock: () => fleet.nowMs,
    isReady: () => isReady,
    pageFolder,
    login: guardsFor('local').login,
    onError: () => {},
  });
});

afterAll(async () => {
  await server.close();
  rmSync(pageFolder, { recursive: true });
});

/** Fails in a way that its message would betray. */
const failingView = { hosts: () => JSON.parse('secret') } as unknown as FleetView;

const get = (url: string) => server.inject({ url, headers: { host: 'localhost:7480' } });

describe('the API', () => {
  test.each([
    ['/api/v1/connections?q=web1&limit=1', answers.connections, { q: 'web1', limit: 1 }],
    ['/api/v1/to?q=10.1.100.9%3A8743', answers.to, { q: '10.1.100.9:8743' }],
    ['/api/v1/from?q=index', answers.from, { q: 'index' }],
    ['/api/v1/hosts', answers.hosts, {}],
    ['/api/v1/services?realm=default', answers.services, { realm: 'default' }],
    ['/api/v1/listeners?sort=-port', answers.listeners, { sort: '-port' }],
    ['/api/v1/map?q=store', answers.map, { q: 'store' }],
    ['/api/v1/deps?q=store&reverse=true&depth=1', answers.deps, { q: 'store', reverse: true, depth: 1 }],
  ] as const)('%s', async (url, answer, request) => {
    const response = await get(url);
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(response.json()).toEqual(answer(fleet.view, ask(request), fleet.nowMs));
  });

  test.each([
    ['/api/v1/connections?q=web%20and', 400, 'bad-filter', /^the end at column 8; expected a term/, 8],
    ['/api/v1/to', 400, 'bad-filter', /^the end at column 1; expected ip:port/, 1],
    ['/api/v1/watch?q=(', 400, 'bad-filter', /^the end at column 2/, 2],
    ['/api/v1/hosts?limit=x', 400, 'bad-request', /^limit: expected a whole number, found "x"$/, null],
    [
      '/api/v1/hosts?colour=1',
      400,
      'bad-request',
      /^unknown parameter "colour"; there are q, realm, limit/,
      null,
    ],
    ['/api/v1/hosts?q=a&q=b', 400, 'bad-request', /^q is given more than once$/, null],
    ['/api/v1/to?q=a&at=now', 400, 'bad-request', /^at: history is not available in this version$/, null],
    [
      '/api/v1/deps?q=a&reverse=maybe',
      400,
      'bad-request',
      /^reverse: expected true or false, found "maybe"$/,
      null,
    ],
    [
      '/api/v1/nothing',
      404,
      'not-found',
      /^nothing is at GET \/api\/v1\/nothing; the API is GET \/api\/v1\/\{/,
      null,
    ],
    ['/%zz', 400, 'bad-request', /^'\/%zz' is not a valid url component$/, null],
  ])('%s is %i %s', async (url, status, code, message, column) => {
    const response = await get(url);
    expect(response.statusCode).toBe(status);
    expect(response.headers['x-content-type-options']).toBe('nosniff');
    expect(response.json()).toEqual({ error: { code, message: expect.stringMatching(message), column } });
  });

  test.each(['//', '//['])('POST %s, which is no address, is answered', async (url) => {
    const headers = { host: 'localhost:7480', origin: 'http://localhost:7480' };
    const response = await server.inject({ method: 'POST', url, headers });
    expect([response.statusCode, response.json()]).toMatchObject([
      404,
      { error: { code: 'not-found', message: expect.stringContaining(`nothing is at POST ${url};`) } },
    ]);
  });

  test('an answer that fails inside says nothing of its inside', async () => {
    const broken = await createHttpServer({
      view: failingView,
      watchers,
      turns: new AnswerTurns(),
      registry,
      about: () => aboutTests(0),
      clock: () => 0,
      isReady: () => true,
      pageFolder: null,
      login: guardsFor('local').login,
      onError: () => {},
    });
    const response = await broken.inject('/api/v1/hosts');
    expect(response.statusCode).toBe(500);
    expect(response.json()).toEqual({
      error: { code: 'internal', message: 'the aggregator failed to answer; its log says why', column: null },
    });
    expect((await broken.inject('/')).body).toMatch(/^whotalks: the page is not built here; the API is /);
    await broken.close();
  });
});

describe('health, metrics and the page', () => {
  test('healthz and readyz', async () => {
    expect((await get('/healthz')).body).toBe('ok\n');
    expect((await get('/readyz')).statusCode).toBe(200);
    isReady = false;
    expect((await get('/readyz')).statusCode).toBe(503);
    isReady = true;
  });

  test('metrics come from the registry', async () => {
    expect((await get('/metrics')).body).toContain('whotalks_test_total 3');
  });

  test('the page comes with a policy that lets in nothing but itself', async () => {
    const response = await get('/');
    expect(response.body).toBe('<!doctype html><title>whotalks</title>');
    expect(response.headers['content-security-policy']).toMatch(/^default-src 'self'; object-src 'none';/);
    expect((await get('/../../etc/passwd')).statusCode).toBe(404);
  });

  test('a name that is not loopback is refused where only loopback is served', async () => {
    const response = await server.inject({ url: '/api/v1/hosts', headers: { host: 'evil.example.org' } });
    expect(response.statusCode).toBe(403);
    expect(response.json()).toMatchObject({ error: { code: 'foreign-host' } });
    const isOwn = (host: string): boolean => refusalOfHost(host, loopbackNames) === null;
    expect(['localhost', '127.0.0.1:7480', '[::1]:7480', 'LOCALHOST:1'].every(isOwn)).toBe(true);
    expect(['', 'localhost.evil.org', '10.0.0.1', '127.0.0.1.evil.org'].some(isOwn)).toBe(false);
  });
});

describe('watch', () => {
  test('streams documents as they happen, and ends with the reader', async () => {
    const address = await server.listen({ host: '127.0.0.1', port: 0 });
    const abort = new AbortController();
    const response = await fetch(`${address}/api/v1/watch?q=mail`, { signal: abort.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body!) text += Buffer.from(chunk).toString();
    })().catch(() => {});
    const documents = () =>
      text
        .split('\n\n')
        .filter((part) => part.startsWith('data: '))
        .map((part) => JSON.parse(part.slice(6)) as { kind: string });
    await until('the stream started', () => documents().length === 1);
    const web1 = fleet.hosts.get('web1')!;
    const mail = fleet.host('mail', { addresses: ['10.1.60.1'] });
    fleet.open(web1, '10.1.17.138:51000', '10.1.60.1:25', { program: 'index_search', pid: 25465 });
    fleet.open(mail, '10.1.60.1:25', '10.1.17.138:51000', { program: 'postfix', pid: 9 });
    fleet.pass(60_000);
    await until(
      'connection arrived',
      () => documents().some((document) => document.kind === 'opened') || text,
    );
    expect(documents()[0]).toMatchObject({ kind: 'started', apiVersion: 'whotalks/v1' });
    abort.abort();
    await reading;
    await until('the watcher left', () => watchers.open === 0);
  });
});
