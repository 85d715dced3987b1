/**
 * The journal of an aggregator: what took effect is written down in that order, and some moments later it is on the disk, for
 * all streams at once. Only then agents are told that it is durable.
 *
 * When the disk fails, or does not answer, nothing is written any more and nothing is durable, but all else goes on; the disk
 * is tried again each second. Messages that were taken meanwhile are missing in the journal, so all agents are asked for
 * snapshots then, in which they tell again what was not durable. Until they have, no checkpoint is taken: it would count
 * what is told again.
 *
 * A segment begins with all streams that go on, so that the segments before can go without them.
 */
import type { DiskError } from '../../disk/disk-error.ts';
import type { Segments } from '../../disk/segments.ts';
import { type Cancel, type Clock, pause, type Timers } from '../../model/timers.ts';
import { agentBatch } from '../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../wire/agent-message.ts';
import type { HostGap } from '../correlate/report.ts';
import type { IngestJournal, JournaledEffect, JournaledStream } from '../ingest/ingest-journal.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import { encodeJournalRecord, type JournalRecord } from './journal-record.ts';
import type { JournalLimits } from './limits.ts';
import { MissedRecords } from './missed-records.ts';
import type { Retention } from './retention.ts';

export type JournalState =
  | { readonly kind: 'writing' }
  /** The disk failed; it is tried again each second. */
  | { readonly kind: 'failing'; readonly error: DiskError; readonly sinceMs: number }
  /** A commit takes so long that nothing more can wait for it. */
  | { readonly kind: 'stalled'; readonly sinceMs: number }
  | { readonly kind: 'closed' };

export interface JournalOptions {
  readonly segments: Segments;
  readonly retention: Retention;
  readonly checkpoints: CheckpointFile;
  readonly limits: JournalLimits;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: { info(line: string): void; warn(line: string): void };
  /** Whether so much waits for the disk that no more is to be taken in. */
  readonly onPressure: (isFull: boolean) => void;
}

/** A stream that goes on. */
interface Streaming {
  readonly number: number;
  /** Where its last snapshot begins in the journal. */
  snapshotSegment: number | null;
  /** Monotonic clock: when it began, or was asked for a snapshot last. */
  askedMs: number;
}

export class Journal implements IngestJournal {
  readonly #options: JournalOptions;
  readonly #streams = new Map<JournaledStream, Streaming>();
  #lastStream = 0;
  #state: JournalState = { kind: 'writing' };
  /** Who waits for the next commit, and up to which seq all would be durable with it. */
  #awaiting = new Map<JournaledStream, number>();
  #committing: Promise<void> | null = null;
  /** The checkpoint is put in place, and segments go. */
  #tidying: Promise<void> | null = null;
  #cancelCommit: Cancel | null = null;
  #cancelRetry: Cancel | null = null;
  readonly #missed = new MissedRecords();
  /** Hosts of which messages are missing, and that did not tell all again. */
  readonly #incomplete = new Set<string>();
  #segmentBeganMs = 0;
  #isFull = false;
  /** Segments that went while they were needed, since there were too many bytes. */
  droppedEarly = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  get state(): JournalState {
    return this.#state;
  }

  get isWriting(): boolean {
    return this.#state.kind === 'writing';
  }

  get segments(): Segments {
    return this.#options.segments;
  }

  /** This run begins, after what is in the journal was read. */
  start(): void {
    this.#options.segments.roll();
    this.#write({ kind: 'start', atMs: this.#options.clock.nowMs() });
    this.#beginSegment();
  }

  // --- what took effect ---

