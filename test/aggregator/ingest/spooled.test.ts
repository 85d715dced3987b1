/** Messages out of a spool at the aggregator: told on once, whenever and however often they come, and refused where they are wrong. */
import { beforeEach, describe, expect, test } from 'vitest';
import { IngestSession } from '../../../aggregator/ingest/session.ts';
import { ToldSockets } from '../../../aggregator/ingest/told-sockets.ts';
import { type AgentBatch, agentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { ipv4ToNumber, packMeta, packPorts } from '../../../wire/packing.ts';
import { messageFlags } from '../../../wire/protocol.ts';
import type { ServerSaying } from '../../../wire/server-message.ts';
import { netnsOf, processOf } from '../../agent/export/sockets.ts';
import { helloOf, TestAggregator } from './in-memory-link.ts';

const nowMs = 1_700_000_000_000;

let aggregator: TestAggregator;
beforeEach(() => {
  aggregator = new TestAggregator(() => nowMs);
});

/** An agent whose every message the test chooses. */
class Agent {
  readonly said: ServerSaying[] = [];
  readonly #session: IngestSession;
  #seq = 0;

  constructor(epoch: number, session = 1, bootId?: string) {
    this.#session = new IngestSession(
      { say: (saying) => this.said.push(saying), end: () => {} },
      aggregator.context,
    );
    const hello = helloOf({ epoch, session, watchedUnixMs: 1, ...(bootId === undefined ? {} : { bootId }) });
    this.#receive({ baseUnixMs: nowMs, hello });
  }

  #receive(parts: Partial<AgentBatch>): void {
    this.#session.receive(encodeAgentMessage(agentBatch(parts)));
  }

  /** Tells a snapshot with these sockets. */
  snapshot(...ids: readonly number[]): this {
    const flags = messageFlags.snapshotBegin | messageFlags.snapshotEnd;
    this.#receive({ ...rows(ids), seq: ++this.#seq, baseUnixMs: nowMs, flags });
    return this;
  }

  spooled(spooledEpoch: number, ids: readonly number[], more: Partial<AgentBatch> = {}): this {
    const slots = ids.map((_, slot) => slot);
    const closes = { slot: slots, ageMs: ids.map(() => 1000) };
    this.#receive({ ...rows(ids), closes, spooledEpoch, seq: ++this.#seq, baseUnixMs: nowMs, ...more });
    return this;
  }

  get last(): ServerSaying | undefined {
    return this.said.at(-1);
  }

  get seq(): number {
    return this.#seq;
  }

  close(): void {
    this.#session.close();
  }
}

/** Established sockets, each with a port and an inode of its own, in slots from 0 on. */
function rows(ids: readonly number[]): Partial<AgentBatch> {
  const all = (value: number): number[] => ids.map(() => value);
  return {
    netns: [{ id: 1, netns: netnsOf(undefined, '10.1.17.138') }],
    processes: [{ id: 1, process: processOf(7) }],
    opens: {
      slot: ids.map((_, slot) => slot),
      localAddress: all(ipv4ToNumber('10.1.17.138')),
      remoteAddress: all(ipv4ToNumber('10.1.100.9')),
      ports: ids.map((id) => packPorts(1024 + id, 8743)),
      meta: all(packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false })),
      netns: all(1),
      inode: ids.map((id) => 100_000 + id),
      uid: all(1000),
      process: all(1),
      fd: all(3),
      ageMs: all(2000),
      unseenMs: all(100),
      id: ids,
    },
  };
}

const told = (): [string, number][] => [...aggregator.ledger.openings];

