/** Streams as bytes over real gRPC: what the aggregator answers to agents that are old, broken or hostile. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packMeta } from '../../../wire/packing.ts';
import { messageFlags, protocolVersion } from '../../../wire/protocol.ts';
import { netnsOf, processOf } from '../../agent/export/sockets.ts';
import { until } from '../../support/until.ts';
import { type IngestServer, RawStream, startIngest } from './grpc-link.ts';
import { helloOf } from './in-memory-link.ts';

const both = messageFlags.snapshotBegin | messageFlags.snapshotEnd;

/** An open row: slot, id, and the local port, of a TCP socket in netns 1 without an owner. */
function opens(...rows: { slot: number; id: number; port: number; process?: number }[]) {
  return {
    slot: rows.map((row) => row.slot),
    localAddress: rows.map(() => 0x0a01118a),
    remoteAddress: rows.map(() => 0x0a016409),
    ports: rows.map((row) => (row.port << 16) | 8743).map((ports) => ports >>> 0),
    meta: rows.map(() => packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false })),
    netns: rows.map(() => 1),
    inode: rows.map((row) => row.id),
    uid: rows.map(() => 0),
    process: rows.map((row) => row.process ?? 0),
    fd: rows.map(() => 3),
    ageMs: rows.map(() => 0),
    unseenMs: rows.map(() => 0),
    id: rows.map((row) => row.id),
  };
}

