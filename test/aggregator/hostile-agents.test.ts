/** One agent that lies, over real gRPC, beside an honest one: what everybody is answered, over real HTTP. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultAggregatorConfig } from '../../aggregator/config.ts';
import { type Aggregator, startAggregator } from '../../aggregator/run.ts';
import type { ConnectionsDocument, HostsDocument } from '../../model/document.ts';
import type { AgentBatch, Hello } from '../../wire/agent-batch.ts';
import { packMeta, packPorts } from '../../wire/packing.ts';
import { messageFlags } from '../../wire/protocol.ts';
import { netnsOf, processOf } from '../agent/export/sockets.ts';
import { until } from '../support/until.ts';
import { RawStream } from './ingest/grpc-link.ts';
import { helloOf } from './ingest/in-memory-link.ts';

/** The largest number that the wire takes: more milliseconds than a Date can hold. */
const endOfTime = Number.MAX_SAFE_INTEGER;
const wholeSnapshot = messageFlags.snapshotBegin | messageFlags.snapshotEnd;

let aggregator: Aggregator;
const streams: RawStream[] = [];

beforeEach(async () => {
  const config = { ...defaultAggregatorConfig, listen: '127.0.0.1:0', http: '127.0.0.1:0' };
  aggregator = await startAggregator(config, { log: pino({ level: 'silent' }) });
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  await aggregator.close();
});

function opensOf(slots: readonly number[], port: number, ageMs = 0): AgentBatch['opens'] {
  const all = (value: number): number[] => slots.map(() => value);
  return {
    slot: slots,
    localAddress: all(0x0a01118a),
    remoteAddress: all(0x0a016409),
    ports: slots.map((slot) => packPorts(port + slot, 8743)),
    meta: all(packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false })),
    netns: all(1),
    inode: slots.map((slot) => slot + 1),
    uid: all(0),
    process: all(1),
    fd: all(3),
    ageMs: all(ageMs),
    unseenMs: all(0),
    id: slots.map((slot) => slot + 1),
  };
}

function connect(): RawStream {
  const stream = new RawStream(aggregator.grpcAddress);
  streams.push(stream);
  return stream;
}

async function greet(hello: Partial<Hello>): Promise<RawStream> {
  const stream = connect();
  stream.send({ baseUnixMs: Date.now(), hello: helloOf(hello) });
  await stream.heard('welcome');
  return stream;
}

/** A stream in step: its snapshot of one socket (slot 0) is applied as seq 1. */
async function inStep(hello: Partial<Hello>, port: number): Promise<RawStream> {
  const stream = await greet(hello);
  stream.send({
    seq: 1,
    baseUnixMs: Date.now(),
    flags: wholeSnapshot,
    netns: [{ id: 1, netns: netnsOf() }],
    processes: [{ id: 1, process: processOf(7) }],
    opens: opensOf([0], port),
  });
  await stream.heard('ack');
  return stream;
}

async function ask<Document>(question: string): Promise<Document> {
  const response = await fetch(`http://${aggregator.httpAddress}/api/v1/${question}`);
  expect([question, response.status]).toEqual([question, 200]);
  return (await response.json()) as Document;
}

const questions = ['connections', 'hosts', 'map', 'services', 'listeners', 'to?q=:8743', 'from?q=web-1'];

test('times beyond time are taken for now, and every question is answered', async () => {
  await inStep({ hostId: 'honest', hostName: 'web-1' }, 1_000);
  const liar = await inStep({ hostId: 'liar', hostName: 'liar' }, 2_000);
  const heartbeat = {
    unixMs: endOfTime,
    monotonicMs: 1,
    roundTripMs: 1,
    openSockets: 1,
    lostEvents: 0,
    malformedRows: 0,
    scanMs: 1,
    collector: '',
    intervalMs: 0,
    cannotSee: [],
  };
  liar.send({
    seq: 2,
    baseUnixMs: endOfTime,
    opens: opensOf([1], 2_000),
    closes: { slot: [0], ageMs: [0] },
    gaps: [{ id: 1, reason: 'none', fromUnixMs: 0, toUnixMs: endOfTime, lostEvents: 1 }],
  });
  await liar.heard('ack', 1);
  for (const count of [0, 1]) {
    liar.send({ heartbeat });
    await liar.heard('heartbeat', count);
  }
  liar.send({
    seq: 3,
    baseUnixMs: Date.now(),
    opens: opensOf([2], 2_000),
    closes: { slot: [1], ageMs: [0] },
  });
  await liar.heard('ack', 2);
  for (const question of questions) await ask(question);
  const { connections } = await ask<ConnectionsDocument>('connections');
  expect(connections).toHaveLength(4);
  for (const { openedAt, closedAt, lastSeenAt } of connections) {
    for (const time of [openedAt, closedAt ?? openedAt, lastSeenAt]) {
      expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    }
  }
});

