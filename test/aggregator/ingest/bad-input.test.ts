/**
 * What an agent may get wrong, over real gRPC: each is counted, answered with a reason, and changes nothing of what this
 * agent told before or another one tells.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentBatch } from '../../../wire/agent-batch.ts';
import { packMeta } from '../../../wire/packing.ts';
import { messageFlags } from '../../../wire/protocol.ts';
import { netnsOf, processOf } from '../../agent/export/sockets.ts';
import { type IngestServer, RawStream, startIngest } from './grpc-link.ts';
import { helloOf } from './in-memory-link.ts';

const whole = messageFlags.snapshotBegin | messageFlags.snapshotEnd;
/** Sockets that an agent may have here. */
const slotsMax = 4;
const most = 0xffffffff;

const v4 = packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false });
const v6 = packMeta({ protocol: 'tcp', state: 'established', v6: true, byConntrack: false });

/** A row for each slot: its socket has the port 1000 + slot, and all else as `changed` says, or as it should be. */
function opensOf(slots: readonly number[], changed: Partial<AgentBatch['opens']> = {}): AgentBatch['opens'] {
  const all = (value: number): number[] => slots.map(() => value);
  return {
    slot: slots,
    localAddress: all(0x0a01118a),
    remoteAddress: all(0x0a016409),
    ports: slots.map((slot) => (((1_000 + (slot % 1_000)) << 16) | 8_743) >>> 0),
    meta: all(v4),
    netns: all(1),
    inode: slots.map((slot) => slot + 1),
    uid: all(0),
    process: all(1),
    fd: all(3),
    ageMs: all(0),
    unseenMs: all(0),
    id: slots.map((slot) => slot + 1),
    ...changed,
  };
}

const dictionary = {
  netns: [{ id: 1, netns: netnsOf() }],
  processes: [{ id: 1, process: processOf(7) }],
};