describe('the Ingest service', () => {
  let server: IngestServer;
  const streams: RawStream[] = [];

  beforeEach(async () => {
    server = await startIngest();
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close();
    server.close();
  });

  const connect = (address = server.address): RawStream => {
    const stream = new RawStream(address);
    streams.push(stream);
    return stream;
  };

  /** A stream whose snapshot of one socket (slot 0, port 1000) is applied as seq 10. */
  async function inStep(hello = helloOf()): Promise<RawStream> {
    const stream = connect();
    stream.send({ baseUnixMs: Date.now(), hello });
    await stream.heard('welcome');
    stream.send({
      seq: 10,
      baseUnixMs: Date.now(),
      flags: both,
      netns: [{ id: 1, netns: netnsOf() }],
      opens: opens({ slot: 0, id: 1, port: 1000 }),
    });
    expect(await stream.heard('ack')).toEqual({ kind: 'ack', appliedSeq: 10, durableSeq: 10 });
    return stream;
  }

  test('welcomes an agent, takes its snapshot and a change', async () => {
    const stream = await inStep();
    expect(stream.said[0]).toEqual({
      kind: 'welcome',
      protocol: protocolVersion,
      serverVersion: '0.1.0',
      serverId: 'test',
      needSnapshot: true,
      resumeAfterSeq: 0,
      heartbeatIntervalMs: 10_000,
      maxMessageBytes: 1 << 20,
      startAfterMs: 0,
    });
    stream.send({
      seq: 11,
      baseUnixMs: Date.now(),
      opens: opens({ slot: 1, id: 2, port: 2000 }),
      closes: { slot: [0], ageMs: [0] },
    });
    await stream.heard('ack', 1);
    expect(server.ledger.story).toEqual(['opened 1000', 'closed 1000', 'opened 2000']);
  });

  test('another protocol version is refused with both versions and what to upgrade', async () => {
    const newer = connect();
    newer.send({ hello: helloOf({ protocol: 3, agentVersion: '9.0.0' }) });
    expect(await newer.ended()).toEqual({
      code: 'FAILED_PRECONDITION',
      details:
        'the agent (9.0.0) speaks Ingest protocol 3, this aggregator (0.1.0) speaks 2: upgrade the aggregator',
    });
    const older = connect();
    older.send({ hello: helloOf({ protocol: 0 }) });
    expect((await older.ended()).details).toMatch(/: upgrade the agent$/);
    expect([...server.ingest.hosts()]).toEqual([]);
  });

  test('the first message must be Hello, and must come in time', async () => {
    const rows = connect();
    rows.send({ seq: 1, flags: both });
    expect(await rows.ended()).toEqual({
      code: 'INVALID_ARGUMENT',
      details: 'the first message of a stream must be Hello',
    });
    const impatient = await startIngest({ limits: { helloTimeoutMs: 100 } });
    try {
      expect(await connect(impatient.address).ended()).toEqual({
        code: 'INVALID_ARGUMENT',
        details: 'no Hello came in time',
      });
    } finally {
      impatient.close();
    }
  });

  test('garbage ends its own stream and no other', async () => {
    const good = await inStep();
    const bad = connect();
    bad.send({ hello: helloOf({ hostId: 'h2' }) });
    await bad.heard('welcome');
    bad.sendBytes(Buffer.from('ffffffffffffffffffff', 'hex'));
    const { code, details } = await bad.ended();
    expect(code).toBe('INVALID_ARGUMENT');
    expect(details).toMatch(/^not-a-message: 10 bytes are no AgentMessage/);
    good.send({ seq: 11, closes: { slot: [0], ageMs: [0] } });
    await good.heard('ack', 1);
    expect(server.ledger.story).toEqual(['opened 1000', 'closed 1000']);
  });

  test('a message that is too big ends its stream', async () => {
    const stream = await inStep();
    stream.sendBytes(Buffer.alloc((1 << 20) + 1));
    expect((await stream.ended()).code).toBe('RESOURCE_EXHAUSTED');
  });

  test.each([
    ['an id never defined', { opens: opens({ slot: 1, id: 2, port: 2000, process: 9 }) }, 'unknown-id'],
    ['a slot taken already', { opens: opens({ slot: 0, id: 2, port: 2000 }) }, 'bad-slot'],
    ['columns of different length', { closes: { slot: [0, 1], ageMs: [0, 1, 2] } }, 'column-length'],
    ['a state that TCP has not', { updates: { slot: [0], state: [99], inode: [0] } }, 'unknown-state'],
  ])(
    '%s: the message is refused as a whole, and the stream goes on with a snapshot',
    async (_, bad, code) => {
      const stream = await inStep();
      stream.send({ seq: 11, ...bad, reownedSlots: [0] });
      expect(await stream.heard('nack')).toMatchObject({ seq: 11, code });
      expect(server.ledger.story).toEqual(['opened 1000']);
      expect([...server.ingest.hosts()][0]!.gaps).toMatchObject([
        { reason: `a message was refused: ${code}` },
      ]);
      stream.send({ seq: 12, closes: { slot: [0], ageMs: [0] } });
      stream.send({
        seq: 13,
        baseUnixMs: Date.now(),
        flags: both,
        netns: [{ id: 1, netns: netnsOf() }],
        opens: opens({ slot: 0, id: 1, port: 1000 }),
      });
      expect(await stream.heard('ack', 1)).toEqual({ kind: 'ack', appliedSeq: 13, durableSeq: 13 });
      expect(server.ledger.story).toEqual(['opened 1000']);
      expect(server.ingest.counters.refusedMessages).toBe(1);
    },
  );

  test('a missing message asks for a snapshot, a repeated one is acknowledged again', async () => {
    const stream = await inStep();
    stream.send({ seq: 10, closes: { slot: [0], ageMs: [0] } });
    expect(await stream.heard('ack', 1)).toEqual({ kind: 'ack', appliedSeq: 10, durableSeq: 10 });
    stream.send({ seq: 12, closes: { slot: [0], ageMs: [0] } });
    expect(await stream.heard('resync')).toEqual({
      kind: 'resync',
      reason: 'message 11 is missing, 12 came instead',
    });
    expect(server.ledger.story).toEqual(['opened 1000']);
  });

  test('a row about a socket that is not known asks for a snapshot', async () => {
    const stream = await inStep();
    stream.send({ seq: 11, closes: { slot: [77, 0], ageMs: [0, 0] } });
    expect((await stream.heard('resync')).reason).toBe(
      'message 11 speaks of sockets that are not known here (1)',
    );
    expect(server.ledger.story).toEqual(['opened 1000', 'closed 1000']);
  });

  test('nobody sees half of a snapshot', async () => {
    const stream = connect();
    stream.send({ baseUnixMs: Date.now(), hello: helloOf() });
    stream.send({
      seq: 1,
      flags: messageFlags.snapshotBegin,
      netns: [{ id: 1, netns: netnsOf() }],
      opens: opens({ slot: 0, id: 1, port: 1000 }),
    });
    expect(await stream.heard('ack')).toEqual({ kind: 'ack', appliedSeq: 1, durableSeq: 0 });
    expect(server.ledger.story).toEqual([]);
    expect(server.ledger.hostStates).toEqual([]);
    stream.send({ seq: 2, flags: messageFlags.snapshotEnd, opens: opens({ slot: 1, id: 2, port: 2000 }) });
    expect(await stream.heard('ack', 1)).toEqual({ kind: 'ack', appliedSeq: 2, durableSeq: 2 });
    expect(server.ledger.story).toEqual(['opened 1000', 'opened 2000']);
    expect(server.ledger.hostStates).toEqual(['web-1 live']);
  });

  test('a socket is reported with all that the agent told', async () => {
    const stream = connect();
    const base = Date.now();
    stream.send({ baseUnixMs: base, hello: helloOf() });
    await stream.heard('welcome');
    const row = opens({ slot: 4, id: 9, port: 40_000, process: 2 });
    stream.send({
      seq: 1,
      baseUnixMs: base,
      flags: both,
      netns: [{ id: 1, netns: netnsOf(4026531840, '10.1.17.138') }],
      processes: [
        { id: 1, process: processOf(7) },
        { id: 2, process: processOf(8) },
      ],
      addresses: [
        { id: 1, ip: 'fd00::1' },
        { id: 2, ip: '10.9.9.9' },
      ],
      opens: {
        ...row,
        meta: [packMeta({ protocol: 'udp', state: 'established', v6: true, byConntrack: false })],
        localAddress: [1],
        remoteAddress: [2],
        ageMs: [3000],
        unseenMs: [500],
      },
      owners: { slot: [4, 4, 4], process: [1, 2, 1], fd: [9, 2, 8] },
    });
    await stream.heard('ack');
    const [socket] = server.ledger.open;
    expect({ ...socket, host: socket!.host.name }).toEqual({
      acceptedMs: expect.any(Number) as number,
      host: 'web-1',
      byConntrack: false,
      netns: 4026531840,
      protocol: 'udp',
      id: '1-9',
      local: { ip: 'fd00::1', port: 40_000 },
      remote: { ip: '10.9.9.9', port: 8743 },
      uid: 0,
      openedAtMs: base - 3000,
      notBeforeMs: base - 3500,
      state: 'established',
      inode: 9,
      owners: [
        { process: processOf(7), fds: [8, 9] },
        { process: processOf(8), fds: [2, 3] },
      ],
      translation: null,
      counters: null,
      closedAtMs: null,
    });
  });

  test('the newer run of an agent takes over, an older one is turned away', async () => {
    const first = await inStep(helloOf({ epoch: 5 }));
    const second = await inStep(helloOf({ epoch: 6 }));
    expect(await first.ended()).toEqual({
      code: 'ABORTED',
      details: 'a newer agent took over host id h1: web-1 (boot b0070000)',
    });
    const third = connect();
    third.send({ hello: helloOf({ epoch: 5, session: 9 }) });
    expect(await third.ended()).toEqual({
      code: 'ALREADY_EXISTS',
      details:
        'host id h1 is connected already by web-1 (boot b0070000): give each host its own with --host-id',
    });
    expect(server.ledger.story).toEqual(['opened 1000']);
    second.send({ seq: 11, closes: { slot: [0], ageMs: [0] } });
    await second.heard('ack', 1);
    expect([...server.ingest.hosts()][0]!.cannotSee).toEqual([]);
  });

  test('two machines under one host id are said to be two', async () => {
    const here = helloOf({ epoch: 6 });
    const there = helloOf({ epoch: 5, hostName: 'web-2', bootId: 'b1110000-x' });
    const stream = await inStep(here);
    for (let n = 0; n < 2; n++) {
      const other = connect();
      other.send({ hello: { ...there, session: n } });
      expect((await other.ended()).code).toBe('ALREADY_EXISTS');
    }
    expect([...server.ingest.hosts()][0]!.cannotSee).toEqual([
      'two machines report under host id h1, web-1 (boot b0070000) and web-2 (boot b1110000): ' +
        'only one is shown; give each its own with --host-id',
    ]);
    stream.close();
  });

  test('heartbeats are answered, and the second tells the offset of the clocks', async () => {
    const stream = await inStep();
    const heartbeat = {
      unixMs: Date.now() + 90_000,
      monotonicMs: 1234,
      roundTripMs: 0,
      openSockets: 1,
      lostEvents: 3,
      malformedRows: 0,
      scanMs: 5,
      cannotSee: ['no CAP_SYS_PTRACE'],
      collector: '',
      intervalMs: 0,
    };
    stream.send({ heartbeat });
    expect(await stream.heard('heartbeat')).toMatchObject({ monotonicMs: 1234 });
    const host = [...server.ingest.hosts()][0]!;
    expect(host.clockOffsetMs).toBeNull();
    expect([host.collector, host.intervalMs]).toEqual(['test', 1000]);
    stream.send({ heartbeat: { ...heartbeat, roundTripMs: 2, collector: 'sockdiag', intervalMs: 4000 } });
    await stream.heard('heartbeat', 1);
    expect(host.clockOffsetMs).toBeGreaterThan(80_000);
    expect(host.clockOffsetMs).toBeLessThanOrEqual(90_001);
    expect(host.lostEvents).toBe(3);
    expect(host.cannotSee).toEqual(['no CAP_SYS_PTRACE']);
    expect([host.collector, host.intervalMs]).toEqual(['sockdiag', 4000]);
  });

  test('a stream that breaks leaves the host stale, its sockets remembered', async () => {
    const stream = await inStep();
    stream.close();
    await until('the host is stale', () => server.ledger.hostStates.at(-1) === 'web-1 stale');
    expect(server.ledger.openPorts).toEqual([1000]);
    expect(server.ingest.streams).toBe(0);
    await inStep(helloOf({ session: 2 }));
    expect(server.ledger.hostStates).toEqual(['web-1 live', 'web-1 stale', 'web-1 live']);
    expect(server.ledger.story).toEqual(['opened 1000']);
  });

  test('says goodbye to every stream when it stops', async () => {
    const stream = await inStep();
    server.ingest.close();
    expect(await stream.ended()).toEqual({ code: 'UNAVAILABLE', details: 'the aggregator is stopping' });
  });
});
