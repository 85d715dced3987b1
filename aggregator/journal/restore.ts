/**
 * What an earlier run knew, out of its journal: records are taken in again one by one, and where the checkpoint was made,
 * what it says is added. Damage is a gap: of every host, from the last record before it until that host is known whole again.
 */
import type { DiskError } from '../../disk/disk-error.ts';
import type { Segments } from '../../disk/segments.ts';
import type { Clock } from '../../model/timers.ts';
import type { HostGap } from '../correlate/report.ts';
import type { Replay, ReplayedStream } from '../ingest/replay.ts';
import type { Checkpoint } from './checkpoint.ts';
import { decodeJournalRecord, type JournalRecord } from './journal-record.ts';
import type { Retention } from './retention.ts';

/** Between two looks at grace times and lingering, of the time that is told. */
const sweepEveryMs = 2_000;

/** How long records are taken in before the event loop has its turn. */
const sliceMs = 25;

export const damageReason = 'the journal of the aggregator was damaged';

export interface RestoreOptions {
  readonly segments: Segments;
  /** null where there is none. */
  readonly checkpoint: Checkpoint | null;
  readonly replay: Replay;
  readonly retention: Retention;
  /** Looks after what goes with time, as at that moment. */
  readonly sweep: (unixMs: number) => void;
  readonly settleEdges: (edges: Checkpoint['edges']) => void;
  readonly clock: Clock;
  /** No record of a segment is older than its last one by more than about so long. */
  readonly segmentAgeMs: number;
  /** Lets the event loop have its turn. */
  readonly breathe: () => Promise<void>;
}

export interface Restored {
  readonly records: number;
  readonly bytes: number;
  /** Ends of segments that were never committed. */
  readonly torn: number;
  /** Places where something is damaged that was committed. */
  readonly flaws: number;
  /** What could not be read or set aside. */
  readonly errors: readonly DiskError[];
}

/** Reads the whole journal. Afterwards all hosts are stale, and no stream is open. */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const restoring = new Restoring(options);
  for (const number of options.segments.numbers) await restoring.readSegment(number);
  return restoring.finish();
}

class Restoring {
  readonly #options: RestoreOptions;
  readonly #streams = new Map<number, ReplayedStream & { snapshotSegment: number }>();
  /** Hosts that are not known whole since then. */
  readonly #damagedSince = new Map<string, number>();
  readonly #errors: DiskError[] = [];
  #isSettled = false;
  /** Of the last record, or of what was known before the first; 0 while nothing is. */
  #lastMs: number;
  #sweptMs: number;
  /** There was damage before anything told a time. */
  #isBeginningDamaged = false;
  #sliceEndMs: number;
  #records = 0;
  #bytes = 0;
  #torn = 0;
  #flaws = 0;

  constructor(options: RestoreOptions) {
    this.#options = options;
    this.#lastMs = options.checkpoint?.sinceMs ?? 0;
    this.#sweptMs = this.#lastMs;
    this.#sliceEndMs = options.clock.monotonicMs() + sliceMs;
  }

  async readSegment(number: number): Promise<void> {
    const { segments, checkpoint } = this.#options;
    if (checkpoint !== null && number >= checkpoint.segment) this.#settle();
    const scan = segments.scan(number);
    if (scan instanceof Error) {
      this.#errors.push(scan);
      return this.#damaged();
    }
    for (const scanned of scan) {
      if (scanned.kind === 'record') this.#take(decodeJournalRecord(scanned.bytes), number);
      else if (scanned.kind === 'flaw') this.#damaged();
      else await this.#cut(number, scanned.at);
      if (scanned.kind === 'record') this.#bytes += scanned.bytes.length;
      await this.#breathe();
    }
  }