  began(stream: JournaledStream, nowMs: number): void {
    const askedMs = this.#options.clock.monotonicMs();
    const streaming = { number: ++this.#lastStream, snapshotSegment: null, askedMs };
    this.#streams.set(stream, streaming);
    if (!this.isWriting) this.#incomplete.add(stream.hostId);
    this.#writeStream(stream, streaming.number, nowMs);
  }

  took(stream: JournaledStream, bytes: Buffer, effect: JournaledEffect, nowMs: number): void {
    const streaming = this.#streams.get(stream);
    if (streaming === undefined || !this.isWriting) return;
    if (effect.begins) streaming.snapshotSegment = this.#options.segments.current;
    this.#write({ kind: 'message', atMs: nowMs, stream: streaming.number, bytes });
    if (effect.durableSeq > 0) this.#awaiting.set(stream, effect.durableSeq);
    if (!effect.completes || streaming.snapshotSegment === null) return;
    this.#incomplete.delete(stream.hostId);
    const point = { segment: streaming.snapshotSegment, completeMs: nowMs };
    this.#options.retention.snapshotTaken(stream.hostId, point);
  }

  ended(stream: JournaledStream, nowMs: number): void {
    const streaming = this.#streams.get(stream);
    if (streaming === undefined) return;
    this.#streams.delete(stream);
    this.#awaiting.delete(stream);
    this.#write({ kind: 'end', atMs: nowMs, stream: streaming.number });
  }

  leaseOver(hostId: string, state: 'stale' | 'lost', nowMs: number): void {
    if (state === 'lost') {
      this.#options.retention.hostLost(hostId, nowMs);
      this.#incomplete.delete(hostId);
    }
    this.#write({ kind: 'lease', atMs: nowMs, hostId, state });
  }

  gap(hostId: string, gap: HostGap, nowMs: number): void {
    this.#write({ kind: 'gap', atMs: nowMs, hostId, gap });
  }

  #writeStream(stream: JournaledStream, number: number, nowMs: number): void {
    const hello = encodeAgentMessage(agentBatch({ baseUnixMs: nowMs, hello: stream.hello }));
    this.#write({ kind: 'stream', atMs: nowMs, stream: number, hello, clock: stream.savedClock() });
  }

