/** From a socket to a subject: agent, aggregator with --nats, stream. And the aggregator without its NATS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, expect, test } from 'vitest';
import type { WatchDocument } from '../../model/document.ts';
import { freePort } from '../support/free-port.ts';
import { NatsServer } from '../support/nats-server.ts';
import { repository } from '../support/source-tree.ts';
import { until } from '../support/until.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Starts whotalks, to be ended with the test. */
function startWhotalks(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(repository, 'bin/whotalks'), ...args], { stdio: 'ignore' });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  });
  return child;
}

/** An aggregator that publishes to `natsUrl` and an agent of this machine. Returns the address of the HTTP API. */
async function startBoth(natsUrl: string): Promise<string> {
  const grpc = `127.0.0.1:${await freePort()}`;
  const http = `127.0.0.1:${await freePort()}`;
  startWhotalks('aggregator', '--listen', grpc, '--http', http, '--nats', natsUrl, '--data', 'none');
  const pace = ['--interval', '250ms', '--cpu-max', '0'];
  const identity = ['--host-id', 'test', '--host-name', 'test', '--spool', 'none'];
  startWhotalks('agent', '--server', grpc, ...pace, ...identity);
  return http;
}

/** A connection within this process. */
async function openPair(): Promise<net.Socket> {
  const server = net.createServer((accepted) => accepted.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  cleanups.push(() => {
    client.destroy();
    server.close();
  });
  return client;
}

/** Messages that are asked for at once. */
const messagesAtOnce = 256;

/**
 * The messages about the connection of one socket. The machine may have thousands of others, also from its port to another
 * one, so each is read once.
 */
class StoredAbout {
  readonly #connection: NatsConnection;
  /** `CLIENT>SERVER`, as it was opened. */
  readonly #ports: string;
  readonly #found: (readonly [subject: string, WatchDocument])[] = [];
  #nextSeq = 1;

  constructor(connection: NatsConnection, client: net.Socket) {
    this.#connection = connection;
    this.#ports = `${client.localPort}>${client.remotePort}`;
  }

  /** Those under `subject` so far. Rejects while the stream is not there. */
  async under(subject: string): Promise<readonly WatchDocument[]> {
    const { streams } = await jetstreamManager(this.#connection);
    const { state } = await streams.info('WHOTALKS');
    this.#nextSeq = Math.max(this.#nextSeq, state.first_seq);
    while (this.#nextSeq <= state.last_seq) {
      const count = Math.min(messagesAtOnce, state.last_seq - this.#nextSeq + 1);
      const numbers = Array.from({ length: count }, (_, i) => this.#nextSeq + i);
      const messages = await Promise.all(numbers.map((seq) => streams.getMessage('WHOTALKS', { seq })));
      for (const message of messages) {
        const body = message!.json<WatchDocument>();
        const { client, server } = body.connection ?? {};
        if (`${client?.port}>${server?.port}` === this.#ports) this.#found.push([message!.subject, body]);
      }
      this.#nextSeq += count;
    }
    return this.#found.filter(([under]) => under === subject).map(([, body]) => body);
  }
}

async function metric(http: string, name: string): Promise<number> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

test('a connection is published when it opens and when it closes, with the process at both ends', async () => {
  const server = await NatsServer.start();
  cleanups.push(() => server.close());
  await startBoth(server.url);
  const pair = await openPair();
  const connection = await connect({ servers: server.url });
  cleanups.push(() => connection.close());
  const stored = new StoredAbout(connection, pair);
  const opened = 'whotalks.v1.connections.opened';
  await until('it is published as opened', async () => {
    return (await stored.under(opened).catch(() => [])).length > 0;
  });
  const [told, ...more] = await stored.under(opened);
  expect(more).toEqual([]);
  expect(told).toMatchObject({ apiVersion: 'whotalks/v1', kind: 'opened' });
  expect(told!.connection).toMatchObject({
    seen: 'both',
    client: { host: 'test', pid: process.pid },
    server: { host: 'test', pid: process.pid, port: pair.remotePort },
  });
  pair.destroy();
  const closed = 'whotalks.v1.connections.closed';
  await until('it is published as closed', async () => {
    const { length } = await stored.under(closed);
    return length === 1 || `${length} times`;
  });
});

test('without its NATS the aggregator answers as ever, says so, and catches up', async () => {
  const server = await NatsServer.prepare();
  cleanups.push(() => server.close());
  const http = await startBoth(server.url);
  const pair = await openPair();
  const question = `http://${http}/api/v1/to?q=127.0.0.1:${pair.remotePort}`;
  await until('the answer is there', async () => {
    const answer = await fetch(question).catch(() => null);
    if (answer === null) return 'no answer';
    const { clients } = (await answer.json()) as { clients: { pid: number }[] };
    return clients.some(({ pid }) => pid === process.pid);
  });
  expect((await fetch(`http://${http}/readyz`)).status).toBe(200);
  expect(await metric(http, 'whotalks_bus_connected')).toBe(0);
  await until('events wait', async () => (await metric(http, 'whotalks_bus_queued')) > 0);
  await server.start();
  await until('they are delivered', async () => {
    return (
      (await metric(http, 'whotalks_bus_connected')) === 1 &&
      (await metric(http, 'whotalks_bus_queued')) === 0
    );
  });
  expect(await metric(http, 'whotalks_bus_lost_total')).toBe(0);
});
