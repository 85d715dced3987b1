/** Every question against a real gRPC server: texts, formats, exit codes. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ToDocument } from '../../model/document.ts';
import { silence, tellStory } from '../aggregator/serve/story.ts';
import { bytesMethod } from '../support/bytes-method.ts';
import { type QueryServer, startQueryServer } from '../support/query-server.ts';
import { type CliWorld, runCli, startCli } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

const { fleet } = tellStory();
let server: QueryServer;

beforeAll(async () => {
  server = await startQueryServer(fleet);
});
afterAll(() => server.close());

const ask = (argv: readonly string[], world: CliWorld = {}) =>
  runCli(argv, { ...world, env: { WHOTALKS_SERVER: server.address, ...world.env } });

describe('to', () => {
  test('says the answer first, then who listens, then who calls, within 80 columns', async () => {
    const { code, out, err } = await ask(['to', '10.1.100.9:8743'], {
      terminalColumns: 80,
      env: { NO_COLOR: '1' },
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(
      [
        'index (index[4121], user svc) on idx1 listens on 10.1.100.9:8743; 1 service on 2',
        'hosts calls it; 1 caller has no agent.',
        '',
        'LISTENER  HOST  PROCESS      USER  LISTENS ON',
        'index     idx1  index[4121]  svc   0.0.0.0:8743',
        '',
        'CLIENT        HOST  PROCESS         USER  ADDRESS      PORT  OPEN  ALL  SEEN',
        'index_search  web1  index_search[…  svc   10.1.17.138  8743     1    1  both',
        'index_search  web2  index_search[…  svc   10.1.17.139  8743     1    1  both',
        '-             -     -               -     10.9.4.20    8743     1    1  no-agent',
        '',
      ].join('\n'),
    );
  });

  test('json is the document', async () => {
    const { code, out } = await ask(['to', '10.1.100.9:8743', '-o', 'json']);
    const document = JSON.parse(out) as ToDocument;
    expect(code).toBe(0);
    expect(document.listeners[0]).toMatchObject({ process: 'index', pid: 4121, fds: [7], container: null });
    expect(document.clients.map((client) => client.process)).toEqual(['index_search', 'index_search', null]);
  });

  test('SEEN tells why the end of its row is missing, never why the other one is', async () => {
    const columns = ['--no-headers', '--columns', 'ip,seen'];
    expect((await ask(['to', '10.1.100.9', ...columns])).out).toContain('10.9.4.20    no-agent\n');
    expect((await ask(['from', '10.9.4.20', ...columns])).out).toBe(
      '10.9.4.20 talks to 1 service on 1 host over 1 connection, 1 open.\n\n10.1.100.9  server\n',
    );
  });

  test('nobody is an answer', async () => {
    expect(await ask(['to', ':99'])).toEqual({
      code: 0,
      out: 'Nobody talked to :99 since 14:02 UTC; 4 of 4 hosts report.\n',
      err: '',
    });
  });
});

describe('a name that nothing has', () => {
  test.each(['to', 'from'])('%s says so, and where names are found', async (verb) => {
    expect(await ask([verb, 'indx'])).toEqual({
      code: 0,
      out: 'No host or service called "indx" was seen since 14:02 UTC; 4 of 4 hosts report.\n',
      err: 'whotalks: "whotalks services" and "whotalks hosts" list the names\n',
    });
  });
});

describe('the other questions', () => {
  test('connections as a table and as CSV with chosen columns', async () => {
    expect((await ask(['connections', '10.9.4.20'])).out).toBe(
      [
        'CLIENT  FROM             SERVER      TO               STATE        SEEN',
        '-       10.9.4.20:40000  index@idx1  10.1.100.9:8743  established  server',
        '',
      ].join('\n'),
    );
    const csv = await ask(['connections', 'store', '-o', 'csv', '--columns', 'client,server.address,seen']);
    expect(csv.out).toBe('client,server.address,seen\r\nindex@idx1,10.1.200.1:5432,both\r\n');
  });

  test('the words of a filter are joined; flags may stand in front of the verb', async () => {
    const { out } = await ask([
      '-o',
      'ndjson',
      '--limit',
      '1',
      'connections',
      'index_search',
      'and',
      'not',
      'web2',
    ]);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { client: { host: string } }).client.host),
    ).toEqual(['web1']);
  });

  test('nothing found is said on stderr, and stdout stays empty', async () => {
    expect(await ask(['connections', 'nobody'])).toEqual({
      code: 0,
      out: '',
      err: 'whotalks: no connection matches\n',
    });
  });

  test('listeners show who uses them, none included', async () => {
    expect((await ask(['listeners', 'idx1'])).out).toBe(
      [
        'LISTENER  HOST  PROCESS      USER  LISTENS ON      PROTO  CLIENTS  OPEN',
        'index     idx1  index[4121]  svc   0.0.0.0:8743    tcp          2     3',
        'admin     idx1  admin[4200]  svc   127.0.0.1:9000  tcp          0     0',
        '',
      ].join('\n'),
    );
  });

  test('services, hosts, from, deps and map', async () => {
    expect((await ask(['services', 'index'])).out).toBe(
      [
        'SERVICE  INSTANCES  CLIENTS  SERVERS  LISTENS  HOSTS',
        'index            1        2        1  8743     idx1',
        '',
      ].join('\n'),
    );
    expect((await ask(['hosts', 'idx1', '--no-headers'])).out).toBe(
      'idx1  live  0s  0ms  0  0  4  75%  10.1.100.9\n',
    );
    expect((await ask(['from', 'index'])).out).toContain(
      'index talks to 1 service on 1 host over 1 connection, 1 open.\n\nSERVER',
    );
    expect((await ask(['deps', 'store', '--reverse', '--depth', '1', '-o', 'mermaid'])).out).toBe(
      'flowchart LR\n  n0["index"]\n  n1["store"]\n  n0 -->|"5432/tcp"| n1\n',
    );
    expect((await ask(['map', 'store', '-o', 'dot'])).out).toContain(
      '  "index" -> "store" [label="5432/tcp"];\n',
    );
    expect((await ask(['deps', 'nothing'])).err).toBe(
      'whotalks: nothing is known that nothing needs; "whotalks services" lists the names\n',
    );
  });

  test('a wrong sort is the server’s to refuse, with exit code 2', async () => {
    const { code, err } = await ask(['hosts', '--sort', 'colour']);
    expect(code).toBe(2);
    expect(err).toMatch(/^whotalks: no field "colour" to sort by; there are host, realm, /);
  });
});

describe('watch', () => {
  test('prints events until it has seen --limit of them', async () => {
    const watching = startCli(['watch', 'proxy', '--limit', '1', '-o', 'ndjson'], {
      env: { WHOTALKS_SERVER: server.address },
    });
    await until('the watch began', () => watching.out().includes('"started"'));
    const proxy = fleet.host('proxy1', { addresses: ['10.1.70.1'] });
    fleet.open(proxy, '10.1.70.1:3128', '10.1.17.138:52000', { program: 'proxy', pid: 5 });
    fleet.pass(60_000);
    expect(await watching.done).toBe(0);
    expect(watching.out().trim().split('\n')).toHaveLength(2);
  });

  test('an interrupt ends it with 130', async () => {
    const watching = startCli(['watch'], { env: { WHOTALKS_SERVER: server.address } });
    await until('the watch began', () => watching.out().endsWith('started  watching\n'));
    watching.stop('SIGINT');
    expect(await watching.done).toBe(130);
    expect(watching.err()).toBe('');
  });
});

describe('what can be wrong with the server', () => {
  test('nobody listens: exit code 4', async () => {
    expect(await runCli(['map', '--server', '127.0.0.1:1'])).toEqual({
      code: 4,
      out: '',
      err: 'whotalks: cannot reach the aggregator at 127.0.0.1:1: connection refused; start one with "whotalks up", or name one with --server\n',
    });
  });

  test('it goes away under a watcher: exit code 4', async () => {
    const other = await startQueryServer(tellStory().fleet);
    const watching = startCli(['watch', '--server', other.address]);
    await until('the watch began', () => watching.out().endsWith('started  watching\n'));
    other.close();
    expect(await watching.done).toBe(4);
    expect(watching.err()).toMatch(/^whotalks: .*aggregator at 127\.0\.0\.1:\d+.*\n$/);
  });

  test('what listens there is no aggregator: exit code 4', async () => {
    const web = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', () => resolve()));
    const { port } = web.address() as AddressInfo;
    try {
      const { code, err } = await runCli(['map', '--server', `127.0.0.1:${port}`]);
      expect(code).toBe(4);
      expect(err).toMatch(
        /what listens there does not speak gRPC \(the HTTP port\?\); start one with "whotalks up"/,
      );
    } finally {
      web.close();
    }
  });

  test('its answer is damaged: exit code 1', async () => {
    const damaged = new grpc.Server();
    const map = bytesMethod('/whotalks.v1.Query/Map');
    const answer: grpc.handleUnaryCall<Buffer, Buffer> = (_call, reply) =>
      reply(null, Buffer.from([7, 7, 7]));
    damaged.addService({ map }, { map: answer });
    const port = await new Promise<number>((resolve) => {
      damaged.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, bound) =>
        resolve(bound),
      );
    });
    try {
      expect(await runCli(['map', '--server', `127.0.0.1:${port}`])).toEqual({
        code: 1,
        out: '',
        err: `whotalks: the answer of 127.0.0.1:${port} cannot be read: it is another version, or something on the way damages it\n`,
      });
    } finally {
      damaged.forceShutdown();
    }
  });

  test('a silent host makes the answer partial: exit code 5, the host on stderr', async () => {
    const partial = tellStory().fleet;
    silence(partial, 'web2');
    const other = await startQueryServer(partial);
    try {
      const { code, out, err } = await runCli(['map', '-o', 'json', '--server', other.address]);
      expect(code).toBe(5);
      expect(JSON.parse(out)).toMatchObject({ partial: [{ host: 'web2' }] });
      expect(err).toBe(
        'whotalks: partial: web2 is missing: stale: its agent is silent, or not in step yet, since 2026-11-22T14:03:00.000Z\n',
      );
    } finally {
      other.close();
    }
  });
});