  #write(record: JournalRecord): void {
    this.#missed.note(record);
    if (!this.isWriting) return;
    const { segments, limits, onPressure } = this.#options;
    // Refused only where nobody heeds onPressure: as good as a disk that does not answer.
    if (segments.append(encodeJournalRecord(record)) === null) return this.#stall();
    this.#cancelCommit ??= this.#commitAfter(limits.commitIntervalMs);
    if (!this.#isFull && segments.waitingBytes > limits.pressureBytes) {
      this.#isFull = true;
      onPressure(true);
      this.#commitNow();
    }
  }

  // --- commits ---

  #commitAfter(ms: number): Cancel {
    return this.#options.timers.after(ms, () => this.#commitNow());
  }

  #commitNow(): void {
    this.#cancelCommit?.();
    this.#cancelCommit = null;
    if (this.#committing !== null || !this.isWriting) return;
    const { segments, limits } = this.#options;
    this.#beginSegmentIfDue();
    this.#committing = this.#commit().then(() => {
      this.#committing = null;
      const isMore = this.isWriting && segments.waitingBytes > 0;
      if (isMore) this.#cancelCommit ??= this.#commitAfter(limits.commitIntervalMs);
    });
  }

  async #commit(): Promise<void> {
    const { segments, limits, timers } = this.#options;
    const told = this.#awaiting;
    this.#awaiting = new Map();
    this.#missed.commitBegins();
    const cancelStall = timers.after(limits.stallMs, () => this.#stall());
    const failed = await segments.commit();
    cancelStall();
    for (const [stream, seq] of told) stream.committed(failed === null ? seq : null);
    if (this.#state.kind === 'closed') return;
    if (failed !== null) return this.#fail(failed);
    this.#missed.committed();
    if (this.#state.kind === 'stalled') return this.#beginAnew();
    this.#relax();
    this.#tidying ??= this.#tidy().then(() => {
      this.#tidying = null;
    });
  }

  /** What is taken in may wait for the disk again. */
  #relax(): void {
    const { segments, limits, onPressure } = this.#options;
    if (!this.#isFull || (this.isWriting && segments.waitingBytes > limits.pressureBytes / 2)) return;
    this.#isFull = false;
    onPressure(false);
  }

  // --- failures ---

  #fail(error: DiskError): void {
    const { clock, log } = this.#options;
    if (this.#state.kind !== 'failing')
      log.warn(`${error.message}: nothing that agents tell is durable until the disk works again`);
    const sinceMs = 'sinceMs' in this.#state ? this.#state.sinceMs : clock.nowMs();
    this.#state = { kind: 'failing', error, sinceMs };
    this.#stopWriting();
    this.#retryLater();
  }

  #stall(): void {
    if (this.#state.kind !== 'writing') return;
    const { clock, log, limits } = this.#options;
    log.warn(`the disk has not answered for ${limits.stallMs / 1000} s: nothing that agents tell is durable`);
    this.#state = { kind: 'stalled', sinceMs: clock.nowMs() };
    // What waits by now is written when the disk answers.
    this.#missed.written();
    this.#stopWriting();
  }

  /** Nobody waits for a commit that will not come. */
  #stopWriting(): void {
    for (const { hostId } of this.#streams.keys()) this.#incomplete.add(hostId);
    this.#cancelCommit?.();
    this.#cancelCommit = null;
    const waiting = this.#awaiting;
    this.#awaiting = new Map();
    for (const stream of waiting.keys()) stream.committed(null);
    this.#relax();
  }

  #retryLater(): void {
    const { timers, limits } = this.#options;
    this.#cancelRetry?.();
    this.#cancelRetry = timers.after(limits.retryMs, () => void this.#retry());
  }

  async #retry(): Promise<void> {
    const failed = await this.#options.segments.retry();
    if (this.#state.kind === 'closed') return;
    if (failed === null) this.#beginAnew();
    else this.#fail(failed);
  }

  /** With what can be told without the agents, and all streams as if they began. */
  #beginAnew(): void {
    const { log, segments } = this.#options;
    log.info('the disk works again: agents are asked for snapshots, with which all is durable');
    this.#state = { kind: 'writing' };
    segments.roll();
    for (const record of this.#missed.take()) this.#write(record);
    this.#beginSegment();
    for (const [stream, streaming] of this.#streams) {
      streaming.snapshotSegment = null;
      stream.beginAnew('the journal of the aggregator lacks what was told while its disk failed');
    }
  }

  // --- segments ---

  #beginSegmentIfDue(): void {
    const { segments, limits, clock } = this.#options;
    if (!this.isWriting) return;
    const isLong = segments.bytesOf(segments.current) >= limits.segmentBytes;
    const isOld = clock.monotonicMs() - this.#segmentBeganMs >= limits.segmentAgeMs;
    if (isLong || isOld) {
      segments.roll();
      this.#beginSegment();
    }
  }

  /** Nothing takes effect while this runs, so all of it stands for one place of the journal. */
  #beginSegment(): void {
    const { segments, checkpoints, clock } = this.#options;
    this.#segmentBeganMs = clock.monotonicMs();
    if (this.#incomplete.size === 0) checkpoints.take(segments.current);
    for (const [stream, { number }] of this.#streams) this.#writeStream(stream, number, clock.nowMs());
    this.#askForSnapshots();
  }

  /** Of agents that should have begun one of their own accord, or whose last one may soon be gone for want of room. */
  #askForSnapshots(): void {
    const { limits, clock, retention, segments } = this.#options;
    const nowMs = clock.monotonicMs();
    const { numbers } = segments;
    const isCrowded = segments.bytes > limits.journalBytesMax / 2;
    const olderHalf = isCrowded ? numbers[numbers.length >> 1]! : 0;
    let left = Math.max(limits.askedAtOnceMax, this.#streams.size / limits.askedAtOnceMax);
    for (const [stream, streaming] of this.#streams) {
      const last = retention.lastSnapshot(stream.hostId);
      if (last === null || nowMs - streaming.askedMs < limits.askAgainMs) continue;
      const isOld = clock.nowMs() - last.completeMs >= limits.snapshotAgeMaxMs;
      if (!isOld && last.segment > olderHalf) continue;
      if (left-- < 1) return;
      streaming.askedMs = nowMs;
      stream.askForSnapshot('its last one is old, and keeps the journal from being shortened');
    }
  }

  /** Only what the checkpoint on the disk stands for may go. */
  async #tidy(): Promise<void> {
    const { segments, retention, checkpoints, limits, clock, log } = this.#options;
    const failed = await checkpoints.writeDue();
    if (failed !== null) log.warn(`${failed.message}: older segments of the journal stay`);
    const needed = retention.neededFrom(clock.nowMs());
    for (const number of segments.numbers) {
      const isCovered = number < checkpoints.writtenSegment;
      const isTooMuch = segments.bytes > limits.journalBytesMax;
      if (!isCovered || (number >= needed && !isTooMuch)) break;
      if (segments.dropOldest() !== null) break;
      if (number >= needed) this.droppedEarly++;
      retention.dropped(number);
    }
  }

  /** Commits what waits, and ends; without waiting for a disk that does not answer. */
  async close(): Promise<void> {
    if (this.#state.kind === 'closed') return;
    const { segments, limits, timers } = this.#options;
    this.#cancelCommit?.();
    this.#cancelRetry?.();
    const wasWriting = this.isWriting;
    this.#state = { kind: 'closed' };
    if (!wasWriting) return;
    const done = Promise.all([this.#committing, this.#tidying]).then(() => segments.close());
    await Promise.race([done, pause(timers, limits.stallMs)]);
  }
}
