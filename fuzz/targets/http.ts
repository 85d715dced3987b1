/**
 * The HTTP server: requests of strangers. An input is a request as text: method and address in the first line, then headers, a
 * blank line, and a body.
 */
import { Registry } from 'prom-client';
import { AnswerTurns } from '../../aggregator/serve/answer-turns.ts';
import { createHttpServer } from '../../aggregator/serve/http.ts';
import { Watchers } from '../../aggregator/serve/watch-feed.ts';
import { tellStory } from '../../test/aggregator/serve/story.ts';
import { aboutTests } from '../../test/support/about.ts';
import { guardsFor } from '../../test/support/guards.ts';
import { root } from '../corpus.ts';
import { expectThat, type Target } from '../target.ts';

type Server = Awaited<ReturnType<typeof createHttpServer>>;

const paths = [
  'connections?q=web1&limit=1',
  'to?q=10.1.100.9%3A8743',
  'from?q=index',
  'hosts',
  'services?realm=default',
]
  .concat(['listeners?sort=-port', 'map?q=store', 'deps?q=store&reverse=true&depth=1', 'about'])
  .map((path) => `/api/v1/${path}`);

const others = [
  `GET /\nhost: [:${'.'.repeat(15_000)}:a]\n`,
  'GET /\nhost: localhost\n',
  'GET //x\nhost: localhost\n',
  'POST //\nhost: localhost\norigin: http://localhost\n',
  'POST /login\nhost: localhost\norigin: http://localhost\ncontent-type: application/json\n\n{"token":"x"}',
  'GET /healthz\nhost: localhost:7480\ncookie: whotalks=a; b="c"\nauthorization: Bearer secret-x\n',
  'OPTIONS *\nhost: [::1]:7480\norigin: http://evil.example\nsec-fetch-site: cross-site\n',
];

/** The server, made when the first request comes. */
class Asked {
  #server: Promise<Server> | null = null;
  readonly faults: unknown[] = [];

  server(): Promise<Server> {
    this.#server ??= this.#create();
    return this.#server;
  }

  #create(): Promise<Server> {
    const { fleet } = tellStory();
    return createHttpServer({
      view: fleet.view,
      watchers: new Watchers(fleet.view),
      turns: new AnswerTurns(),
      registry: new Registry(),
      about: () => aboutTests(fleet.nowMs),
      clock: () => fleet.nowMs,
      isReady: () => true,
      pageFolder: `${root}web`,
      login: guardsFor('local').login,
      onError: (_question, error) => this.faults.push(error),
    });
  }

  async close(): Promise<void> {
    await (await this.#server)?.close();
    this.#server = null;
  }
}

const headersMax = 32;

/** Those that a request can be made with here; Node.js refuses unknown ones. */
const methods = new Set(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']);

/** What Node.js would not hand on is not asked: it refuses it before. */
function requestOf(
  text: string,
): { method: string; url: string; headers: Record<string, string>; body: string } | null {
  const end = text.indexOf('\n\n');
  const [head, body] = end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 2)];
  const [first, ...lines] = head.split('\n');
  const match = /^([A-Z]{1,10}) ([^\s\0-\x20\x7f]+)$/.exec(first!);
  if (match === null || !methods.has(match[1]!) || lines.length > headersMax) return null;
  // Of others the library that asks makes nothing.
  if (!match[2]!.startsWith('/')) return null;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const header = /^([!#$%&'*+.^_`|~0-9a-zA-Z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
    if (header !== null) headers[header[1]!.toLowerCase()] = header[2]!;
  }
  // A watch has no end, and a body of another length than it says never comes.
  for (const name of ['content-length', 'transfer-encoding', 'expect']) delete headers[name];
  return { method: match[1]!, url: match[2]!, headers, body };
}

const asked = new Asked();

const http: Target = {
  name: 'http',
  seeds: () =>
    [...paths.map((path) => `GET ${path}\nhost: localhost:7480\n`), ...others].map((text) =>
      Buffer.from(text),
    ),
  tokens: [
    '//',
    '/',
    '%',
    '%2f',
    '%00',
    '?',
    '&',
    '=',
    'q=',
    'limit=',
    'realm=',
    '[',
    ']',
    '@',
    ':',
    '#',
    '\n',
    '; ',
    '..',
    '\\',
  ].concat(
    [
      'host: ',
      'cookie: ',
      'authorization: Bearer ',
      'origin: ',
      'range: bytes=0-',
      'if-none-match: ',
      'content-type: ',
    ],
    [
      'application/json',
      'HEAD ',
      'POST ',
      '/login',
      '/logout',
      '/session',
      '/metrics',
      '{"token":',
      '__proto__',
      '%ff',
      ' ',
    ],
  ),
  async run(input) {
    const request = requestOf(input.toString('latin1'));
    if (request === null || request.url.replaceAll('%', '').includes('tch')) return null;
    const { method, url, headers, body } = request;
    const server = await asked.server();
    const options = { method: method as 'GET', url, headers, ...(body === '' ? {} : { payload: body }) };
    const response = await server.inject(options);
    const [fault] = asked.faults.splice(0);
    if (fault !== undefined) throw fault;
    const { statusCode } = response;
    expectThat(statusCode < 500 || statusCode === 503, 'a request is no failure of the server', [
      method,
      url,
      statusCode,
    ]);
    expectThat('content-security-policy' in response.headers, 'every answer has a policy', [method, url]);
    return [statusCode, response.headers['content-type'], response.body.length];
  },
  close: () => asked.close(),
};

export const httpTargets: readonly Target[] = [http];
