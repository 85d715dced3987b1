/** Counters that are told by what they have grown: from what, on which stream, and what begins them anew. */
import { beforeEach, expect, test } from 'vitest';
import { IngestSession } from '../../../aggregator/ingest/session.ts';
import type { SocketCounters } from '../../../model/socket-counters.ts';
import { type AgentBatch, agentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { packMeta } from '../../../wire/packing.ts';
import { messageFlags } from '../../../wire/protocol.ts';
import type { ServerSaying } from '../../../wire/server-message.ts';
import { netnsOf } from '../../agent/export/sockets.ts';
import { helloOf, TestAggregator } from './in-memory-link.ts';

const whole = messageFlags.snapshotBegin | messageFlags.snapshotEnd;
const meta = packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false });

let aggregator: TestAggregator;
let said: ServerSaying[];
let session: IngestSession;

function connect(number: number): void {
  said = [];
  session = new IngestSession(
    { say: (saying) => said.push(saying), end: () => undefined },
    aggregator.context,
  );
  tell({ hello: helloOf({ session: number }) });
}

function tell(parts: Partial<AgentBatch>): void {
  session.receive(encodeAgentMessage(agentBatch({ baseUnixMs: 1000, ...parts })));
}

/** One socket in slot 4, with what else the snapshot tells. */
function snapshot(seq: number, parts: Partial<AgentBatch> = {}): void {
  const one = { remoteAddress: [1], ports: [1], inode: [1], uid: [0], process: [0], fd: [0], ageMs: [0] };
  const opens = { slot: [4], localAddress: [1], meta: [meta], netns: [1], ...one, unseenMs: [0], id: [1] };
  tell({ seq, flags: whole, netns: [{ id: 1, netns: netnsOf(undefined, '10.0.0.1') }], opens, ...parts });
}

const grown = (sent: number, received: number, rttUs: number) => ({
  grown: { slot: [4], sent: [sent], received: [received], rttUs: [rttUs] },
});

const are = (sent: number, received: number) => ({
  counters: { slot: [4], sent: [sent], received: [received], rttUs: [70], retransmits: [2] },
});

function counters(): SocketCounters | null {
  return [...aggregator.ledger.open][0]!.counters;
}

beforeEach(() => {
  aggregator = new TestAggregator(() => 1_700_000_000_000);
  connect(1);
});

test('they grow from 0, from what they were said to be, and from each other', () => {
  snapshot(1, grown(5, 6, 50));
  expect(counters()).toEqual({ bytesSent: 5, bytesReceived: 6, rttUs: 50, retransmits: 0 });
  tell({ seq: 2, ...grown(0xffffffff, 1, 0) });
  expect(counters()).toEqual({ bytesSent: 4_294_967_300, bytesReceived: 7, rttUs: 50, retransmits: 0 });
  tell({ seq: 3, ...are(100, 2 ** 50) });
  tell({ seq: 4, ...grown(1, 2, 80) });
  expect(counters()).toEqual({ bytesSent: 101, bytesReceived: 2 ** 50 + 2, rttUs: 80, retransmits: 2 });
});

test('a message that comes twice counts once', () => {
  snapshot(1, grown(5, 6, 50));
  tell({ seq: 2, ...grown(1, 1, 0) });
  tell({ seq: 2, ...grown(1, 1, 0) });
  expect(counters()).toMatchObject({ bytesSent: 6, bytesReceived: 7 });
});

test('after a message that is missing nothing grows before the next snapshot, which begins at 0', () => {
  snapshot(1, grown(5, 6, 50));
  tell({ seq: 3, ...grown(1000, 1000, 0) });
  tell({ seq: 4, ...grown(1000, 1000, 0) });
  expect(said.at(-1)).toEqual({ kind: 'resync', reason: 'message 2 is missing, 3 came instead' });
  expect(counters()).toMatchObject({ bytesSent: 5, bytesReceived: 6 });
  snapshot(5, grown(2005, 6, 50));
  tell({ seq: 6, ...grown(1, 0, 0) });
  expect(counters()).toMatchObject({ bytesSent: 2006, bytesReceived: 6 });
});

test('so it is after a message that was refused', () => {
  snapshot(1, grown(5, 6, 50));
  tell({ seq: 2, ...grown(1, 1, 0), closes: { slot: [1 << 20], ageMs: [0] } });
  tell({ seq: 3, ...grown(1, 1, 0) });
  expect(counters()).toMatchObject({ bytesSent: 5, bytesReceived: 6 });
  snapshot(4, grown(7, 8, 0));
  expect(counters()).toMatchObject({ bytesSent: 7, bytesReceived: 8 });
});

test('what an earlier stream told is shown until the next one says what they are', () => {
  snapshot(1, are(100, 200));
  connect(2);
  snapshot(2);
  expect(counters()).toMatchObject({ bytesSent: 100, bytesReceived: 200 });
  tell({ seq: 3, ...are(130, 240) });
  tell({ seq: 4, ...grown(1, 1, 60) });
  expect(counters()).toEqual({ bytesSent: 131, bytesReceived: 241, rttUs: 60, retransmits: 2 });
});

test('what would be no exact number stays at the greatest that is', () => {
  snapshot(1, are(Number.MAX_SAFE_INTEGER - 1, 0));
  tell({ seq: 2, ...grown(5, 5, 0) });
  expect(counters()).toMatchObject({ bytesSent: Number.MAX_SAFE_INTEGER, bytesReceived: 5 });
});

test('growth of a slot that is not open is said to be so', () => {
  snapshot(1);
  tell({ seq: 2, grown: { slot: [5], sent: [1], received: [1], rttUs: [1] } });
  expect(said.at(-1)).toEqual({
    kind: 'resync',
    reason: 'message 2 speaks of sockets that are not known here (1)',
  });
});
