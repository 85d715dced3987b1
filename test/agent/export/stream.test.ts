/** The agent's stream against real servers on loopback: the real ingest, and servers that misbehave. */
import * as grpc from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { connectPlaintext } from '../../../agent/export/connection.ts';
import type { AgentBatch } from '../../../wire/agent-batch.ts';
import { sendWindowBatches, sendWindowBytes } from '../../../wire/agent-limits.ts';
import { ingestService } from '../../../wire/ingest-service.ts';
import { protocolVersion } from '../../../wire/protocol.ts';
import {
  encodeServerMessage,
  type ServerMessageFields,
  type ServerSaying,
} from '../../../wire/server-message.ts';
import { type IngestServer, startIngest } from '../../aggregator/ingest/grpc-link.ts';
import { createTestAgent, helloOf, type TestAgent } from '../../aggregator/ingest/in-memory-link.ts';
import { decodeAgentMessage } from '../../support/decoded.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { changed, closed, opened, processOf } from './sockets.ts';

const clock = (): number => Date.now();

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type AgentOptions = Parameters<typeof createTestAgent>[2];

function startAgent(server: string, options: AgentOptions = {}): TestAgent {
  const agent = createTestAgent(connectPlaintext, clock, { ...options, server });
  cleanups.push(() => agent.stream.close());
  return agent;
}

async function startServer(port?: number): Promise<IngestServer> {
  const server = await startIngest({}, port);
  cleanups.push(() => server.close());
  return server;
}

/** A log that a test can read: level and text of each line. */
function readableLog(): { log: pino.Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => {
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    lines.push(`${pino.levels.labels[level]}: ${msg}`);
  };
  return { log: pino({}, { write }), lines };
}

const inStep = (agent: TestAgent) => until('agent is in step', () => agent.stream.state.kind === 'streaming');

