/** What comes over gRPC: messages of agents, of aggregators and of those who ask, and requests for certificates. */

import { defaultCorrelatorLimits } from '../../aggregator/correlate/correlator.ts';
import type { ReportingHost } from '../../aggregator/correlate/report.ts';
import { Naming } from '../../aggregator/graph/naming.ts';
import { IngestSession } from '../../aggregator/ingest/session.ts';
import { LiveView } from '../../aggregator/live-view.ts';
import { netnsOf } from '../../test/agent/export/sockets.ts';
import { helloOf, TestAggregator } from '../../test/aggregator/ingest/in-memory-link.ts';
import { processNamed } from '../../test/support/reported-fleet.ts';
import { agentBatch, type OpenColumns } from '../../wire/agent-batch.ts';
import { AgentMessageDecoder, encodeAgentMessage } from '../../wire/agent-message.ts';
import { documentFromMessage } from '../../wire/document-codec.ts';
import { decodeMessage } from '../../wire/message-decoder.ts';
import { encodeMessage } from '../../wire/message-encoder.ts';
import { packMeta } from '../../wire/packing.ts';
import { messageType } from '../../wire/proto-file.ts';
import { messageFlags } from '../../wire/protocol.ts';
import {
  decodeServerMessage,
  encodeServerMessage,
  type ServerMessageFields,
} from '../../wire/server-message.ts';
import { WireError } from '../../wire/wire-error.ts';
import { expectAlike, expectThat, type Target } from '../target.ts';

export const hello = agentBatch({
  hello: helloOf({ labels: new Map([['rack', '7']]), cannotSee: ['It is dark.'] }),
});

/** Rows of every section. */
export const snapshot = agentBatch({
  seq: 1,
  baseUnixMs: 1_700_000_000_000,
  flags: messageFlags.snapshotBegin | messageFlags.snapshotEnd,
  processes: [
    { id: 1, process: processNamed('nginx') },
    { id: 2, process: processNamed('pöstgres', 7, 'x'.repeat(300)) },
  ],
  netns: [{ id: 1, netns: netnsOf(4026531840) }],
  addresses: [
    { id: 1, ip: 'fd00::1' },
    { id: 2, ip: '::1' },
  ],
  gaps: [{ id: 1, reason: 'away', fromUnixMs: 1, toUnixMs: 2, lostEvents: 3 }],
  opens: opens(),
  owners: { slot: [0, 0], process: [2, 2], fd: [8, 9] },
  nat: { slot: [1], role: [1] },
  stages: {
    slot: [1],
    localAddress: [0x0a000001],
    remoteAddress: [0x0a000002],
    ports: [0x01bb2710],
    v6: [0],
  },
  counters: { slot: [0], sent: [1e9], received: [7], rttUs: [250], retransmits: [1] },
});

function opens(): OpenColumns {
  const meta = { protocol: 'tcp', state: 'established', byConntrack: false } as const;
  return {
    slot: [0, 1, 2],
    localAddress: [0x0a000001, 0x0a000001, 1],
    remoteAddress: [0x0a000002, 0x0a000003, 2],
    ports: [0x1f902710, 0x1f912711, 0x1f922712],
    meta: [
      packMeta({ ...meta, v6: false }),
      packMeta({ ...meta, v6: false }),
      packMeta({ ...meta, v6: true }),
    ],
    netns: [1, 1, 1],
    inode: [11, 12, 13],
    uid: [0, 1000, 0xffffffff],
    process: [1, 2, 0],
    fd: [3, 4, 0],
    ageMs: [5, 6, 0xffffffff],
    unseenMs: [1000, 1000, 0xffffffff],
    id: [1, 2, 2 ** 52],
  };
}

export const delta = agentBatch({
  seq: 2,
  baseUnixMs: 1_700_000_001_000,
  updates: { slot: [1], state: [8], inode: [0] },
  closes: { slot: [2], ageMs: [20] },
  reownedSlots: [0],
  owners: { slot: [0], process: [2], fd: [5] },
  grown: { slot: [0], sent: [100], received: [0], rttUs: [0] },
  droppedProcesses: [1],
});

const heartbeat = agentBatch({
  heartbeat: {
    unixMs: 1_700_000_002_000,
    monotonicMs: 99,
    roundTripMs: 3,
    openSockets: 2,
    lostEvents: 0,
    malformedRows: 0,
    scanMs: 4,
    cannotSee: [],
    collector: 'ebpf',
    intervalMs: 1000,
  },
});

const messages = [hello, snapshot, delta, heartbeat].map(encodeAgentMessage);

