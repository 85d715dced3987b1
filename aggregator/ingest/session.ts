/**
 * One stream of one agent, from Hello to its end: a tagged union of states, and what each kind of message does in each.
 * Bytes come in, sayings go out; of gRPC it knows nothing.
 */
import type { Logger } from 'pino';
import type { AgentBatch, Hello } from '../../wire/agent-batch.ts';
import type { AgentMessageDecoder } from '../../wire/agent-message.ts';
import { heartbeatIntervalMs, messageFlags, protocolVersion } from '../../wire/protocol.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { ReportingHost, SocketReports } from '../correlate/report.ts';
import { Acknowledgements } from './acknowledgements.ts';
import type { AgentRecord, LiveStream, Moment } from './agent-record.ts';
import { StreamDictionary } from './dictionary.ts';
import type { Hosts } from './hosts.ts';
import type { IngestCounters } from './ingest-counters.ts';
import type { IngestJournal } from './ingest-journal.ts';
import { type Effect, JournaledSession } from './journaled-session.ts';
import type { IngestLimits } from './limits.ts';
import type { EndCode, Peer } from './peer.ts';
import { resolveRows } from './rows.ts';
import { SimpleOpens } from './simple-opens.ts';
import { ArrivingSnapshot } from './snapshot.ts';
import type { SnapshotStarts } from './snapshot-starts.ts';
import { takeSpooled } from './spooled.ts';

export type SessionState =
  | { readonly kind: 'awaiting-hello' }
  /** No copy to apply rows to: they are passed over until a snapshot begins. */
  | { readonly kind: 'awaiting-snapshot'; readonly agent: Agent }
  | {
      readonly kind: 'snapshotting';
      readonly agent: Agent;
      readonly snapshot: ArrivingSnapshot;
      readonly lastSeq: number;
    }
  | { readonly kind: 'in-step'; readonly agent: Agent; readonly lastSeq: number }
  | { readonly kind: 'ended' };

interface Agent {
  readonly hello: Hello;
  readonly record: AgentRecord;
}

/** What all sessions of one aggregator share. */
export interface SessionContext {
  readonly hosts: Hosts;
  readonly reports: SocketReports;
  readonly limits: IngestLimits;
  readonly snapshotStarts: SnapshotStarts;
  readonly counters: IngestCounters;
  /** One for all: nothing of a message is kept as the decoder hands it out. */
  readonly decoder: AgentMessageDecoder;
  readonly now: () => Moment;
  /** null = nothing outlives this run, and what is applied is as durable as it gets. */
  readonly journal: IngestJournal | null;
  readonly serverId: string;
  readonly version: string;
  readonly log: Logger;
}

/** Of a message that changes what is known of the agent, and of no socket. */
const noRows: Effect = { begins: false, completes: false, appliedSeq: 0 };

