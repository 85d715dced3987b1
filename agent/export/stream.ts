/**
 * The stream to the aggregator: does what lifecycle.ts decides, sends what the batch builder hands out for as long as
 * the window is open, and gives each word of the aggregator to whom it concerns.
 */
import { type Cancel, pause, realTimers, type Timers } from '../../model/timers.ts';
import { agentBatch, type Heartbeat, type Hello } from '../../wire/agent-batch.ts';
import { sendWindowBatches, sendWindowBytes } from '../../wire/agent-limits.ts';
import { encodeAgentMessage } from '../../wire/agent-message.ts';
import { messageFlags, protocolVersion } from '../../wire/protocol.ts';
import type { ServerSaying } from '../../wire/server-message.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { Coalescing } from './coalescing.ts';
import type { Connection } from './connection.ts';
import { Heartbeats } from './heartbeats.ts';
import { judgeEnd } from './judge-end.ts';
import { advance, type StreamAction, type StreamEvent, type StreamState } from './lifecycle.ts';
import { PastTurns } from './past-turns.ts';
import { SendWindow } from './send-window.ts';
import type { StreamOptions } from './stream-options.ts';

/** The longest interval that an aggregator can ask for. */
export const throttleMaxMs = 60_000;

/** How often the stream looks whether a heartbeat is due, the transport is free again, or the other end is silent. */
const tickMs = 1000;

/** Longest stretch of building messages without a turn for the event loop; one of batchTargetBytes takes 2 to 4 ms. */
const sendSliceMs = 5;

/** How long `close` lets what is already told drain to the aggregator. */
const farewellMs = 1000;

export type { StreamOptions, Vitals } from './stream-options.ts';