describe('the stream to an aggregator', () => {
  test('tells what is open, what changes and what closes', async () => {
    const server = await startServer();
    const agent = startAgent(server.address);
    agent.slots.apply(opened(1));
    agent.stream.start();
    await inStep(agent);
    expect(server.ledger.openPorts).toEqual([1025]);
    agent.slots.apply(opened(2));
    agent.slots.apply(changed(1, { state: 'close-wait' }));
    agent.stream.flush();
    await until('port 1026 is open', () => server.ledger.openPorts.length === 2);
    agent.slots.apply(closed(1, { state: 'close-wait' }));
    agent.stream.flush();
    await until('the close is acknowledged', () => agent.slots.closedCount === 0);
    expect(server.ledger.story).toEqual([
      'opened 1025',
      'changed 1025 established to close-wait',
      'opened 1026',
      'closed 1025',
    ]);
  });

  test('a socket has the owners that it has now, and the last ones when they are gone', async () => {
    const server = await startServer();
    const agent = startAgent(server.address);
    const owners = Array.from({ length: 400 }, (_, n) => ({ process: processOf(n + 1), fds: [3, 5] }));
    agent.slots.apply(opened(1, { owners }));
    agent.stream.start();
    await inStep(agent);
    const [socket] = server.ledger.open;
    expect(socket!.owners).toEqual(owners);
    agent.slots.apply(changed(1, { owners: owners.slice(1, 3) }));
    agent.stream.flush();
    await until('it has two owners', () => socket!.owners.length === 2);
    expect(socket!.owners).toEqual(owners.slice(1, 3));
    agent.slots.apply(changed(1, { owners: [], state: 'time-wait', inode: 0 }));
    agent.stream.flush();
    await until('it waits', () => socket!.state === 'time-wait');
    expect(socket!.owners).toEqual(owners.slice(1, 3));
    expect(socket!.inode).toBe(0);
  });

  test('20,000 sockets come in messages of bounded size', async () => {
    const server = await startServer();
    const agent = startAgent(server.address, { slotsMax: 30_000 });
    for (let id = 1; id <= 20_000; id++) agent.slots.apply(opened(id));
    agent.stream.start();
    await inStep(agent);
    expect(server.ledger.open.size).toBe(20_000);
    // Hello and heartbeats, and 20,000 rows of which some 1,800 make a message.
    expect(server.ingest.counters.messages).toBeGreaterThan(11);
  });

  test('goes on when the aggregator comes back, with what opened and closed in between', async () => {
    const port = await freePort();
    const first = await startServer(port);
    const agent = startAgent(first.address);
    agent.slots.apply(opened(1));
    agent.stream.start();
    await inStep(agent);
    first.close();
    await until('the agent has noticed', () => agent.stream.state.kind !== 'streaming');
    agent.slots.apply(opened(2));
    agent.slots.apply(opened(3));
    agent.slots.apply(closed(3));
    agent.slots.apply(closed(1));
    const second = await startServer(port);
    await inStep(agent);
    expect(second.ledger.story).toEqual([
      'opened 1025',
      'closed 1025',
      'opened 1026',
      'opened 1027',
      'closed 1027',
    ]);
    await until('the closes are acknowledged', () => agent.slots.closedCount === 0);
  });

  test('a restarted agent leaves what goes on untouched, and a gap', async () => {
    const server = await startServer();
    const before = startAgent(server.address);
    for (const id of [1, 2, 3]) before.slots.apply(opened(id));
    before.stream.start();
    await inStep(before);
    await before.stream.close();
    const after = startAgent(server.address, { epoch: 2 });
    // The new run numbers anew: socket 2 is its first.
    after.slots.apply({ ...opened(1), socket: { ...opened(2).socket } });
    after.slots.apply(opened(3));
    after.slots.apply(opened(4));
    after.stream.start();
    await inStep(after);
    expect(server.ledger.story).toEqual([
      'opened 1025',
      'opened 1026',
      'opened 1027',
      'closed 1025',
      'opened 1028',
    ]);
    const [host] = [...server.ingest.hosts()];
    expect(host!.gaps).toMatchObject([{ reason: 'the agent was restarted', lostEvents: 0 }]);
    // What goes on is known by the new run's numbers from here on.
    after.slots.apply({ ...closed(1), socket: { ...opened(2).socket } });
    after.stream.flush();
    await until('1026 is closed', () => server.ledger.story.at(-1) === 'closed 1026');
  });

  test('after a reboot nothing goes on', async () => {
    const server = await startServer();
    const before = startAgent(server.address);
    before.slots.apply(opened(1));
    before.stream.start();
    await inStep(before);
    await before.stream.close();
    const { protocol: _p, session: _s, ...hello } = helloOf({ epoch: 2, bootId: 'b2' });
    const after = startAgent(server.address, { hello: () => hello });
    after.slots.apply(opened(1));
    after.stream.start();
    await inStep(after);
    expect(server.ledger.story).toEqual(['opened 1025', 'closed 1025', 'opened 1025']);
    expect([...server.ingest.hosts()][0]!.gaps).toMatchObject([{ reason: 'the host was rebooted' }]);
  });

  test('an aggregator that is not there is one line, however often it is tried', async () => {
    const { log, lines } = readableLog();
    const agent = startAgent(`127.0.0.1:${await freePort()}`, { log });
    agent.stream.start();
    await until('it was tried three times', () => {
      const { state } = agent.stream;
      return state.kind === 'backing-off' && state.attempt >= 3;
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^warn: cannot reach 127\.0\.0\.1:\d+: connection refused; trying again$/);
  });
});

/** An aggregator whose every word the test says. */
async function startFake(
  onMessage: (batch: AgentBatch, say: (saying: ServerSaying) => void) => void,
  onStream: (call: grpc.ServerDuplexStream<Buffer, ServerMessageFields>) => void = () => undefined,
): Promise<string> {
  const server = new grpc.Server();
  server.addService(ingestService(), {
    Stream: (call: grpc.ServerDuplexStream<Buffer, ServerMessageFields>) => {
      onStream(call);
      call.on('data', (bytes: Buffer) =>
        onMessage(decodeAgentMessage(bytes), (saying) => call.write(encodeServerMessage(saying))),
      );
      call.on('error', () => undefined);
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  cleanups.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

const welcome: ServerSaying = {
  kind: 'welcome',
  protocol: protocolVersion,
  serverVersion: '0.1.0',
  serverId: 'fake',
  needSnapshot: true,
  resumeAfterSeq: 0,
  heartbeatIntervalMs: 10_000,
  maxMessageBytes: 1 << 20,
  startAfterMs: 0,
};

describe('the stream to a server that misbehaves', () => {
  test('without acknowledgements it stops at the window, and what happens meanwhile is one mark per socket', async () => {
    const seqs: number[] = [];
    const server = await startFake((batch, say) => {
      if (batch.hello !== null) say(welcome);
      if (batch.seq > 0) seqs.push(batch.seq);
    });
    const agent = startAgent(server, { targetBytes: 4096, slotsMax: 30_000 });
    for (let id = 1; id <= 20_000; id++) agent.slots.apply(opened(id));
    agent.stream.start();
    await until('the window is full', () => seqs.length === sendWindowBatches);
    for (let round = 0; round < 1000; round++) {
      agent.slots.apply(changed(20_000, { state: round % 2 === 0 ? 'close-wait' : 'fin-wait-1' }));
      agent.slots.apply(opened(30_000 + round));
      agent.slots.apply(closed(30_000 + round));
      agent.stream.flush();
    }
    expect(agent.stream.inFlight.batches).toBe(sendWindowBatches);
    expect(agent.stream.inFlight.bytes).toBeLessThan(sendWindowBytes);
    expect(seqs.at(-1)).toBe(sendWindowBatches);
    // 1000 short-lived ones wait as what they are, and the one that changed 1000 times as one.
    expect(agent.slots.closedCount).toBe(1000);
    expect(agent.slots.pendingCount).toBeLessThanOrEqual(21_000);
  });

  test('the window is bounded in bytes too', async () => {
    const server = await startFake((batch, say) => {
      if (batch.hello !== null) say(welcome);
    });
    const agent = startAgent(server, { slotsMax: 200_000 });
    for (let id = 1; id <= 150_000; id++) agent.slots.apply(opened(id));
    agent.stream.start();
    await until('the window is full', () => agent.stream.inFlight.bytes >= sendWindowBytes);
    agent.stream.flush();
    expect(agent.stream.inFlight.bytes).toBeLessThan(sendWindowBytes + 64 * 1024);
  });

  test('another protocol is one clear line, and no hurry to try again', async () => {
    const { log, lines } = readableLog();
    const refusing = await startFake(
      () => undefined,
      (call) => {
        const details =
          'the agent (0.1.0) speaks Ingest protocol 1, this aggregator (9.0.0) speaks 2: upgrade the agent';
        call.emit('error', { code: grpc.status.FAILED_PRECONDITION, details });
      },
    );
    const refused = startAgent(refusing, { log });
    refused.stream.start();
    await until('it is refused', () => refused.stream.state.kind === 'refused');
    expect(lines).toEqual([
      `warn: ${refusing} refuses this agent: the agent (0.1.0) speaks Ingest protocol 1, ` +
        'this aggregator (9.0.0) speaks 2: upgrade the agent',
    ]);
  });

  test('a server without Ingest is said to be none', async () => {
    const { log, lines } = readableLog();
    const other = new grpc.Server();
    const port = await new Promise<number>((resolve, reject) => {
      other.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    cleanups.push(() => other.forceShutdown());
    const agent = startAgent(`127.0.0.1:${port}`, { log });
    agent.stream.start();
    await until('it is refused', () => agent.stream.state.kind === 'refused');
    expect(lines).toEqual([`warn: 127.0.0.1:${port} is no whotalks aggregator: it has no Ingest service`]);
  });

  test('a refused message is told and answered with a snapshot', async () => {
    const { log, lines } = readableLog();
    const begins: number[] = [];
    const server = await startFake((batch, say) => {
      if (batch.hello !== null) say(welcome);
      if ((batch.flags & 1) !== 0) begins.push(batch.seq);
      if (batch.seq === 1) say({ kind: 'nack', seq: 1, code: 'bad-slot', reason: 'slot 0 is opened twice' });
      else if (batch.seq > 0) say({ kind: 'ack', appliedSeq: batch.seq, durableSeq: batch.seq });
    });
    const agent = startAgent(server, { log });
    agent.slots.apply(opened(1));
    agent.stream.start();
    await inStep(agent);
    expect(begins).toEqual([1, 2]);
    expect(agent.stream.nacked).toBe(1);
    expect(lines[0]).toBe(
      'warn: a new snapshot is due: message 1 was refused: slot 0 is opened twice (bad-slot)',
    );
  });

  test('goes where it is pointed, unless plaintext must not go there', async () => {
    const { log, lines } = readableLog();
    const home = await startServer();
    const pointer = await startFake((batch, say) => {
      if (batch.hello !== null) say({ kind: 'redirect', endpoints: ['10.0.0.1:7443', home.address] });
    });
    const agent = startAgent(pointer, { log, acceptsEndpoint: (endpoint) => endpoint.startsWith('127.') });
    agent.slots.apply(opened(1));
    agent.stream.start();
    await inStep(agent);
    expect(home.ledger.openPorts).toEqual([1025]);
    expect(lines).toEqual([
      `info: the aggregator points to ${home.address}`,
      `info: reporting to ${home.address}`,
    ]);
  });

  test('passes on what the aggregator asks for, within bounds', async () => {
    const asked: number[] = [];
    const server = await startFake((batch, say) => {
      if (batch.hello === null) return;
      say(welcome);
      say({ kind: 'throttle', minIntervalMs: 5000 });
      say({ kind: 'throttle', minIntervalMs: 86_400_000 });
    });
    const agent = startAgent(server, { onThrottle: (ms) => asked.push(ms) });
    agent.stream.start();
    await until('both are passed on', () => asked.length === 2);
    expect(asked).toEqual([5000, 60_000]);
  });

  test('the second heartbeat follows the first answer and tells the round trip', async () => {
    const roundTrips: number[] = [];
    const server = await startFake((batch, say) => {
      if (batch.hello !== null) say(welcome);
      if (batch.heartbeat === null) return;
      roundTrips.push(batch.heartbeat.roundTripMs);
      say({ kind: 'heartbeat', monotonicMs: batch.heartbeat.monotonicMs, serverUnixMs: Date.now() });
    });
    startAgent(server).stream.start();
    await until('two heartbeats came', () => roundTrips.length === 2);
    expect(roundTrips[0]).toBe(0);
    expect(roundTrips[1]).toBeGreaterThanOrEqual(1);
  });
});
