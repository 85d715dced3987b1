/** Snapshots whose rows stay columns, and the same as objects alone: whatever a next snapshot says, answers are the same. */
import { expect, test } from 'vitest';
import { defaultCorrelatorLimits } from '../../../aggregator/correlate/correlator.ts';
import type { ReportedSocket, SocketReports } from '../../../aggregator/correlate/report.ts';
import { Naming } from '../../../aggregator/graph/naming.ts';
import { Hosts } from '../../../aggregator/ingest/hosts.ts';
import { newIngestCounters } from '../../../aggregator/ingest/ingest-counters.ts';
import { defaultIngestLimits } from '../../../aggregator/ingest/limits.ts';
import { IngestSession, type SessionContext } from '../../../aggregator/ingest/session.ts';
import { SnapshotStarts } from '../../../aggregator/ingest/snapshot-starts.ts';
import { LiveView } from '../../../aggregator/live-view.ts';
import { emptyRequest } from '../../../aggregator/serve/request.ts';
import { type AgentBatch, agentBatch, type Hello, noRows } from '../../../wire/agent-batch.ts';
import { AgentMessageDecoder, encodeAgentMessage } from '../../../wire/agent-message.ts';
import { packMeta, packPorts } from '../../../wire/packing.ts';
import { messageFlags, neverLooked } from '../../../wire/protocol.ts';
import { netnsOf, processOf } from '../../agent/export/sockets.ts';
import { connections, hosts as hostsAnswer } from '../../support/answers-at-once.ts';
import { fc } from '../../support/random-cases.ts';
import { helloOf, silent } from './in-memory-link.ts';

/** A socket as one snapshot has it. */
interface Row {
  readonly n: number;
  /** Of the agent's processes. */
  readonly process: 1 | 2;
  readonly fd: number;
  readonly isEstablished: boolean;
  /** null = nothing of its counters. */
  readonly sent: number | null;
  readonly isGrowth: boolean;
  /** A later message of the snapshot closes it. */
  readonly closes: boolean;
  /** Another slot, another number of the agent's, another inode than usual. */
  readonly moved: boolean;
  readonly renumbered: boolean;
  readonly reborn: boolean;
}

interface Snapshot {
  readonly epoch: number;
  readonly isRebooted: boolean;
  readonly rows: readonly Row[];
}

const plain = { process: 1, fd: 7, isEstablished: true, sent: null, isGrowth: false, closes: false } as const;
const usual = { ...plain, moved: false, renumbered: false, reborn: false } as const;

const [client, server] = [0x0a000001, 0x0a000002];
const startMs = 1_700_000_000_000;
const rowsPerMessage = 4;

function column(values: readonly number[]): Uint32Array {
  return Uint32Array.from(values);
}

/** @param isClient whose end of the connections it tells */
function opensOf(rows: readonly Row[], isClient: boolean): AgentBatch['opens'] {
  const of = (value: (row: Row) => number): Uint32Array => column(rows.map(value));
  const meta = (state: 'established' | 'close-wait'): number =>
    packMeta({ protocol: 'tcp', state, v6: false, byConntrack: false });
  return {
    slot: of(({ n, moved }) => n + (moved ? 100 : 0)),
    localAddress: of(() => (isClient ? client : server)),
    remoteAddress: of(() => (isClient ? server : client)),
    ports: of(({ n }) => (isClient ? packPorts(40_000 + n, 80) : packPorts(80, 40_000 + n))),
    meta: of(({ isEstablished }) => meta(isEstablished ? 'established' : 'close-wait')),
    netns: of(() => 1),
    inode: of(({ n, reborn }) => 1000 + n + (reborn ? 500 : 0)),
    uid: of(() => 0),
    process: of(({ process }) => process),
    fd: of(({ fd }) => fd),
    ageMs: of(() => 60_000),
    unseenMs: of(() => neverLooked),
    id: Float64Array.from(rows, ({ n, renumbered }) => 1 + n + (renumbered ? 1000 : 0)),
  };
}

function countersOf(rows: readonly Row[]): Pick<AgentBatch, 'counters' | 'grown'> {
  const absolute = rows.filter(({ sent, isGrowth }) => sent !== null && !isGrowth);
  const grown = rows.filter(({ sent, isGrowth }) => sent !== null && isGrowth);
  const of = (some: readonly Row[]) => ({
    slot: column(some.map(({ n, moved }) => n + (moved ? 100 : 0))),
    sent: column(some.map(({ sent }) => sent!)),
    received: column(some.map(({ n }) => n)),
    rttUs: column(some.map(() => 5)),
  });
  return { counters: { ...of(absolute), retransmits: column(absolute.map(() => 1)) }, grown: of(grown) };
}

