/** The NATS bus against a real nats-server: stored once, through kills and full streams, and never in anybody's way. */
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, expect, test } from 'vitest';
import type { BusEvent } from '../../aggregator/cluster/bus.ts';
import { NatsBus } from '../../aggregator/cluster/nats.ts';
import { streamMaxBytes } from '../../aggregator/cluster/nats-stream.ts';
import type { WatchDocument } from '../../model/document.ts';
import { freePort } from '../support/free-port.ts';
import { NatsServer } from '../support/nats-server.ts';
import { until } from '../support/until.ts';
import { closed, edge, edgeDocument, opened } from './bus-events.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function startBus(url: string, maxBytes?: number) {
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) };
  const bus = new NatsBus({
    servers: [url],
    log,
    ...(maxBytes === undefined ? {} : { streamMaxBytes: maxBytes }),
  });
  cleanups.push(() => bus.close());
  return { bus, lines };
}

async function startServer(options?: { readonly jetstream: boolean }): Promise<NatsServer> {
  const server = await NatsServer.start(options);
  cleanups.push(() => server.close());
  return server;
}

async function onConnection<T>(url: string, work: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: url });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

function streamInfo(url: string): Promise<StreamInfo> {
  return onConnection(url, async (connection) =>
    (await jetstreamManager(connection)).streams.info('WHOTALKS'),
  );
}

/** Every stored message, in the order of the stream. */
function stored(url: string): Promise<{ subject: string; id: string; body: WatchDocument }[]> {
  return onConnection(url, async (connection) => {
    const { streams } = await jetstreamManager(connection);
    const { state } = await streams.info('WHOTALKS');
    const messages = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = (await streams.getMessage('WHOTALKS', { seq }))!;
      messages.push({
        subject: message.subject,
        id: message.header.get('Nats-Msg-Id'),
        body: message.json<WatchDocument>(),
      });
    }
    return messages;
  });
}

function allPublished(bus: NatsBus, count: number) {
  return until(
    `${count} events are published`,
    () => bus.state().published === count || JSON.stringify(bus.state()),
  );
}

test('opened and closed connections and new edges are stored under their subjects', async () => {
  const server = await startServer();
  const { bus, lines } = startBus(server.url);
  for (const event of [opened('c1'), closed('c1'), edge]) bus.publish(event);
  await allPublished(bus, 3);
  const messages = await stored(server.url);
  expect(messages.map(({ subject }) => subject).sort()).toEqual([
    'whotalks.v1.connections.closed',
    'whotalks.v1.connections.opened',
    'whotalks.v1.edges.new',
  ]);
  expect(new Set(messages.map(({ id }) => id)).size).toBe(3);
  const [, , edgeMessage] = messages.toSorted((a, b) => (a.subject < b.subject ? -1 : 1));
  expect(edgeMessage!.body).toEqual({
    apiVersion: 'whotalks/v1',
    asOf: '2024-05-01T12:00:00.000Z',
    kind: 'edge',
    connection: null,
    edge: edgeDocument,
    host: null,
    missed: 0,
  });
  expect(bus.state()).toMatchObject({ state: 'connected', error: null, lost: 0, queued: 0 });
  expect(lines).toEqual([
    'nats: connected, publishing to stream WHOTALKS; 0 events published, 0 lost, 3 queued',
  ]);
});

test('the stream is capped and refuses what is too much', async () => {
  const server = await startServer();
  const { bus } = startBus(server.url);
  await until('connected', () => bus.state().state === 'connected');
  const { config } = await streamInfo(server.url);
  expect(config).toMatchObject({
    max_bytes: streamMaxBytes,
    discard: 'new',
    storage: 'file',
    duplicate_window: 120e9,
    subjects: ['whotalks.v1.connections.*', 'whotalks.v1.edges.*'],
  });
});

test('a stream that an operator made otherwise is taken as it is', async () => {
  const server = await startServer();
  await onConnection(server.url, async (connection) => {
    const { streams } = await jetstreamManager(connection);
    await streams.add({
      name: 'WHOTALKS',
      subjects: ['whotalks.>'],
      max_bytes: 1_000_000,
      storage: 'memory',
    });
  });
  const { bus } = startBus(server.url);
  bus.publish(opened('c1'));
  await allPublished(bus, 1);
  expect((await streamInfo(server.url)).config).toMatchObject({ max_bytes: 1_000_000, storage: 'memory' });
});

