/** How translated connections, and what was counted of connections, read in a terminal. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatBytes, formatMicroseconds } from '../../cli/format/quantity.ts';
import { cluster } from '../aggregator/serve/cluster.ts';
import { type QueryServer, startQueryServer } from '../support/query-server.ts';
import { runCli } from '../support/run-cli.ts';

const fleet = cluster();
let server: QueryServer;

beforeAll(async () => {
  const [first] = fleet.connections();
  const socket = first!.client.socket!;
  socket.counters = { bytesSent: 1_537, bytesReceived: 20_971_520, rttUs: 350, retransmits: 2 };
  fleet.view.reports.counted(socket, fleet.nowMs);
  server = await startQueryServer(fleet);
});
afterAll(() => server.close());

const ask = async (...argv: string[]): Promise<string> => {
  const env = { WHOTALKS_SERVER: server.address, NO_COLOR: '1' };
  const { code, out, err } = await runCli(argv, { terminalColumns: 80, env });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
};

test('connections: what was dialed, and where it arrives from, stand on a second line', async () => {
  expect(await ask('connections', 'web', 'or', 'shop', '--sort', 'client.service')).toBe(
    [
      'CLIENT      FROM              SERVER     TO               STATE        SEEN',
      'shop@node1  10.244.1.2:40000  api@node2  10.244.2.2:8443  established  both',
      '  └ dialed 10.96.0.1:443',
      'web@node3   172.17.0.9:40003  api@node2  10.244.2.2:8443  established  both',
      '  └ dialed 10.0.0.2:18080, arrives from 10.0.0.3:60003',
      '',
    ].join('\n'),
  );
});

test('to: where the target leads, in the summary, and what was dialed below each caller', async () => {
  expect(await ask('to', '10.0.0.1:30443')).toBe(
    [
      '10.0.0.1:30443 leads to api on node2 at 10.244.2.2:8443; 1 service on 1 host',
      'calls it.',
      '',
      'LISTENER  HOST   PROCESS  USER  LISTENS ON',
      'api       node2  api[7]   svc   0.0.0.0:8443',
      '',
      'CLIENT  HOST   PROCESS    USER  ADDRESS   PORT  OPEN  ALL  SEEN',
      'curl    node3  curl[100]  svc   10.0.0.3  8443     1    1  both',
      '  └ dialed 10.0.0.1:30443',
      '',
    ].join('\n'),
  );
});

test('wide and chosen columns have no second line, but a column of their own', async () => {
  expect(await ask('from', 'web', '--columns', 'service,dialed')).toContain(
    'SERVER  DIALED\napi     10.0.0.2:18080\n',
  );
  const wide = await ask('connections', 'curl', '-o', 'wide');
  expect(wide).toMatch(/ 10\.0\.0\.1:30443 +10\.0\.0\.1:50002 /);
  expect(wide).not.toContain('└');
});

test('what the kernels counted is in wide tables, with units, and plain for programs', async () => {
  const columns = 'bytesToServer,bytesToClient,rttUs,retransmits';
  expect(await ask('connections', 'shop', '--columns', columns)).toBe(
    ['TO SERVER  TO CLIENT    RTT  RESENT', '     1.5K        20M  350us       2', ''].join('\n'),
  );
  expect(await ask('connections', 'web', '--columns', columns, '--no-headers')).toBe('-  -  -  -\n');
  expect(await ask('connections', 'shop', '-o', 'csv', '--columns', columns, '--no-headers')).toBe(
    '1536,20971520,350,2\r\n',
  );
  expect(await ask('map', 'shop', '--columns', 'client,bytesToServer,bytesToClient')).toContain(
    'shop         1.5K        20M\n',
  );
});

test('what was counted can be sorted by', async () => {
  const columns = ['--columns', 'client', '--no-headers', '--limit', '1'];
  expect(await ask('connections', '--sort', 'bytesToServer', ...columns)).toBe('shop@node1\n');
  expect(await ask('map', '--sort', 'bytesToClient', ...columns)).toBe('shop\n');
});

test.each([
  [0, '0B'],
  [1_023, '1023B'],
  [1_024, '1.0K'],
  [10_239, '10K'],
  [1_048_063, '1023K'],
  [1_048_064, '1.0M'],
  [Number.MAX_SAFE_INTEGER, '8.0P'],
  [null, '-'],
])('%s bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0us'],
  [999, '999us'],
  [1_000, '1.0ms'],
  [9_949, '9.9ms'],
  [999_499, '999ms'],
  [999_500, '1.0s'],
  [null, '-'],
])('%s microseconds are %s', (us, text) => {
  expect(formatMicroseconds(us)).toBe(text);
});