  finish(): Restored {
    const { replay, clock, sweep } = this.#options;
    const nowMs = clock.nowMs();
    this.#settle();
    this.#endStreams();
    for (const hostId of this.#damagedSince.keys()) this.#endDamage(hostId, nowMs);
    replay.finish();
    sweep(nowMs);
    const [records, bytes, torn, flaws] = [this.#records, this.#bytes, this.#torn, this.#flaws];
    return { records, bytes, torn, flaws, errors: this.#errors };
  }

  async #breathe(): Promise<void> {
    const { clock, breathe } = this.#options;
    if (clock.monotonicMs() < this.#sliceEndMs) return;
    await breathe();
    this.#sliceEndMs = clock.monotonicMs() + sliceMs;
  }

  #settle(): void {
    const { checkpoint, replay, sweep, settleEdges } = this.#options;
    if (this.#isSettled || checkpoint === null) return;
    this.#isSettled = true;
    // What counted as alone by then counts so here, or that count would stay when its other end comes.
    sweep(checkpoint.atMs);
    this.#sweptMs = checkpoint.atMs;
    replay.at(this.#lastMs);
    replay.settle(checkpoint.hosts);
    // The run that took it had met the same damage, so its gaps are among those of the hosts.
    this.#damagedSince.clear();
    settleEdges(checkpoint.edges);
  }

  #take(record: JournalRecord | null, segment: number): void {
    if (record === null) return this.#damaged();
    const { replay, sweep } = this.#options;
    this.#records++;
    // Also when the clock was set back.
    if (Math.abs(record.atMs - this.#sweptMs) >= sweepEveryMs) {
      sweep(record.atMs);
      this.#sweptMs = record.atMs;
    }
    if (this.#isBeginningDamaged) this.#declareBeginning(record.atMs);
    if (record.kind === 'start') this.#endStreams();
    this.#lastMs = record.atMs;
    replay.at(record.atMs);
    this.#apply(record, segment);
  }

  #apply(record: JournalRecord, segment: number): void {
    const { replay, retention } = this.#options;
    switch (record.kind) {
      case 'start':
        return;
      case 'stream':
        return this.#begin(record);
      case 'message':
        return this.#message(record, segment);
      case 'end': {
        const stream = this.#streams.get(record.stream);
        if (stream !== undefined) replay.end(stream);
        this.#streams.delete(record.stream);
        return;
      }
      case 'lease':
        replay.leaseOver(record.hostId, record.state);
        if (record.state === 'lost') retention.hostLost(record.hostId, record.atMs);
        return;
      case 'gap':
        return replay.addGap(record.hostId, record.gap);
    }
  }

  /** Each segment says again which streams go on. */
  #begin({ stream: number, hello, clock }: Extract<JournalRecord, { kind: 'stream' }>): void {
    if (this.#streams.has(number)) return;
    const stream = this.#options.replay.begin(hello, clock);
    if (stream !== null) this.#streams.set(number, { ...stream, snapshotSegment: 0 });
  }

  #message(record: Extract<JournalRecord, { kind: 'message' }>, segment: number): void {
    const { replay, retention } = this.#options;
    const stream = this.#streams.get(record.stream);
    // Its beginning is lost, which is declared already.
    if (stream === undefined) return;
    const effect = replay.take(stream, record.bytes);
    if (effect?.begins === true) stream.snapshotSegment = segment;
    if (effect?.completes === true) {
      retention.snapshotTaken(stream.hostId, { segment: stream.snapshotSegment, completeMs: record.atMs });
    }
    if (effect !== null && effect.appliedSeq > 0) this.#endDamage(stream.hostId, record.atMs);
  }

  /** All streams are over, at the last that is known of them. */
  #endStreams(): void {
    const { replay } = this.#options;
    replay.at(this.#lastMs);
    for (const stream of this.#streams.values()) replay.end(stream);
    this.#streams.clear();
  }

  #damaged(): void {
    this.#flaws++;
    if (this.#lastMs === 0) this.#isBeginningDamaged = true;
    else this.#declareDamage();
  }

  /** What is damaged before the first record that can be read lay in the same segment, or in such as are lost whole. */
  #declareBeginning(firstMs: number): void {
    this.#isBeginningDamaged = false;
    this.#lastMs = firstMs - this.#options.segmentAgeMs;
    this.#declareDamage();
  }

  #declareDamage(): void {
    for (const hostId of this.#options.replay.forgot(this.#lastMs, damageReason)) {
      if (!this.#damagedSince.has(hostId)) this.#damagedSince.set(hostId, this.#lastMs);
    }
  }

  /** Rows of that host take effect again, which they do only if none before them is missing. */
  #endDamage(hostId: string, toMs: number): void {
    const fromMs = this.#damagedSince.get(hostId);
    if (fromMs === undefined) return;
    this.#damagedSince.delete(hostId);
    const gap: HostGap = { fromMs, toMs: Math.max(fromMs, toMs), reason: damageReason, lostEvents: 0 };
    this.#options.replay.addGap(hostId, gap);
  }

  /** What is torn was never committed, so nobody was told that it is durable. */
  async #cut(number: number, at: number): Promise<void> {
    this.#torn++;
    const failed = await this.#options.segments.cutTail(number, at);
    if (failed !== null) this.#errors.push(failed);
  }
}