test('a host that says Hello and never tells its sockets is not said to report', async () => {
  await inStep({ hostId: 'honest', hostName: 'web-1' }, 1_000);
  await greet({ hostId: 'mute', hostName: 'mute' });
  const { hosts, partial } = await ask<HostsDocument>('hosts');
  expect(hosts.map(({ host, state }) => `${host} ${state}`).sort()).toEqual(['mute stale', 'web-1 live']);
  expect(partial.map(({ host }) => host)).toEqual(['mute']);
});

test('hostile names are text: NUL, __proto__, escapes and 256 letters', async () => {
  const names = ['__proto__', 'a\u0000b', '\u001b[31mred\u001b[0m', '<script>', 'x'.repeat(256), '\ud800'];
  for (const [n, name] of names.entries()) {
    const labels = new Map([[name, name]]);
    await inStep({ hostId: name, hostName: name, realm: name, labels }, 3_000 + n);
  }
  const { hosts } = await ask<HostsDocument>('hosts');
  expect(hosts).toHaveLength(names.length);
  expect(hosts.map(({ host }) => host)).toContain('a\u0000b');
  for (const question of questions) await ask(question);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
});

test('of a hundred streams with one host id one speaks, and others are not disturbed', async () => {
  const honest = await inStep({ hostId: 'honest', hostName: 'web-1' }, 1_000);
  const clones = Array.from({ length: 100 }, (_, session) => {
    const stream = connect();
    stream.send({ baseUnixMs: Date.now(), hello: helloOf({ hostId: 'clone', session }) });
    return stream;
  });
  await until('the last speaks', () => clones.at(-1)!.said.length > 0);
  for (const clone of clones.slice(0, -1)) {
    expect(['ABORTED', 'ALREADY_EXISTS']).toContain((await clone.ended()).code);
  }
  honest.send({ seq: 2, closes: { slot: [0], ageMs: [0] } });
  await honest.heard('ack', 1);
  expect((await ask<HostsDocument>('hosts')).hosts).toHaveLength(2);
});

test('a snapshot within a snapshot replaces it, a stream that breaks within one changes nothing', async () => {
  const stream = await inStep({ hostId: 'h', hostName: 'h' }, 1_000);
  const dictionary = {
    netns: [{ id: 1, netns: netnsOf() }],
    processes: [{ id: 1, process: processOf(7) }],
  };
  const begin = { flags: messageFlags.snapshotBegin, baseUnixMs: Date.now(), ...dictionary };
  stream.send({ seq: 2, ...begin, opens: opensOf([1, 2], 5_000) });
  stream.send({ seq: 3, ...begin, opens: opensOf([0], 1_000) });
  await stream.heard('ack', 2);
  expect((await ask<ConnectionsDocument>('connections')).connections).toHaveLength(1);
  stream.send({ seq: 4, flags: messageFlags.snapshotEnd, opens: opensOf([3], 1_000) });
  await stream.heard('ack', 3);
  stream.send({ seq: 5, ...begin });
  await stream.heard('ack', 4);
  stream.close();
  await until('the host is stale', () => [...aggregator.view.hosts()][0]!.state === 'stale');
  const { connections } = await ask<ConnectionsDocument>('connections');
  const open = connections.filter(({ closedAt }) => closedAt === null);
  expect(open.map(({ client, server }) => [client.port, server.port].sort((a, b) => a - b))).toEqual([
    [1_000, 8_743],
    [1_003, 8_743],
  ]);
});