describe('sockets out of a spool', () => {
  test('are told as opened and closed, with their times and owners, and touch nothing that is open', () => {
    const agent = new Agent(5).snapshot(1).spooled(5, [2, 3]);
    expect(aggregator.ledger.openPorts).toEqual([1025]);
    expect(aggregator.ledger.closedSockets).toMatchObject([
      { id: '5-2', openedAtMs: nowMs - 2000, closedAtMs: nowMs - 1000, owners: [{ fds: [3] }] },
      { id: '5-3' },
    ]);
    expect([...aggregator.ledger.past]).toEqual(['5-2', '5-3']);
    expect(agent.last).toEqual({ kind: 'ack', appliedSeq: 2, durableSeq: 2 });
    expect(aggregator.context.counters).toMatchObject({ spooled: 2, spooledAgain: 0 });
  });

  test('are told once, on whichever stream they come again, and of whichever epoch they are', () => {
    new Agent(5).snapshot().spooled(3, [7]).spooled(4, [7]).spooled(5, [7]).spooled(3, [7]);
    new Agent(5, 2).snapshot().spooled(4, [7, 8]);
    new Agent(6).snapshot().spooled(5, [7]).spooled(4, [8]);
    expect(told()).toEqual([
      ['3-7', 1],
      ['4-7', 1],
      ['5-7', 1],
      ['4-8', 1],
    ]);
    expect(aggregator.context.counters).toMatchObject({ spooled: 4, spooledAgain: 4 });
  });

  test('that came and closed on a stream before are known', () => {
    new Agent(5).snapshot(1, 2, 3);
    new Agent(5, 2).snapshot(3).spooled(5, [1, 2, 4]);
    expect(told().map(([id]) => id)).toEqual(['5-1', '5-2', '5-3', '5-4']);
    expect([...aggregator.ledger.closings]).toEqual([
      ['5-1', 1],
      ['5-2', 1],
      ['5-4', 1],
    ]);
  });

  test('of which an earlier run of the agent had told are known by what they are', () => {
    new Agent(5).snapshot(1, 2).close();
    // The next run numbers them anew, saw them at its start, and one closed before an aggregator came.
    const seenAtStart = { opens: { ...rows([12]).opens!, ports: [packPorts(1025, 8743)], inode: [100_001] } };
    const opens = { ...seenAtStart.opens, unseenMs: [0xffffffff] };
    new Agent(6).snapshot().spooled(6, [12], { opens });
    expect(told().map(([id]) => id)).toEqual(['5-1', '5-2']);
    expect(aggregator.ledger.openPorts).toEqual([]);
  });

  test('of a host that was given up are told once more, as what was open is', () => {
    new Agent(5).snapshot(1, 2).close();
    aggregator.hosts.sweep({ unixMs: nowMs + 3_600_000, monotonicMs: nowMs + 3_600_000 });
    expect(aggregator.host.state).toBe('lost');
    new Agent(5, 2).snapshot(2).spooled(5, [1]);
    expect(told()).toEqual([
      ['5-1', 2],
      ['5-2', 2],
    ]);
  });

  test('listeners that are gone say nothing', () => {
    const meta = [packMeta({ protocol: 'tcp', state: 'listen', v6: false, byConntrack: false })];
    new Agent(5).snapshot().spooled(5, [1], { opens: { ...rows([1]).opens!, meta } });
    expect(told()).toEqual([]);
  });

  test('gaps of earlier runs are told once, in whichever order', () => {
    const gap = (id: number) => ({
      id,
      reason: `gap ${id}`,
      fromUnixMs: nowMs - 9000,
      toUnixMs: nowMs - 8000 + id,
      lostEvents: id,
    });
    const agent = new Agent(5).snapshot();
    for (const gaps of [[gap(2)], [gap(1)], [gap(2), gap(3)]]) agent.spooled(4, [], { gaps });
    expect(aggregator.host.gaps.map(({ reason }) => reason).sort()).toEqual(['gap 1', 'gap 2', 'gap 3']);
  });
});

describe('refused, and nothing of it told', () => {
  test.each<[string, (agent: Agent) => Agent, string]>([
    ['of an epoch to come', (agent) => agent.spooled(6, [2]), "spooled epoch 6 is above the agent's, 5"],
    [
      'a socket that is open',
      (agent) => agent.spooled(5, [2, 3], { closes: { slot: [0], ageMs: [0] } }),
      'a spooled message tells of sockets that are over, and of nothing else',
    ],
    [
      'the close of another slot',
      (agent) => agent.spooled(5, [2], { closes: { slot: [0, 4], ageMs: [0, 0] } }),
      'a spooled message tells of sockets that are over, and of nothing else',
    ],
    [
      'an update',
      (agent) => agent.spooled(5, [2], { updates: { slot: [0], state: [8], inode: [1] } }),
      'a spooled message tells of sockets that are over, and of nothing else',
    ],
    [
      'a process that it does not define',
      (agent) => agent.spooled(5, [2], { processes: [] }),
      'process 1 was never defined on this stream',
    ],
  ])('%s', (_, tell, reason) => {
    const agent = tell(new Agent(5).snapshot(1));
    expect(agent.last).toMatchObject({ kind: 'nack', seq: 2, reason });
    expect(told().map(([id]) => id)).toEqual(['5-1']);
  });

  test('within a snapshot', () => {
    const agent = new Agent(5).snapshot(1);
    agent.spooled(5, [2], { flags: messageFlags.snapshotBegin });
    expect(agent.last).toMatchObject({ kind: 'nack', reason: 'a spooled message within a snapshot' });
  });
});

test('of an epoch that is forgotten nothing is told, and a gap counts what that may be', () => {
  const agent = new Agent(1000).snapshot();
  for (let epoch = 1; epoch <= 200; epoch++) agent.spooled(epoch, [1]);
  agent.spooled(2, [1, 2]);
  expect(aggregator.ledger.openings.get('2-1')).toBe(1);
  expect(aggregator.ledger.openings.has('2-2')).toBe(false);
  expect(aggregator.host.gaps).toMatchObject([{ lostEvents: 2, fromMs: nowMs - 2000, toMs: nowMs - 1000 }]);
});

test('what was told outlives the aggregator', () => {
  const before = new ToldSockets();
  before.of(5)!.addAll([1, 2, 3, 9], 0, 4);
  before.of(5)!.addGap(4);
  before.of(6)!.add(1);
  const after = new ToldSockets();
  after.settle(JSON.parse(JSON.stringify(before.save())) as ReturnType<ToldSockets['save']>);
  expect([1, 3, 4, 9].map((id) => after.of(5)!.has(id))).toEqual([true, true, false, true]);
  expect([4, 5].map((id) => after.of(5)!.addGap(id))).toEqual([false, true]);
  expect(after.of(6)!.has(1)).toBe(true);
});
