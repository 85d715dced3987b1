/** Logging in over TLS, at an aggregator as a person starts it: certificate, token, cookie, and the names it answers to. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli, type StartedCli, startCli } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

let folder: string;
let data: string;
let ca: string;
let aggregator: StartedCli;
let http = '';

const world = () => ({ env: { XDG_STATE_HOME: join(folder, 'state') } });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-page-tls-'));
  data = join(folder, 'data');
  await runCli(['ca', 'init', '--data', data, '--name', 'map.example.net'], world());
  ca = readFileSync(join(data, 'security', 'ca.crt'), 'utf8');
  const doors = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--http-name', 'maps.example.org'];
  aggregator = startCli(['aggregator', '--data', data, ...doors], world());
  await until('the aggregator listens', () => {
    http = /"http":"([^"]+)"/.exec(aggregator.err())?.[1] ?? '';
    return http !== '' || aggregator.err();
  });
});
afterAll(async () => {
  aggregator.stop('SIGTERM');
  await aggregator.done;
  rmSync(folder, { recursive: true });
});

interface Asked {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** @param body is posted; without one it is a GET */
function ask(path: string, headers: Record<string, string>, body?: object): Promise<Asked> {
  const [host, port] = http.split(':') as [string, string];
  const method = body === undefined ? 'GET' : 'POST';
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const options = {
      host,
      port,
      path,
      method,
      ca,
      servername: 'localhost',
      headers: { ...type, ...headers },
    };
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test('a token is shown once, and a cookie from then on, until it is revoked', async () => {
  const created = await runCli(
    ['token', 'create', '--data', data, '--role', 'read', '--name', 'ann'],
    world(),
  );
  const [secret, id] = [created.out.trim(), /token ([0-9a-f]{8})/.exec(created.err)![1]!];
  expect((await ask('/', {})).status).not.toBe(401);
  expect((await ask('/api/v1/hosts', {})).status).toBe(401);
  const origin = `https://${http}`;
  const login = await ask('/login', { origin }, { token: secret });
  expect([login.status, JSON.parse(login.body)]).toMatchObject([200, { session: { name: 'ann' } }]);
  const cookie = login.headers['set-cookie']![0]!.split(';', 1)[0]!;
  expect((await ask('/api/v1/hosts', { cookie })).status).toBe(200);
  expect((await ask('/metrics', { cookie })).body).toContain('whotalks_page_logins 1\n');
  await runCli(['token', 'revoke', id, '--data', data], world());
  const refused = await ask('/api/v1/hosts', { cookie });
  expect([refused.status, refused.body]).toEqual([401, expect.stringContaining(`token ${id} was revoked`)]);
  await until('the audit log has all of it', async () => {
    const { out } = await runCli(
      ['audit', '--data', data, '--no-headers', '--columns', 'kind,reason', '-o', 'csv'],
      world(),
    );
    const wanted = ['logged-in,', 'token-revoked,', 'token-created,', 'token-first-used,'];
    const missing = [...wanted, 'refused,no-credentials', 'refused,bad-credentials'].filter(
      (line) => !out.split(/\r?\n/).includes(line),
    );
    return missing.length === 0 || `${missing.join()} in ${out}`;
  });
  expect(await runCli(['audit', '--data', data, '--verify'], world())).toMatchObject({ code: 0 });
});

test.each([
  ['map.example.net', 200],
  ['maps.example.org:7480', 200],
  ['localhost:7480', 200],
  ['10.0.0.1', 200],
  ['evil.example', 403],
])('it answers to the name %s: %i', async (host, status) => {
  expect((await ask('/healthz', { host })).status).toBe(status);
});