export class IngestSession {
  readonly #peer: Peer;
  readonly #context: SessionContext;
  #state: SessionState = { kind: 'awaiting-hello' };
  #dictionary = new StreamDictionary();
  /** When the message came that is being taken. */
  #arrived: Moment = { unixMs: 0, monotonicMs: 0 };
  readonly #acks: Acknowledgements;
  #journaled: JournaledSession | null = null;
  /** What the message has done that is being taken; null = nothing that is to be remembered. */
  #effect: Effect | null = null;
  readonly #liveStream = (hello: Hello): LiveStream => ({
    hello,
    supersede: (reason) => this.end('superseded', reason),
  });
  #stream: LiveStream | null = null;

  constructor(peer: Peer, context: SessionContext) {
    this.#peer = peer;
    this.#context = context;
    this.#acks = new Acknowledgements((saying) => peer.say(saying), context.journal);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The one host that it may be about; null = any. */
  get speaksFor(): string | null {
    return this.#peer.speaksFor ?? null;
  }

  /**
   * Takes one message. A bad one is refused by Nack and the stream goes on; one that is no message at all ends it.
   * @returns what it did; null = nothing that is to be remembered
   */
  receive(bytes: Buffer): Effect | null {
    if (this.#state.kind === 'ended') return null;
    this.#effect = null;
    this.#context.counters.messages++;
    this.#arrived = this.#context.now();
    this.#acks.received(bytes.length);
    try {
      this.#take(this.#context.decoder.decode(bytes));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#refuse(error, bytes);
      return null;
    }
    if (this.#effect !== null) this.#journaled?.took(bytes, this.#effect, this.#arrived.unixMs);
    return this.#effect;
  }

  /** Ends the stream from this side. */
  end(code: EndCode, reason: string): void {
    if (this.#state.kind === 'ended') return;
    this.close();
    this.#peer.end(code, reason);
  }

  /** The stream is over, whoever ended it. Idempotent. */
  close(): void {
    const state = this.#state;
    this.#state = { kind: 'ended' };
    if ('agent' in state && this.#stream !== null) {
      const now = this.#context.now();
      this.#context.hosts.release(state.agent.record, this.#stream, now);
      this.#journaled?.ended(now.unixMs);
    }
  }

  #take(batch: AgentBatch): void {
    if (this.#state.kind === 'awaiting-hello') return this.#greet(batch);
    if (this.#state.kind === 'ended') return;
    if (batch.hello !== null)
      throw new WireError('out-of-place', 'Hello comes once, at the start of a stream');
    const { record } = this.#state.agent;
    record.heard(this.#context.now());
    if (this.#state.kind === 'in-step') record.keptStep(this.#context.now());
    this.#noticeAbsence(record.host);
    if (batch.heartbeat !== null) this.#onHeartbeat(batch.heartbeat, record);
    if (batch.seq > 0) this.#onRows(batch);
  }

  #greet(batch: AgentBatch): void {
    const { hello } = batch;
    if (hello === null) return this.end('no-hello', 'the first message of a stream must be Hello');
    if (hello.protocol !== protocolVersion) return this.end('wrong-version', this.#versionMismatch(hello));
    if (hello.hostId === '') return this.end('bad-stream', 'Hello without a host id');
    const { speaksFor } = this;
    if (speaksFor !== null && speaksFor !== hello.hostId) {
      return this.end(
        'wrong-host',
        `the certificate is of host ${speaksFor}, and Hello says ${hello.hostId}`,
      );
    }
    const { hosts, now } = this.#context;
    this.#stream = this.#liveStream(hello);
    const admitted = hosts.admit(this.#stream, batch.baseUnixMs, now());
    if ('reason' in admitted) return this.end(admitted.code, admitted.reason);
    this.#state = { kind: 'awaiting-snapshot', agent: { hello, record: admitted } };
    const { journal } = this.#context;
    const parts = { hello, record: admitted, acks: this.#acks };
    if (journal !== null) this.#journaled = new JournaledSession(journal, parts, this.#arrived.unixMs);
    this.#peer.say({
      kind: 'welcome',
      protocol: protocolVersion,
      serverVersion: this.#context.version,
      serverId: this.#context.serverId,
      needSnapshot: true,
      resumeAfterSeq: 0,
      heartbeatIntervalMs,
      maxMessageBytes: this.#context.limits.messageBytesMax,
      startAfterMs: this.#startAfterMs(),
    });
  }

  #startAfterMs(): number {
    const { snapshotStarts, counters, now } = this.#context;
    const waitMs = snapshotStarts.next(now().monotonicMs);
    if (waitMs > 0) counters.delayed++;
    return waitMs;
  }

  #versionMismatch(hello: Hello): string {
    const older = hello.protocol < protocolVersion ? 'the agent' : 'the aggregator';
    return (
      `the agent (${hello.agentVersion}) speaks Ingest protocol ${hello.protocol}, ` +
      `this aggregator (${this.#context.version}) speaks ${protocolVersion}: upgrade ${older}`
    );
  }

  #onHeartbeat(heartbeat: NonNullable<AgentBatch['heartbeat']>, record: AgentRecord): void {
    const { unixMs } = this.#context.now();
    this.#effect = noRows;
    record.heartbeat(heartbeat, unixMs);
    if (this.#state.kind === 'in-step') record.tellsOf(heartbeat.unixMs, unixMs);
    this.#peer.say({ kind: 'heartbeat', monotonicMs: heartbeat.monotonicMs, serverUnixMs: unixMs });
  }

  #onRows(batch: AgentBatch): void {
    if ((batch.flags & messageFlags.snapshotBegin) !== 0) this.#beginSnapshot(batch.seq);
    const state = this.#state;
    switch (state.kind) {
      case 'awaiting-hello':
      case 'ended':
      case 'awaiting-snapshot':
        return;
      case 'snapshotting':
        if (this.#isNext(batch, state.lastSeq)) this.#addToSnapshot(batch, state);
        return;
      case 'in-step':
        if (!this.#isNext(batch, state.lastSeq)) return;
        if (batch.spooledEpoch === 0) this.#applyDelta(batch, state);
        else this.#applySpooled(batch, state);
        return;
    }
  }

  #beginSnapshot(seq: number): void {
    if (!('agent' in this.#state)) return;
    const snapshot = new ArrivingSnapshot(this.#context.limits.slotsMax);
    this.#dictionary = new StreamDictionary();
    this.#state = { kind: 'snapshotting', agent: this.#state.agent, snapshot, lastSeq: seq - 1 };
  }

  /** A message that came before is only acknowledged again; a missing one makes all later ones useless. */
  #isNext(batch: AgentBatch, lastSeq: number): boolean {
    if (batch.seq === lastSeq + 1) return true;
    if (batch.seq <= lastSeq) this.#acks.tell();
    else this.#resync(`message ${lastSeq + 1} is missing, ${batch.seq} came instead`);
    return false;
  }

  #resync(reason: string): void {
    if (!('agent' in this.#state)) return;
    this.#context.counters.resyncs++;
    this.#state = { kind: 'awaiting-snapshot', agent: this.#state.agent };
    this.#acks.askForSnapshot(reason);
  }

  #addToSnapshot(batch: AgentBatch, state: Extract<SessionState, { kind: 'snapshotting' }>): void {
    const { agent, snapshot } = state;
    if (batch.spooledEpoch > 0) throw new WireError('out-of-place', 'a spooled message within a snapshot');
    const begins = (batch.flags & messageFlags.snapshotBegin) !== 0;
    this.#dictionary.define(batch);
    const { reports, counters, now } = this.#context;
    const nowMs = now().unixMs;
    const simple = agent.record.table.keeps ? new SimpleOpens(batch.opens.slot.length) : null;
    snapshot.add(resolveRows(batch, this.#dictionary, agent.record.clock, this.#arrived, simple));
    this.#dictionary.drop(batch);
    for (const gap of batch.gaps) agent.record.addAgentGap(gap, nowMs);
    if ((batch.flags & messageFlags.snapshotEnd) === 0) {
      this.#state = { ...state, lastSeq: batch.seq };
      this.#effect = { begins, completes: false, appliedSeq: 0 };
      this.#acks.taken(batch.seq);
      return;
    }
    agent.record.describe(agent.hello, this.#dictionary, nowMs);
    agent.record.tellsOf(batch.baseUnixMs, nowMs);
    reports.hostChanged(agent.record.host, nowMs);
    agent.record.table.replace(snapshot, agent.hello, nowMs);
    agent.record.keptStep(now());
    counters.snapshots++;
    counters.rows += snapshot.size;
    this.#state = { kind: 'in-step', agent, lastSeq: batch.seq };
    this.#effect = { begins, completes: true, appliedSeq: batch.seq };
    this.#acks.applied(batch.seq);
  }

  #applyDelta(batch: AgentBatch, state: Extract<SessionState, { kind: 'in-step' }>): void {
    const { record } = state.agent;
    const { reports, counters, hosts, now } = this.#context;
    const nowMs = now().unixMs;
    this.#dictionary.define(batch);
    const simple = record.table.keeps ? hosts.simpleOpens : null;
    const rows = resolveRows(batch, this.#dictionary, record.clock, this.#arrived, simple);
    if (record.table.size + batch.opens.slot.length > this.#context.limits.slotsMax) {
      throw new WireError('too-many', `more than ${this.#context.limits.slotsMax} sockets`);
    }
    record.tellsOf(batch.baseUnixMs, nowMs);
    if (batch.netns.length > 0) {
      record.setNetns(this.#dictionary);
      reports.hostChanged(record.host, nowMs);
    }
    const leftOut = record.table.apply(rows, nowMs);
    this.#dictionary.drop(batch);
    if (batch.droppedNetns.length > 0) {
      record.setNetns(this.#dictionary);
      reports.hostChanged(record.host, nowMs);
    }
    for (const gap of batch.gaps) record.addAgentGap(gap, nowMs);
    this.#state = { ...state, lastSeq: batch.seq };
    counters.rows += batch.opens.slot.length + rows.closed.length + rows.updated.length + rows.reowned.length;
    this.#effect = { begins: false, completes: false, appliedSeq: batch.seq };
    this.#acks.applied(batch.seq);
    if (leftOut > 0)
      this.#resync(`message ${batch.seq} speaks of sockets that are not known here (${leftOut})`);
  }

  #applySpooled(batch: AgentBatch, state: Extract<SessionState, { kind: 'in-step' }>): void {
    const { hello, record } = state.agent;
    const { reports, counters } = this.#context;
    const { told, known } = takeSpooled(batch, record, hello.epoch, reports, this.#arrived);
    counters.spooled += told;
    counters.spooledAgain += known;
    this.#state = { ...state, lastSeq: batch.seq };
    this.#effect = { begins: false, completes: false, appliedSeq: batch.seq };
    // The next one is sent when this one has taken effect.
    this.#acks.applied(batch.seq, true);
  }

  #refuse(error: WireError, bytes: Buffer): void {
    if (error.code === 'not-a-message' || !('agent' in this.#state)) {
      return this.end('bad-stream', error.message);
    }
    const { agent } = this.#state;
    const { counters, decoder, now, log } = this.#context;
    const seq = decoder.peekSeq(bytes);
    const nowMs = now().unixMs;
    counters.refusedMessages++;
    log.warn({ host: agent.record.host.name, seq, code: error.code }, `message refused: ${error.reason}`);
    const reason = `a message was refused: ${error.code}`;
    const gap = { fromMs: agent.record.host.lastSeenMs, toMs: nowMs, reason, lostEvents: 0 };
    agent.record.addGap(gap);
    this.#context.journal?.gap(agent.record.host.id, gap, nowMs);
    this.#peer.say({ kind: 'nack', seq, code: error.code, reason: error.reason });
    this.#fallBehind(seq);
  }

  /** What was refused is missing here from now on, so the copy is worth nothing: a Nack of rows asks for a snapshot. */
  #fallBehind(seq: number): void {
    if (seq > 0 && 'agent' in this.#state) {
      this.#state = { kind: 'awaiting-snapshot', agent: this.#state.agent };
    }
  }

  /** A host that was only silent is live again with its first word; of one that was lost nothing is left to go on with. */
  #noticeAbsence(host: ReportingHost): void {
    if (this.#state.kind !== 'in-step') return;
    if (host.state === 'lost') return this.#resync('the host was silent for so long that it was given up');
    if (host.state === 'live') return;
    host.state = 'live';
    host.awaySinceMs = null;
    this.#context.reports.hostChanged(host, this.#context.now().unixMs);
  }
}