export class AgentStream {
  readonly #options: StreamOptions;
  readonly #timers: Timers;
  #state: StreamState = { kind: 'idle' };
  /** Of the state; null = it has none. */
  #timer: Cancel | null = null;
  #tick: Cancel | null = null;
  /** A flush that gave way to the event loop goes on. */
  #later: Cancel | null = null;
  readonly #past: PastTurns;
  #endpoint: string;
  #connection: Connection | null = null;
  #session = 0;
  /** Of the last message with rows; goes on across streams. */
  #seq = 0;
  readonly #window = new SendWindow();
  readonly #coalescing = new Coalescing();
  #heartbeats: Heartbeats;
  /** Seq of the message that began the last snapshot, and of the one that ended it; null while that is not sent. */
  #snapshotBeginSeq = 0;
  #snapshotEndSeq: number | null = null;
  #appliedSeq = 0;
  #lastComplaint = '';
  #isClosing = false;
  #nacked = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#timers = options.timers ?? realTimers;
    const time = { clock: options.clock, timers: this.#timers };
    this.#past = new PastTurns(options.past ?? null, time, () => this.#sendPast());
    this.#endpoint = options.server;
    this.#heartbeats = new Heartbeats(options.clock.monotonicMs());
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Messages and bytes that are sent and not acknowledged. */
  get inFlight(): { readonly batches: number; readonly bytes: number } {
    return { batches: this.#window.batches, bytes: this.#window.bytes };
  }

  get tables(): readonly BoundedTable[] {
    const { batches, bytes } = this.inFlight;
    return [
      { name: 'messages_in_flight', size: batches, limit: sendWindowBatches, refusedTotal: 0 },
      { name: 'bytes_in_flight', size: bytes, limit: sendWindowBytes, refusedTotal: 0 },
    ];
  }

  /** Messages that the aggregator refused since the start. */
  get nacked(): number {
    return this.#nacked;
  }

  start(): void {
    this.#coalescing.tickEnds();
    this.#handle({ kind: 'start' });
    this.#tick = this.#timers.every(tickMs, () => this.#onTick());
  }

  /** What a scan made different goes into the slot table from here on. It is sent by flush, when all of it is there. */
  tickBegins(): void {
    this.#coalescing.tickBegins();
  }

  /** Sends what the slot table has to tell, as far as the window allows; what is left goes as that opens. */
  flush(): void {
    this.#coalescing.tickEnds();
    this.#send();
    this.#sendPast();
  }

  /** So many rows were told of events between two ticks: sends them, or waits for more. Call it again while they wait. */
  offer(rows: number): void {
    const { slots, clock } = this.#options;
    if (this.#coalescing.offer(rows, slots.pendingCount, clock.monotonicMs())) this.#send();
  }

  /** Sends what is due. When that takes long, the event loop has its turn before the next message. */
  #send(): void {
    if (this.#later !== null || this.#isClosing) return;
    const { slots, builder, clock } = this.#options;
    const slice = new TimeSlice(sendSliceMs, { clock, timers: this.#timers });
    while (this.#coalescing.mayGo(slots.pendingCount) && this.#sendNext()) {
      if (builder.isAllTold) return this.#coalescing.allTold();
      if (!slice.isUsedUp()) continue;
      this.#later = this.#timers.soon(() => {
        this.#later = null;
        this.#send();
      });
      return;
    }
  }

  /** False when there is nothing to tell, or no room. */
  #sendNext(): boolean {
    const mayHaveRows = this.#state.kind === 'snapshotting' || this.#state.kind === 'streaming';
    if (!mayHaveRows || this.#connection === null) return false;
    if (!this.#window.isOpen || this.#connection.isBlocked) return false;
    const batch = this.#options.builder.build(this.#seq + 1, this.#options.clock.nowMs());
    if (batch === null) {
      this.#coalescing.allTold();
      return false;
    }
    this.#seq = batch.seq;
    if ((batch.flags & messageFlags.snapshotEnd) !== 0) this.#snapshotEndSeq = batch.seq;
    this.#write(batch.seq, encodeAgentMessage(batch), this.#connection);
    return true;
  }

  /** Sends what is past, behind all that there is to tell of now. */
  #sendPast(): void {
    const connection = this.#connection;
    if (connection === null || this.#isClosing || this.#state.kind !== 'streaming') return;
    for (;;) {
      const isFree = this.#window.isOpen && !connection.isBlocked;
      const bytes = this.#past.next(this.#seq + 1, isFree);
      if (bytes === null) return;
      this.#write(++this.#seq, bytes, connection);
    }
  }

  #write(seq: number, bytes: Buffer, connection: Connection): void {
    this.#window.sent(seq, bytes.length, this.#options.clock.monotonicMs());
    connection.write(bytes);
  }

  /** Sends what is left to tell, says goodbye and ends the stream, within farewellMs. Idempotent. */
  async close(): Promise<void> {
    this.#tick?.();
    this.#later?.();
    this.#past.stop();
    while (this.#sendNext());
    this.#isClosing = true;
    if (this.#state.kind === 'streaming') {
      this.#connection?.finish();
      const deadline = this.#options.clock.monotonicMs() + farewellMs;
      while (this.#isOpen() && this.#options.clock.monotonicMs() < deadline) await pause(this.#timers, 10);
    }
    this.#handle({ kind: 'stop' });
  }

  #isOpen(): boolean {
    return this.#state.kind === 'streaming';
  }

  #handle(event: StreamEvent): void {
    const { clock, random } = this.#options;
    const next = advance(this.#state, event, { nowMs: clock.monotonicMs(), random: random() });
    this.#state = next.state;
    if (next.timerMs !== 'keep') {
      this.#timer?.();
      const fire = (): void => this.#handle({ kind: 'timer' });
      this.#timer = next.timerMs === null ? null : this.#timers.after(next.timerMs, fire);
    }
    for (const action of next.actions) this.#perform(action);
  }

  #perform(action: StreamAction): void {
    switch (action.kind) {
      case 'dial':
        return this.#dial();
      case 'hang-up':
        this.#connection?.cancel();
        this.#connection = null;
        return;
      case 'begin-snapshot':
        this.#options.builder.startSnapshot();
        this.#past.restart();
        this.#window.clear();
        this.#snapshotBeginSeq = this.#seq + 1;
        this.#snapshotEndSeq = null;
        this.#coalescing.becomeDue();
        return this.#send();
      case 'use-endpoint':
        this.#endpoint = action.endpoint ?? this.#options.server;
        return;
      case 'log':
        return this.#complain(action.level, action.text);
    }
  }

  /** The same complaint again and again is one line. */
  #complain(level: 'info' | 'warn', text: string): void {
    if (text === this.#lastComplaint || this.#isClosing) return;
    this.#lastComplaint = text;
    this.#options.log[level]({ server: this.#endpoint }, text);
  }

  #dial(): void {
    const monotonicMs = this.#options.clock.monotonicMs();
    this.#heartbeats = new Heartbeats(monotonicMs);
    this.#session++;
    this.#connection = this.#options.connect(this.#endpoint, {
      connected: () => this.#handle({ kind: 'connected' }),
      said: (saying) => this.#onSaying(saying),
      drained: () => this.#send(),
      ended: (code, details) => this.#handle({ kind: 'ended', ...judgeEnd(code, details, this.#endpoint) }),
      failed: (why, refused) => this.#handle({ kind: 'ended', why, refused }),
    });
    const hello: Hello = {
      ...this.#options.hello(),
      protocol: protocolVersion,
      session: this.#session,
    };
    const batch = agentBatch({ baseUnixMs: this.#options.clock.nowMs(), hello });
    this.#connection.write(encodeAgentMessage(batch));
  }

  #onSaying(saying: ServerSaying): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#heartbeats.heard(nowMs);
    switch (saying.kind) {
      case 'welcome':
        this.#heartbeats.setInterval(saying.heartbeatIntervalMs);
        this.#options.builder.limitMessages(saying.maxMessageBytes);
        this.#handle({ kind: 'welcomed', startAfterMs: saying.startAfterMs });
        return this.#beat(nowMs);
      case 'ack':
        return this.#onAck(saying.appliedSeq, saying.durableSeq);
      case 'nack':
        return this.#onNack(saying.seq, saying.code, saying.reason);
      case 'throttle':
        return this.#options.onThrottle(Math.min(throttleMaxMs, saying.minIntervalMs));
      case 'resync':
        // Said before the aggregator met the snapshot that is on its way.
        if (this.#appliedSeq < this.#snapshotBeginSeq) return;
        return this.#handle({ kind: 'out-of-step', why: saying.reason });
      case 'redirect':
        return this.#onRedirect(saying.endpoints);
      case 'heartbeat':
        this.#heartbeats.answered(saying.monotonicMs, nowMs);
        return this.#beat(nowMs);
    }
  }

  #onAck(appliedSeq: number, durableSeq: number): void {
    this.#appliedSeq = Math.max(this.#appliedSeq, appliedSeq);
    this.#window.acknowledge(appliedSeq, this.#options.clock.monotonicMs());
    this.#options.slots.acknowledge(durableSeq);
    this.#options.gaps.acknowledge(durableSeq);
    this.#past.acknowledge(appliedSeq, durableSeq);
    if (this.#snapshotEndSeq !== null && appliedSeq >= this.#snapshotEndSeq) {
      if (this.#state.kind === 'snapshotting') this.#complain('info', `reporting to ${this.#endpoint}`);
      this.#handle({ kind: 'snapshot-acknowledged' });
    }
    this.#send();
    this.#sendPast();
  }

  /**
   * The aggregator's copy lacks the refused rows, unless a snapshot has told them again already. The gap in its copy is
   * declared by the aggregator; here nothing is lost, as no row of the message counts as acknowledged.
   */
  #onNack(seq: number, code: string, reason: string): void {
    this.#nacked++;
    this.#past.refused(seq, code);
    const why = `message ${seq} was refused: ${reason} (${code})`;
    if (seq >= this.#snapshotBeginSeq && seq > 0) this.#handle({ kind: 'out-of-step', why });
    else this.#complain('warn', why);
  }

  #onRedirect(endpoints: readonly string[]): void {
    const endpoint = endpoints.find((candidate) => this.#options.acceptsEndpoint(candidate));
    if (endpoint !== undefined) return this.#handle({ kind: 'redirected', endpoint });
    this.#complain('warn', `the aggregator points to ${endpoints.join(', ')}, where plaintext must not go`);
  }

  #onTick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#connection === null) return;
    const isSilent = this.#heartbeats.isSilent(nowMs);
    if (isSilent || this.#window.isStuck(nowMs)) {
      const what = isSilent ? 'has gone silent' : 'acknowledges nothing any more';
      this.#handle({ kind: 'ended', why: `${this.#endpoint} ${what}`, refused: false });
      return;
    }
    this.#beat(nowMs);
    this.#send();
    this.#sendPast();
  }

  /** Heartbeats pass the window, but not a transport that is full: they would only queue up. */
  #beat(nowMs: number): void {
    const greeted = ['holding', 'snapshotting', 'streaming'].includes(this.#state.kind);
    const connection = this.#connection;
    if (!greeted || connection === null || connection.isBlocked || !this.#heartbeats.isDue(nowMs)) return;
    const roundTripMs = this.#heartbeats.send(nowMs);
    const unixMs = this.#options.clock.nowMs();
    const heartbeat: Heartbeat = {
      unixMs,
      monotonicMs: Math.round(nowMs),
      roundTripMs,
      ...this.#options.vitals(),
    };
    connection.write(encodeAgentMessage(agentBatch({ baseUnixMs: unixMs, heartbeat })));
  }
}
