/** The Query service over a real gRPC connection: answers, refusals, the watch stream, and what a stock client asks. */
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WatchDocument } from '../../../model/document.ts';
import { documentFromMessage } from '../../../wire/document-codec.ts';
import { serviceDefinition } from '../../../wire/proto-file.ts';
import * as answers from '../../support/answers-at-once.ts';
import { type QueryServer, startQueryServer } from '../../support/query-server.ts';
import { until } from '../../support/until.ts';
import { listServices, stockClient } from './stock-client.ts';
import { ask, tellStory } from './story.ts';

const { fleet } = tellStory();
let server: QueryServer;

type Callback = (error: grpc.ServiceError | null, message: object) => void;
type QueryClient = grpc.Client & {
  [method: string]: ((request: object, callback: Callback) => void) &
    ((request: object) => grpc.ClientReadableStream<object>);
};
let client: QueryClient;

beforeAll(async () => {
  server = await startQueryServer(fleet);
  const Client = grpc.makeClientConstructor(serviceDefinition('Query'), 'Query');
  client = new Client(server.address, grpc.credentials.createInsecure()) as unknown as QueryClient;
});

afterAll(() => {
  client.close();
  server.close();
});

function call(method: string, request: object): Promise<object> {
  return new Promise((resolve, reject) => {
    client[method]!(request, (error, message) => (error === null ? resolve(message) : reject(error)));
  });
}

describe('Query', () => {
  test.each([
    ['connections', 'ConnectionsDocument', answers.connections, ''],
    ['to', 'ToDocument', answers.to, '10.1.100.9:8743'],
    ['from', 'FromDocument', answers.from, 'index'],
    ['listeners', 'ListenersDocument', answers.listeners, ''],
    ['services', 'ServicesDocument', answers.services, ''],
    ['hosts', 'HostsDocument', answers.hosts, ''],
    ['deps', 'DepsDocument', answers.deps, 'index'],
    ['map', 'MapDocument', answers.map, ''],
  ] as const)('%s arrives as it was answered, null fields included', async (method, name, answer, q) => {
    const message = await call(method, { q });
    expect(documentFromMessage(name, message)).toEqual(answer(fleet.view, ask({ q }), fleet.nowMs));
  });

  test('a bad filter is INVALID_ARGUMENT with its column', async () => {
    const error = await call('connections', { q: 'web and' }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      details: expect.stringMatching(/^the end at column 8; expected a term: /),
    });
    expect((error as grpc.ServiceError).metadata.get('whotalks-column')).toEqual(['8']);
  });

  test('a bad sort is INVALID_ARGUMENT without a column', async () => {
    const error = await call('hosts', { sort: 'x' }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: grpc.status.INVALID_ARGUMENT });
    expect((error as grpc.ServiceError).metadata.get('whotalks-column')).toEqual([]);
    expect(server.failures).toEqual([]);
  });
});

describe('Watch', () => {
  test('starts, tells what happens and is in the filter, and ends with its watcher', async () => {
    const stream = client['watch']!({ q: 'cache' });
    const seen: WatchDocument[] = [];
    stream.on('data', (message: object) => {
      seen.push(documentFromMessage<WatchDocument>('WatchDocument', message));
    });
    stream.on('error', () => {});
    await until('the stream started', () => seen.length === 1);
    expect(seen[0]).toMatchObject({ kind: 'started', connection: null, edge: null, host: null, missed: 0 });
    expect(server.watchers.open).toBe(1);
    const web1 = fleet.hosts.get('web1')!;
    const cache = fleet.host('cache1', { addresses: ['10.1.50.1'] });
    fleet.listen(cache, '10.1.50.1:11211', { program: 'cache', pid: 9 });
    fleet.open(web1, '10.1.17.138:50000', '10.1.50.1:11211', { program: 'index_search', pid: 25465 });
    fleet.open(web1, '10.1.17.138:50001', '10.1.200.1:1', { program: 'index_search', pid: 25465 });
    fleet.open(cache, '10.1.50.1:11211', '10.1.17.138:50000', { program: 'cache', pid: 9 });
    fleet.pass(60_000);
    await until('the edge and the connection arrived', () => seen.length === 3 || String(seen.length));
    expect(
      seen
        .slice(1)
        .map((document) => document.kind)
        .toSorted(),
    ).toEqual(['edge', 'opened']);
    expect(seen.find((document) => document.kind === 'opened')?.connection).toMatchObject({
      seen: 'both',
      server: { service: 'cache' },
    });
    stream.cancel();
    await until('the watcher left', () => server.watchers.open === 0);
  });

  test('a bad filter ends the stream with INVALID_ARGUMENT', async () => {
    const stream = client['watch']!({ q: '(' });
    const error = await new Promise<grpc.ServiceError>((resolve) => {
      stream.on('error', resolve);
      stream.resume();
    });
    expect(error.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(server.watchers.open).toBe(0);
  });
});

describe('a stock client, which knows nothing but reflection', () => {
  test('lists the services', async () => {
    expect(await listServices(server.address)).toEqual([
      'grpc.health.v1.Health',
      'whotalks.v1.Enrol',
      'whotalks.v1.Ingest',
      'whotalks.v1.Query',
    ]);
  });

  test('calls Query by the names of the proto file', async () => {
    const query = await stockClient(server.address, 'whotalks.v1.Query');
    const answer = await query.call('To', { q: '10.1.100.9:8743' });
    expect(answer).toMatchObject({
      api_version: 'whotalks/v1',
      clients: [{ user: 'svc' }, {}, { unseen_because: 'no-agent' }],
    });
    query.close();
  });

  test('calls health, and sees it change', async () => {
    const client = await stockClient(server.address, 'grpc.health.v1.Health');
    expect(await client.call('Check', { service: 'whotalks.v1.Query' })).toEqual({ status: 'SERVING' });
    server.health.setServing(false);
    expect(await client.call('Check', { service: '' })).toEqual({ status: 'NOT_SERVING' });
    server.health.setServing(true);
    client.close();
  });
});
