/** Streams that have more to tell than there is time for: by themselves, then over real gRPC with ingest made slow. */
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Lane, Turns, turnMs } from '../../../aggregator/ingest/turns.ts';
import type { AgentBatch } from '../../../wire/agent-batch.ts';
import { packMeta, packPorts } from '../../../wire/packing.ts';
import { messageFlags } from '../../../wire/protocol.ts';
import type { ServerSaying } from '../../../wire/server-message.ts';
import { netnsOf, processOf } from '../../agent/export/sockets.ts';
import { bytesMethod } from '../../support/bytes-method.ts';
import { until } from '../../support/until.ts';
import { BurstStream } from './burst-stream.ts';
import { type IngestServer, RawStream, startIngest } from './grpc-link.ts';
import { helloOf } from './in-memory-link.ts';
import { ReportsLedger } from './reports-ledger.ts';

describe('turns', () => {
  /** Of lanes whose messages take 1 ms each; a slice begins when `slice` is called. */
  function makeTurns() {
    let nowMs = 0;
    const deferred: (() => void)[] = [];
    const turns = new Turns({ monotonicClock: () => nowMs, defer: (serve) => deferred.push(serve) });
    const served: string[] = [];
    const laneOf = (name: string, messages: number): Lane & { waiting: number } => ({
      waiting: messages,
      takeNext() {
        nowMs++;
        if (this.waiting > 0) served.push(name);
        this.waiting = Math.max(0, this.waiting - 1);
        return this.waiting > 0;
      },
    });
    const slice = (): string => {
      const from = served.length;
      expect(deferred.length).toBeLessThanOrEqual(1);
      deferred.shift()?.();
      return served.slice(from).join('');
    };
    return { turns, laneOf, slice };
  }

  test('one message of each in a row, until the slice is over', () => {
    const { turns, laneOf, slice } = makeTurns();
    for (const lane of [laneOf('a', 100), laneOf('b', 2), laneOf('c', 5)]) turns.join(lane);
    expect(turns.waiting).toBe(107);
    expect(slice()).toBe('abcabcacac');
    expect([turns.waiting, turns.cutShort]).toEqual([97, 1]);
    expect(slice()).toBe(`ac${'a'.repeat(turnMs - 2)}`);
    expect(turns.cutShort).toBe(2);
  });

  test('nothing is done before the event loop had its turn, nor when nobody waits', () => {
    const { turns, laneOf, slice } = makeTurns();
    const lane = laneOf('a', 1);
    turns.join(lane);
    turns.join(lane);
    expect([lane.waiting, slice(), slice(), turns.waiting, turns.cutShort]).toEqual([1, 'a', '', 0, 0]);
  });

  test('who joins again keeps the place, who leaves is not served', () => {
    const { turns, laneOf, slice } = makeTurns();
    const [a, b, c] = [laneOf('a', 3), laneOf('b', 3), laneOf('c', 3)];
    for (const lane of [a, b, c, a]) turns.join(lane);
    turns.leave(b);
    expect([slice(), turns.waiting]).toEqual(['acacac', 0]);
  });
});

/** What each row takes: of wall time, so that a slice has no more of them on a machine that is busy. */
const rowMs = 0.25;
const rowsPerSliceMax = turnMs / rowMs;

class SlowLedger extends ReportsLedger {
  override opened(...told: Parameters<ReportsLedger['opened']>): void {
    const endMs = performance.now() + rowMs;
    while (performance.now() < endMs);
    super.opened(...told);
  }
}

/** A question of a stock client beside the streams. */
const question = bytesMethod('/test.Questions/Ask');

const heartbeat = {
  unixMs: 1,
  monotonicMs: 1,
  roundTripMs: 0,
  openSockets: 0,
  lostEvents: 0,
  malformedRows: 0,
  scanMs: 0,
  cannotSee: [],
  collector: '',
  intervalMs: 0,
};

const emptySnapshot: Partial<AgentBatch> = {
  seq: 1,
  flags: messageFlags.snapshotBegin | messageFlags.snapshotEnd,
  netns: [{ id: 1, netns: netnsOf() }],
  processes: [{ id: 1, process: processOf(7) }],
};

/** Messages 2, 3, ... of one row each: the n-th opens port `firstPort` + n. */
const floodOf = (firstPort: number, count: number): Partial<AgentBatch>[] =>
  Array.from({ length: count }, (_, n) => ({
    seq: 2 + n,
    baseUnixMs: Date.now(),
    opens: {
      slot: [n],
      localAddress: [0x0a01118a],
      remoteAddress: [0x0a016409],
      ports: [packPorts(firstPort + n, 8743)],
      meta: [packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false })],
      netns: [1],
      inode: [n + 1],
      uid: [0],
      process: [1],
      fd: [3],
      ageMs: [0],
      unseenMs: [0],
      id: [n + 1],
    },
  }));