describe('one agent that errs beside one that does not', () => {
  let server: IngestServer;
  const streams: RawStream[] = [];
  let bad: RawStream;
  let good: RawStream;

  /** In step, with one socket in slot 0. */
  async function inStep(hostId: string): Promise<RawStream> {
    const stream = new RawStream(server.address);
    streams.push(stream);
    stream.send({ baseUnixMs: Date.now(), hello: helloOf({ hostId }) });
    await stream.heard('welcome');
    stream.send({ seq: 1, baseUnixMs: Date.now(), flags: whole, ...dictionary, opens: opensOf([0]) });
    await stream.heard('ack');
    return stream;
  }

  beforeEach(async () => {
    server = await startIngest({ limits: { slotsMax } });
    good = await inStep('good');
    bad = await inStep('bad');
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close();
    server.close();
  });

  const toldAtFirst = ['opened 1000', 'opened 1000'];

  /** The other agent's slot 0 is still its own, and it is heard. */
  async function expectOtherUntouched(): Promise<void> {
    const before = server.ledger.story.length;
    good.send({ seq: 2, closes: { slot: [0], ageMs: [0] } });
    expect(await good.heard('ack', 1)).toEqual({ kind: 'ack', appliedSeq: 2, durableSeq: 2 });
    expect(server.ledger.story.slice(before)).toEqual(['closed 1000']);
    expect(good.said.map(({ kind }) => kind)).toEqual(['welcome', 'ack', 'ack']);
  }

  const refusals: readonly (readonly [
    what: string,
    message: Partial<AgentBatch>,
    code: string,
    reason: string,
  ])[] = [
    [
      'columns of opens that differ in length',
      { opens: { ...opensOf([1, 2]), ports: [1] } },
      'column-length',
      'openPorts has 1 of 2 rows',
    ],
    [
      'columns of updates that differ in length',
      { updates: { slot: [0], state: [1], inode: [1, 2] } },
      'column-length',
      'updateInode has 2 of 1 rows',
    ],
    [
      'an unknown process',
      { opens: opensOf([1], { process: [9] }) },
      'unknown-id',
      'process 9 was never defined on this stream',
    ],
    [
      'an unknown namespace',
      { opens: opensOf([1], { netns: [9] }) },
      'unknown-id',
      'netns 9 was never defined on this stream',
    ],
    [
      'an unknown IPv6 address',
      { opens: opensOf([1], { meta: [v6], localAddress: [9] }) },
      'unknown-id',
      'address 9 was never defined on this stream',
    ],
    [
      'an unknown process as another owner',
      { reownedSlots: [0], owners: { slot: [0], process: [9], fd: [3] } },
      'unknown-id',
      'process 9 was never defined on this stream',
    ],
    [
      'a slot that is opened again before it is closed',
      { opens: opensOf([0], { id: [77] }) },
      'bad-slot',
      'slot 0 is opened for 77 while it holds 1',
    ],
    ['a slot that one message opens twice', { opens: opensOf([1, 1]) }, 'bad-slot', 'slot 1 is opened twice'],
    [
      'a slot of 2^32 - 1',
      { opens: opensOf([most]) },
      'bad-slot',
      'open_slot row 0 is 4294967295, slots end below 1048576',
    ],
    [
      'a close of slot 2^32 - 1',
      { closes: { slot: [most], ageMs: [0] } },
      'bad-slot',
      'close_slot row 0 is 4294967295, slots end below 1048576',
    ],
    [
      'a state of 2^32 - 1',
      { updates: { slot: [0], state: [most], inode: [1] } },
      'unknown-state',
      'update_state 4294967295 is no state of tcp',
    ],
    [
      'a number of 2^53',
      { opens: opensOf([1], { id: [2 ** 53] }) },
      'bad-number',
      'open_id row 0 is 9007199254740992, not a whole number below 2^53',
    ],
    [
      'more sockets than an agent may have',
      { opens: opensOf([1, 2, 3, 4]) },
      'too-many',
      'more than 4 sockets',
    ],
    [
      'a snapshot of more than it may have',
      { flags: whole, ...dictionary, opens: opensOf([0, 1, 2, 3, 4]) },
      'too-many',
      'the snapshot has more than 4 sockets',
    ],
  ];

  test.each(refusals)(
    '%s: Nack with the reason, counted, and nothing of it is told',
    async (_, message, code, reason) => {
      bad.send({ seq: 2, baseUnixMs: Date.now(), ...message });
      expect(await bad.heard('nack')).toEqual({ kind: 'nack', seq: 2, code, reason });
      expect(server.ingest.counters.refusedMessages).toBe(1);
      const host = [...server.ingest.hosts()].find(({ id }) => id === 'bad')!;
      expect(host.gaps.map((gap) => gap.reason)).toEqual([`a message was refused: ${code}`]);
      expect(server.ledger.story).toEqual(toldAtFirst);
      await expectOtherUntouched();
      bad.send({ seq: 3, baseUnixMs: Date.now(), flags: whole, ...dictionary, opens: opensOf([0, 1]) });
      expect(await bad.heard('ack', 1)).toEqual({ kind: 'ack', appliedSeq: 3, durableSeq: 3 });
      expect(server.ledger.story).toEqual([...toldAtFirst, 'closed 1000', 'opened 1001']);
    },
  );

  const strays: readonly (readonly [what: string, message: Partial<AgentBatch>])[] = [
    ['a close', { closes: { slot: [3], ageMs: [0] } }],
    ['an update', { updates: { slot: [3], state: [8], inode: [1] } }],
    ['new owners', { reownedSlots: [3], owners: { slot: [3], process: [1], fd: [3] } }],
  ];

  test.each(strays)(
    '%s of a slot that was never opened: a snapshot is asked for, counted',
    async (_, message) => {
      bad.send({ seq: 2, baseUnixMs: Date.now(), ...message });
      expect(await bad.heard('resync')).toEqual({
        kind: 'resync',
        reason: 'message 2 speaks of sockets that are not known here (1)',
      });
      expect(server.ingest.counters.resyncs).toBe(1);
      expect(server.ledger.story).toEqual(toldAtFirst);
      await expectOtherUntouched();
    },
  );

  test('the largest values that columns hold are a socket like any other', async () => {
    const largest = {
      localAddress: [most],
      remoteAddress: [most],
      ports: [most],
      uid: [most],
      fd: [most],
      ageMs: [most],
      unseenMs: [most],
      inode: [Number.MAX_SAFE_INTEGER],
      id: [Number.MAX_SAFE_INTEGER],
    };
    bad.send({ seq: 2, baseUnixMs: Date.now(), opens: opensOf([1], largest) });
    expect(await bad.heard('ack', 1)).toEqual({ kind: 'ack', appliedSeq: 2, durableSeq: 2 });
    expect(server.ledger.story).toEqual([...toldAtFirst, 'opened 65535']);
    bad.send({ seq: 3, baseUnixMs: Date.now(), closes: { slot: [1], ageMs: [most] } });
    await bad.heard('ack', 2);
    expect(server.ledger.story).toEqual([...toldAtFirst, 'opened 65535', 'closed 65535']);
    await expectOtherUntouched();
  });

  test('a message as long as may be, of rows that are all wrong, is refused as a whole', async () => {
    bad.send({
      seq: 2,
      baseUnixMs: Date.now(),
      closes: { slot: Array<number>(120_000).fill(3), ageMs: Array<number>(120_000).fill(0) },
    });
    expect(await bad.heard('resync')).toMatchObject({
      reason: 'message 2 speaks of sockets that are not known here (120000)',
    });
    expect(server.ledger.story).toEqual(toldAtFirst);
    bad.sendBytes(Buffer.alloc((1 << 20) + 1));
    expect((await bad.ended()).code).toBe('RESOURCE_EXHAUSTED');
    await expectOtherUntouched();
  });

  test('a hundred refused messages in a row are a hundred answers, and leave nothing behind', async () => {
    for (let n = 0; n < 100; n++) bad.send({ seq: 2 + n, baseUnixMs: Date.now(), opens: opensOf([most]) });
    await bad.heard('nack', 99);
    expect(server.ingest.counters.refusedMessages).toBe(100);
    const host = [...server.ingest.hosts()].find(({ id }) => id === 'bad')!;
    expect(host.gaps.length).toBeLessThanOrEqual(64);
    expect(server.ledger.story).toEqual(toldAtFirst);
    await expectOtherUntouched();
  });
});