/** Its rows in messages of a few, and then one that closes. */
function messagesOf({ rows }: Snapshot, isClient: boolean): Partial<AgentBatch>[] {
  const messages: Partial<AgentBatch>[] = [];
  for (let from = 0; from < rows.length; from += rowsPerMessage) {
    const some = rows.slice(from, from + rowsPerMessage);
    messages.push({ opens: opensOf(some, isClient), ...countersOf(some) });
  }
  const closed = rows.filter(({ closes }) => closes);
  const slot = column(closed.map(({ n, moved }) => n + (moved ? 100 : 0)));
  messages.push({ closes: { slot, ageMs: column(closed.map(() => 10)) } });
  const processes = [1, 2].map((id) => ({ id, process: processOf(id) }));
  const ip = isClient ? '10.0.0.1' : '10.0.0.2';
  const netns = { ...netnsOf(), addresses: [{ ip, prefixLength: 24, device: 'eth0' }] };
  const begin = { flags: messageFlags.snapshotBegin, netns: [{ id: 1, netns }], processes };
  return [
    { ...begin, ...noRows },
    ...messages.slice(0, -1),
    { ...messages.at(-1)!, flags: messageFlags.snapshotEnd },
  ];
}

/** An aggregator without a network, and what correlation was told as objects. */
class Aggregator {
  readonly story: string[] = [];
  readonly said: string[] = [];
  readonly view: LiveView;
  readonly #hosts: Hosts;
  readonly #context: SessionContext;
  nowMs = startMs;

  constructor(plainMax: number) {
    const clock = (): number => this.nowMs;
    const limits = { ...defaultCorrelatorLimits, plainMax };
    const hosts = (): Iterable<never> => this.#hosts.all() as Iterable<never>;
    this.view = new LiveView({ naming: new Naming([], []), limits, sinceMs: startMs, clock, hosts });
    const reports = this.#overheard(this.view.reports);
    this.#hosts = new Hosts(reports, defaultIngestLimits, silent);
    this.#context = {
      hosts: this.#hosts,
      reports,
      limits: defaultIngestLimits,
      snapshotStarts: new SnapshotStarts(defaultIngestLimits),
      counters: newIngestCounters(),
      decoder: new AgentMessageDecoder(),
      now: () => ({ unixMs: this.nowMs, monotonicMs: this.nowMs }),
      journal: null,
      serverId: 'test',
      version: '0',
      log: silent,
    };
  }

  #overheard(reports: SocketReports): SocketReports {
    const hear = (what: string, { local }: ReportedSocket): void =>
      void this.story.push(`${what} ${local.port}`);
    return {
      kept: (host, left) => reports.kept(host, left),
      opened: (socket, nowMs) => {
        hear('opened', socket);
        reports.opened(socket, nowMs);
      },
      changed: (socket, ...more) => {
        hear('changed', socket);
        reports.changed(socket, ...more);
      },
      closed: (socket, nowMs) => {
        hear('closed', socket);
        reports.closed(socket, nowMs);
      },
      translated: (socket, nowMs) => reports.translated(socket, nowMs),
      counted: (socket, nowMs) => reports.counted(socket, nowMs),
      forwarded: (flow, nowMs) => reports.forwarded(flow, nowMs),
      forwardEnded: (flow, nowMs) => reports.forwardEnded(flow, nowMs),
      hostChanged: (host, nowMs) => reports.hostChanged(host, nowMs),
      hostLost: (...lost) => reports.hostLost(...lost),
    };
  }

  /** @param session one higher for every stream */
  connect(hello: Partial<Hello>): Stream {
    const session = new IngestSession(
      {
        say: (saying) => saying.kind === 'nack' && this.said.push(saying.reason),
        end: (code, reason) => code !== 'superseded' && this.said.push(reason),
      },
      this.#context,
    );
    const stream = new Stream(session, () => this.nowMs);
    stream.send({ hello: helloOf(hello) });
    return stream;
  }

  /** Connections and hosts, without the numbers that they have here. */
  answers(): unknown {
    const documents = connections(this.view, emptyRequest, this.nowMs).connections;
    return {
      connections: documents.map((each) => JSON.stringify({ ...each, id: null })).toSorted(),
      hosts: hostsAnswer(this.view, emptyRequest, this.nowMs).hosts,
    };
  }
}

class Stream {
  readonly #session: IngestSession;
  readonly #now: () => number;
  #seq = 0;

  constructor(session: IngestSession, now: () => number) {
    this.#session = session;
    this.#now = now;
  }