test('a server killed and started again: every event is stored once, or counted', async () => {
  const server = await startServer();
  const { bus, lines } = startBus(server.url);
  const count = 3_000;
  let next = 0;
  const publish = (events: number) => {
    for (let i = 0; i < events; i++) bus.publish(opened(`c${next++}`));
  };
  publish(1_000);
  await until('some are stored', () => bus.state().published > 100);
  publish(1_000);
  await server.stop('SIGKILL');
  await until('that is noticed', () => bus.state().state === 'disconnected');
  publish(1_000);
  const away = bus.state();
  expect(away.error).toContain('lost the connection to 127.0.0.1');
  expect(away.published + away.queued).toBe(count);
  await server.start();
  await allPublished(bus, count);
  const ids = (await stored(server.url)).map(({ body }) => body.connection!.id);
  expect(ids.length).toBe(count);
  expect(new Set(ids).size).toBe(count);
  expect(bus.state()).toMatchObject({ state: 'connected', error: null, lost: 0, queued: 0 });
  expect(lines.filter((line) => line.startsWith('nats: connected'))).toHaveLength(2);
});

test('a server that freezes: what timed out is repeated under its own id and stored once', async () => {
  const server = await startServer();
  const { bus } = startBus(server.url);
  bus.publish(opened('before'));
  await allPublished(bus, 1);
  server.freeze();
  for (let i = 0; i < 100; i++) bus.publish(opened(`c${i}`));
  // Longer than a request may take, so that those under way time out while the server has them in its buffers.
  await until('the first time out', () => bus.state().repeated > 0);
  server.thaw();
  await allPublished(bus, 101);
  const messages = await stored(server.url);
  expect(messages).toHaveLength(101);
  expect(new Set(messages.map(({ id }) => id)).size).toBe(101);
});

test('a full stream: refused events are counted, and it is said once', async () => {
  const server = await startServer();
  const { bus, lines } = startBus(server.url, 20_000);
  const count = 60;
  for (let i = 0; i < count; i++) bus.publish(opened(`c${i}`));
  await until('all are decided', () => bus.state().queued === 0);
  const { published, lost, state, error } = bus.state();
  expect(published + lost).toBe(count);
  expect(lost).toBeGreaterThan(0);
  expect(state).toBe('connected');
  expect(error).toBe('the stream refuses events: maximum bytes exceeded');
  expect((await stored(server.url)).length).toBe(published);
  expect(lines.filter((line) => line.includes('maximum bytes exceeded'))).toHaveLength(1);
  await onConnection(server.url, async (connection) => {
    await (await jetstreamManager(connection)).streams.purge('WHOTALKS');
  });
  bus.publish(opened('again'));
  await allPublished(bus, published + 1);
  expect(bus.state().error).toBeNull();
  expect(lines.at(-1)).toContain('nats: the stream takes events again');
});

test('a stream that is deleted under it is made again', async () => {
  const server = await startServer();
  const { bus } = startBus(server.url);
  bus.publish(opened('c1'));
  await allPublished(bus, 1);
  await onConnection(server.url, async (connection) => {
    await (await jetstreamManager(connection)).streams.delete('WHOTALKS');
  });
  bus.publish(opened('c2'));
  await allPublished(bus, 2);
  expect((await stored(server.url)).map(({ body }) => body.connection!.id)).toEqual(['c2']);
});

test('a server that was never there: publishing is instant, all is queued, and close is short', async () => {
  const port = await freePort();
  const { bus, lines } = startBus(`nats://127.0.0.1:${port}`);
  for (let i = 0; i < 1_000; i++) bus.publish(opened(`c${i}`));
  await until('the refusal is said', () => lines.length > 0);
  expect(bus.state()).toMatchObject({ state: 'disconnected', published: 0, lost: 0, queued: 1_000 });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('connection refused');
  await bus.close();
  await bus.close();
  expect(bus.state()).toMatchObject({ state: 'disconnected', error: 'closed', lost: 1_000, queued: 0 });
});

test('a server that comes late receives what waited', async () => {
  const server = await NatsServer.prepare();
  cleanups.push(() => server.close());
  const { bus, lines } = startBus(server.url);
  const events: BusEvent[] = [opened('c1'), edge];
  for (const event of events) bus.publish(event);
  await until('the refusal is said', () => lines.length > 0);
  await server.start();
  await allPublished(bus, 2);
});

test('a server without JetStream is said to be one', async () => {
  const server = await startServer({ jetstream: false });
  const { bus } = startBus(server.url);
  bus.publish(opened('c1'));
  await until(
    'it is said',
    () => String(bus.state().error).startsWith('jetstream is not enabled') || String(bus.state().error),
  );
  expect(bus.state()).toMatchObject({ state: 'disconnected', published: 0, queued: 1 });
});