/** Tags of columns and of definitions, and numbers that are too long. */
const wireTokens = [7, 8, 18, 41, 50, 60, 80, 81, 82, 90, 96, 104, 108].flatMap((number) =>
  [0, 2, 5].map((type) => Buffer.from([((number << 3) & 0x7f) | 0x80 | type, (number << 3) >> 7])),
);
const tokens = [
  ...wireTokens,
  Buffer.alloc(10, 0xff),
  Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]),
  Buffer.alloc(4),
];

/** Rows up to which a message is encoded again. */
const comparedMax = 2000;

const agentMessage: Target = {
  name: 'agent-message',
  seeds: () => messages,
  tokens,
  run(input) {
    const batch = new AgentMessageDecoder().decode(input);
    if (batch.opens.slot.length + batch.closes.slot.length + batch.owners.slot.length > comparedMax)
      return batch.seq;
    const again = new AgentMessageDecoder().decode(encodeAgentMessage(batch));
    expectAlike(again, batch, 'a message that is encoded again says the same');
    return batch;
  },
  refusals: [WireError],
};

/** The largest number that a list of small messages begins a length with. */
const framed = (parts: readonly Buffer[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [Buffer.from([part.length & 0xff, part.length >> 8]), part]));

function unframed(input: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at + 2 <= input.length; ) {
    const end = at + 2 + input.readUInt16LE(at);
    parts.push(input.subarray(at + 2, end));
    at = end;
  }
  return parts;
}

/** A whole stream of an agent that follows no rules: nothing but a refusal, and what others told stays. */
const agentStream: Target = {
  name: 'agent-stream',
  seeds: () => [
    framed(messages),
    framed([hello, snapshot, delta, agentBatch({ ...snapshot, seq: 3 })].map(encodeAgentMessage)),
    framed([hello, agentBatch({ ...snapshot, seq: 1, spooledEpoch: 1, flags: 0 })].map(encodeAgentMessage)),
  ],
  tokens: [...tokens, ...[hello, delta, heartbeat].map((batch) => framed([encodeAgentMessage(batch)]))],
  repair: (input) => framed(unframed(input).filter(({ length }) => length > 0)),
  run(input) {
    const { context, hosts } = new TestAggregator(() => nowMs);
    const view = emptyView(() => hosts.all());
    const said: string[] = [];
    const peer = {
      say: ({ kind }: { kind: string }) => said.push(kind),
      end: (code: string) => said.push(code),
    };
    const session = new IngestSession(peer, { ...context, reports: view.reports });
    for (const part of unframed(input)) session.receive(Buffer.from(part));
    session.close();
    view.correlator.sweep(nowMs + 60_000);
    return [session.state.kind, said.slice(0, 6), [...hosts.all()].length];
  },
};

const nowMs = 1_700_000_003_000;

/** Of an aggregator that nobody has told anything. */
function emptyView(hosts: () => Iterable<ReportingHost>): LiveView {
  const limits = { ...defaultCorrelatorLimits, plainMax: 64 };
  const clock = (): number => nowMs;
  return new LiveView({
    naming: new Naming([], []),
    limits,
    sinceMs: 0,
    clock,
    monotonicClock: clock,
    hosts,
  });
}

const asked = [
  'QueryRequest',
  'ConnectionsDocument',
  'ToDocument',
  'MapDocument',
  'HostsDocument',
  'WatchDocument',
  'AboutDocument',
  'JoinRequest',
  'ServerMessage',
] as const;

/** A message of a type that the first byte chooses. */
const otherMessages: Target = {
  name: 'other-messages',
  seeds: () => [
    Buffer.concat([Buffer.from([0]), encodeMessage(messageType('QueryRequest'), { q: 'web', limit: 7 })]),
    Buffer.concat([
      Buffer.from([8]),
      encodeMessage(
        messageType('ServerMessage'),
        encodeServerMessage({ kind: 'ack', appliedSeq: 5, durableSeq: 4 }),
      ),
    ]),
    ...asked.map((_name, i) => Buffer.from([i, 10, 2, 10, 0])),
  ],
  tokens: [
    ...Array.from({ length: 16 }, (_, number) => Buffer.from([(number << 3) | 2, 2])),
    Buffer.alloc(9, 0xff),
    'ü',
  ],
  run(input) {
    const name = asked[(input[0] ?? 0) % asked.length]!;
    const type = messageType(name);
    const fields = decodeMessage(type, input.subarray(1));
    const again = decodeMessage(type, encodeMessage(type, fields));
    expectAlike(again, fields, `${name} that is encoded again says the same`);
    if (name === 'ServerMessage') return decodeServerMessage(fields as ServerMessageFields);
    const document = documentFromMessage<object>(name, fields);
    expectThat(Object.keys(document).length === type.fields.length, `${name} has all its fields`);
    return document;
  },
  refusals: [RangeError],
};

export const wireTargets: readonly Target[] = [agentMessage, agentStream, otherMessages];