describe('with more waiting than there is time for, over real gRPC', () => {
  const messages = 500;
  let server: IngestServer;
  let ledger: SlowLedger;
  let asker: grpc.Client;
  const streams: { close(): void }[] = [];

  beforeEach(async () => {
    ledger = new SlowLedger();
    server = await startIngest({ reports: ledger });
    server.grpcServer.addService(
      { Ask: question },
      { Ask: (call: { request: Buffer }, answer: grpc.sendUnaryData<Buffer>) => answer(null, call.request) },
    );
    asker = new grpc.Client(server.address, grpc.credentials.createInsecure());
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close();
    asker.close();
    server.close();
  });

  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = question;
      asker.makeUnaryRequest(path, requestSerialize, responseDeserialize, Buffer.from('?'), (error) =>
        error === null ? resolve() : reject(error),
      );
    });

  const connect = (): RawStream => {
    const stream = new RawStream(server.address);
    streams.push(stream);
    return stream;
  };

  const hello = (hostId: string, epoch = 5): Partial<AgentBatch> => ({
    baseUnixMs: Date.now(),
    hello: helloOf({ hostId, hostName: hostId, epoch }),
  });

  /** In step, its snapshot of nothing being message 1. */
  async function inStep(hostId: string, stream = connect(), epoch = 5): Promise<RawStream> {
    stream.send(hello(hostId, epoch));
    await stream.heard('welcome');
    stream.send(emptySnapshot);
    await stream.heard('ack');
    return stream;
  }

  function flood(stream: RawStream, firstPort: number, count = messages): void {
    for (const message of floodOf(firstPort, count)) stream.send(message);
  }

  const acknowledged = (stream: { said: readonly ServerSaying[] }): number[] =>
    stream.said.flatMap((saying) => (saying.kind === 'ack' ? [saying.appliedSeq] : []));
  const portsFrom = (firstPort: number): number[] =>
    Array.from({ length: messages }, (_, n) => firstPort + n);

  test('timers and questions have their turns, each stream its order, each message its acknowledgement', async () => {
    const firstPorts = [10_000, 20_000, 30_000, 40_000];
    const all = messages * firstPorts.length;
    const agents = firstPorts.map(() => new BurstStream(server.address));
    streams.push(...agents);
    await ask();
    const seenByTimer: number[] = [];
    const timer = setInterval(() => seenByTimer.push(ledger.story.length), 1);
    let answeredWhileWaiting = 0;
    const asking = (async () => {
      while (ledger.story.length < all) {
        await ask();
        if (ledger.story.length < all) answeredWhileWaiting++;
      }
    })();
    for (const [n, agent] of agents.entries()) {
      agent.send([hello(`h${firstPorts[n]}`), emptySnapshot, ...floodOf(firstPorts[n]!, messages)]);
    }
    await until('all is acknowledged', () => agents.every((agent) => acknowledged(agent).length > messages));
    clearInterval(timer);
    await asking;

    const betweenTimers = seenByTimer.map((count, n) => count - (seenByTimer[n - 1] ?? 0));
    // Twice: a timer of 1 ms may not be due yet after a slice that was short, and then there is a whole one.
    expect(Math.max(...betweenTimers)).toBeLessThanOrEqual(2 * rowsPerSliceMax);
    expect(answeredWhileWaiting).toBeGreaterThan(1);
    for (const [n, agent] of agents.entries()) {
      expect(acknowledged(agent)).toEqual(Array.from({ length: messages + 1 }, (_, seq) => seq + 1));
      const told = [...ledger.open].filter(({ host }) => host.id === `h${firstPorts[n]}`);
      expect(told.map(({ local }) => local.port)).toEqual(portsFrom(firstPorts[n]!));
    }
    expect(server.ingest.turns.waiting).toBe(0);
    expect(server.ingest.turns.cutShort).toBeGreaterThan(0);
  });

  test('an agent that is done is heard to its end', async () => {
    const agent = await inStep('h1');
    flood(agent, 10_000);
    agent.finish();
    expect((await agent.ended()).code).toBe('OK');
    expect([...ledger.open].map(({ local }) => local.port)).toEqual(portsFrom(10_000));
    expect([server.ingest.streams, server.ingest.turns.waiting]).toEqual([0, 0]);
  });

  test('a stream that is superseded or breaks off leaves nothing behind', async () => {
    // So many that it is over long before they could all be taken.
    const many = 5_000;
    const older = await inStep('h1');
    const newer = connect();
    await until('both streams are open', () => server.ingest.streams === 2);
    flood(older, 10_000, many);
    await until('the flood is being taken', () => ledger.openings.size > 0);
    await inStep('h1', newer, 6);
    expect((await older.ended()).code).toBe('ABORTED');
    const taken = ledger.openings.size;
    expect(taken).toBeLessThan(many);
    expect([server.ingest.streams, server.ingest.turns.waiting]).toEqual([1, 0]);

    flood(newer, 20_000, many);
    await until('the flood is being taken', () => ledger.openings.size > taken);
    newer.close();
    await until('the stream is over', () => server.ingest.streams === 0);
    expect(server.ingest.turns.waiting).toBe(0);
    expect(ledger.openings.size).toBeLessThan(taken + many);
    await ask();
  });

  test('an agent that reads no answers is let go, and others are served', async () => {
    const [deaf, other] = [await inStep('h1'), await inStep('h2')];
    deaf.stopReading();
    // Answers to 12,000: some 4,000 fill the window, and 4,096 may wait.
    for (let n = 0; n < 12_000; n++) deaf.send({ heartbeat });
    await until('the stream is over', () => server.ingest.streams === 1);
    expect(server.ingest.turns.waiting).toBe(0);
    other.send({ heartbeat });
    await other.heard('heartbeat');
  });
});