  send(parts: Partial<AgentBatch>): void {
    const seq = parts.hello === undefined ? ++this.#seq : 0;
    this.#session.receive(encodeAgentMessage(agentBatch({ seq, baseUnixMs: this.#now(), ...parts })));
  }

  tell(snapshot: Snapshot, isClient: boolean): void {
    for (const message of messagesOf(snapshot, isClient)) this.send(message);
  }
}

const firstRows = Array.from(
  { length: 10 },
  (_, n): Row => ({ n, ...usual, sent: n % 2 === 0 ? 10 * n : null }),
);
const first: Snapshot = { epoch: 1, isRebooted: false, rows: firstRows };

/** Tells the server's ends, and then what the client's agent tells. */
function tellAll(aggregator: Aggregator, snapshots: readonly Snapshot[]): unknown[] {
  aggregator.connect({ hostId: 'server', hostName: 'server' }).tell(first, false);
  const answers: unknown[] = [];
  for (const [n, snapshot] of snapshots.entries()) {
    const bootId = snapshot.isRebooted ? 'b0070000-0000-4000-8000-000000000002' : helloOf().bootId;
    aggregator.nowMs += 1000;
    aggregator
      .connect({ hostId: 'client', hostName: 'client', epoch: snapshot.epoch, session: n + 1, bootId })
      .tell(snapshot, true);
    answers.push(aggregator.answers());
  }
  return answers;
}

test('what is plain is told as no object, in a first snapshot and in one that says the same', () => {
  const aggregator = new Aggregator(1 << 10);
  tellAll(aggregator, [first, first]);
  expect(aggregator.said).toEqual([]);
  expect(aggregator.story).toEqual([]);
  expect(aggregator.view.sizes['plain']).toBe(10);
});

test('a snapshot tells what is different, and of nothing else', () => {
  const aggregator = new Aggregator(1 << 10);
  const [, one, two, three, , ...rest] = firstRows;
  const rows = [one!, { ...two!, process: 2 as const }, { ...three!, isEstablished: false }, ...rest];
  tellAll(aggregator, [first, { ...first, rows: [...rows, { n: 20, ...usual }] }]);
  expect(aggregator.story).toEqual(['closed 40000', 'closed 40004', 'changed 40002', 'changed 40003']);
});

test('counters of a socket that the message does not open are refused', () => {
  const aggregator = new Aggregator(1 << 10);
  const stream = aggregator.connect({});
  const [one, two] = [firstRows[2]!, firstRows[4]!];
  const begin = messagesOf({ ...first, rows: [one] }, true);
  stream.send(begin[0]!);
  stream.send({ ...begin[1]!, ...countersOf([two]) });
  expect(aggregator.said).toEqual(['a snapshot opens sockets, it does not update them']);
});

const rowOf = (n: number): fc.Arbitrary<Row | null> => {
  const seldom = fc.nat(7).map((value) => value === 0);
  const row = fc.record({
    n: fc.constant(n),
    process: fc.constantFrom(1 as const, 1 as const, 1 as const, 2 as const),
    fd: fc.constantFrom(7, 7, 7, 8, 0xffffffff),
    isEstablished: seldom.map((is) => !is),
    sent: fc.option(fc.nat(1000)),
    isGrowth: fc.boolean(),
    closes: seldom,
    moved: seldom,
    renumbered: seldom,
    reborn: seldom,
  });
  return fc.option(row, { freq: 6 });
};

const snapshots: fc.Arbitrary<Snapshot[]> = fc
  .array(
    fc.record({
      isNewRun: fc.nat(4).map((value) => value === 0),
      isRebooted: fc.nat(3).map((value) => value === 0),
      rows: fc.tuple(...firstRows.map(({ n }) => rowOf(n))).map((rows) => rows.filter((row) => row !== null)),
    }),
    { minLength: 2, maxLength: 5 },
  )
  .map((told) => {
    let [epoch, isRebooted] = [1, false];
    return told.map((each) => {
      if (each.isNewRun) [epoch, isRebooted] = [epoch + 1, isRebooted !== each.isRebooted];
      return { epoch, isRebooted, rows: each.rows };
    });
  });

test('the same answers after any snapshots, as columns and as objects', { timeout: 300_000 }, () => {
  let plainOnes = 0;
  fc.assert(
    fc.property(snapshots, (told) => {
      const [core, objects] = [new Aggregator(1 << 10), new Aggregator(0)];
      expect(tellAll(core, told)).toEqual(tellAll(objects, told));
      expect([core.said, objects.said]).toEqual([[], []]);
      plainOnes += core.view.sizes['plain']!;
    }),
    { numRuns: Number(process.env['RUNS'] ?? 30) },
  );
  // It was the core that answered.
  expect(plainOnes).toBeGreaterThan(30);
});
