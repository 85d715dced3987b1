/**
 * The agent's spool: messages that wait on its disk until an aggregator has them. A sequence of segments (disk/segments.ts),
 * bounded in bytes and in time, and a cursor, up to which all is acknowledged.
 *
 *     append, commit     what is committed survives the agent and the machine
 *     next               reads ahead of the cursor
 *     advance            moves the cursor; once that is on the disk, the segments before it go
 *
 * What has to go untold, as there is too much of it or it is too old, and what cannot be read, is told to `lose`.
 */
import type { Disk } from '../../disk/disk.ts';
import { DiskError, diskErrorOf } from '../../disk/disk-error.ts';
import { recordHeaderBytes } from '../../disk/records.ts';
import { segmentMark } from '../../disk/segment-scan.ts';
import { type Place, Segments } from '../../disk/segments.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { countOf, encodeKept, parseKept } from './kept-value.ts';
import { type ReadRecord, SpoolReader } from './spool-reader.ts';
import {
  encodeSpooled,
  parseSpooled,
  type SpooledMessage,
  type SpooledSummary,
  sumOf,
} from './spooled-record.ts';

/** What waits for longer goes untold. */
export const spooledHoursMax = 2;

/** Size of a segment, the unit in which what is too much goes. Of a small spool it is an eighth. */
const segmentBytesMax = 1 << 20;

/** What is told within so long shares a segment, so that what is too old goes alone. */
const segmentSpanMs = 10 * 60_000;

/** Bytes that wait for a commit. */
const waitingBytesMax = 1 << 20;

/** The cursor is put on the disk so often while it moves within a segment. */
const cursorEveryMs = 1_000;

/** Something that goes untold. Unix milliseconds; a count of 0 = nobody knows how many. */
export interface SpoolLoss {
  readonly reason: string;
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
  readonly count: number;
}

export interface SpoolOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** Bytes of all segments. */
  readonly maxBytes: number;
  readonly clock: { readonly nowMs: () => number; readonly monotonicMs: () => number };
  readonly lose: (loss: SpoolLoss) => void;
}

export class Spool {
  readonly #options: SpoolOptions;
  readonly #segments: Segments;
  readonly #reader: SpoolReader;
  /** All before it is acknowledged, and what of that was over last. */
  #cursor: Place;
  #cursorUnixMs: number;
  /** As it is on the disk, or being put there. */
  #savedCursor: Place;
  #savedMs = Number.NEGATIVE_INFINITY;
  #saving: Promise<void> | null = null;
  /** When the last record was added to a segment, on the clock that never steps; those of earlier runs count from the start. */
  readonly #addedMs = new Map<number, number>();
  #begunMs = 0;
  /** Sockets that went untold since the start. */
  #dropped = 0;
  #cursorFailure: DiskError | null = null;

  static open(options: SpoolOptions): Spool | DiskError {
    const { disk, folder, maxBytes } = options;
    try {
      const kept = parseKept(disk.read(`${folder}/cursor`));
      const cursor = { segment: countOf(kept, 'segment') ?? 0, at: countOf(kept, 'at') ?? 0 };
      const segmentBytes = Math.min(segmentBytesMax, Math.floor(maxBytes / 8));
      const numbersAbove = cursor.segment;
      const segments = Segments.open({ disk, folder, segmentBytes, waitingBytesMax, numbersAbove });
      if (segments instanceof DiskError) return segments;
      return new Spool(options, segments, cursor, countOf(kept, 'unixMs'));
    } catch (fault) {
      return diskErrorOf(fault);
    }
  }

  private constructor(options: SpoolOptions, segments: Segments, cursor: Place, cursorUnixMs: number | null) {
    this.#options = options;
    this.#segments = segments;
    const { clock } = options;
    const openedUnixMs = clock.nowMs();
    this.#cursor = cursor;
    this.#savedCursor = cursor;
    this.#cursorUnixMs = cursorUnixMs ?? openedUnixMs - spooledHoursMax * 3_600_000;
    for (const number of segments.numbers) this.#addedMs.set(number, clock.monotonicMs());
    const parts = {
      segments,
      firstOwn: segments.current,
      openedUnixMs,
      nowMs: clock.nowMs,
      onDamage: ({ fromUnixMs, toUnixMs }: { fromUnixMs: number; toUnixMs: number }) =>
        options.lose({ reason: 'a part of the spool cannot be read', fromUnixMs, toUnixMs, count: 0 }),
    };
    this.#reader = new SpoolReader(parts, cursor, this.#cursorUnixMs);
    this.#dropTold();
  }

  // --- what is there ---

  get bytes(): number {
    return this.#segments.bytes;
  }

  /** Whether something waits to be told, as far as is known. */
  get hasAny(): boolean {
    return this.bytes > segmentMark.length;
  }

  /** When the last of what is acknowledged was over. */
  get cursorUnixMs(): number {
    return this.#cursorUnixMs;
  }

  /** Records, or the rests of segments, that could not be read since the start. */
  get damaged(): number {
    return this.#reader.damaged;
  }

  /** Why the disk does not take what has to wait, or give it back; null = it does. */
  get failure(): DiskError | null {
    return this.#segments.failure ?? this.#reader.failure ?? this.#cursorFailure;
  }

  get tables(): readonly BoundedTable[] {
    const { maxBytes: limit } = this.#options;
    return [{ name: 'spool_bytes', size: this.bytes, limit, refusedTotal: this.#dropped }];
  }

  // --- what is added ---

  /** Takes a message for the next commit. @returns whether it is taken: else it is to stay where it is for now */
  append(message: SpooledMessage): boolean {
    if (this.#segments.failure !== null) return false;
    const parts = encodeSpooled(message);
    const bytes = parts.reduce((sum, { length }) => sum + length, 2 * recordHeaderBytes);
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#begunMs > segmentSpanMs) this.#roll(nowMs);
    while (this.bytes + bytes > this.#options.maxBytes) {
      if (!this.#dropOldest('the spool of the agent was full: what had waited longest went untold'))
        return false;
    }
    const place = this.#segments.append(parts);
    if (place !== null) this.#addedMs.set(place.segment, nowMs);
    return place !== null;
  }

  #roll(nowMs: number): void {
    this.#segments.roll();
    this.#begunMs = nowMs;
  }

  /** @returns null when all that was taken is on the disk; else why not: then none of it counts as taken */
  commit(): Promise<DiskError | null> {
    return this.#segments.commit();
  }

  /** After a failure. @returns null when the disk works again */
  retry(): Promise<DiskError | null> {
    return this.#segments.retry();
  }

  // --- what is told ---

  /** The next message that was not read yet; null where there is none for now. */
  next(): ReadRecord | null {
    return this.#reader.next();
  }

  /** All that is not acknowledged is to be read again. */
  rewind(): void {
    this.#reader.seek(this.#cursor);
  }

  /** All that was read is acknowledged: with it goes what was passed over behind it. */
  advanceToRead(): void {
    this.advance(this.#reader.place, this.#cursorUnixMs);
  }

  /** All up to there is acknowledged. @param unixMs when the last of it was over */
  advance(to: Place, unixMs: number): void {
    if (!isBefore(this.#cursor, to)) return;
    this.#cursor = to;
    this.#cursorUnixMs = unixMs;
    if (this.#isDrained()) this.#leaveDrained();
    this.#saveSegment();
  }

  #isDrained(): boolean {
    const { current, waitingBytes } = this.#segments;
    const { segment, at } = this.#cursor;
    return waitingBytes === 0 && segment === current && at >= this.#segments.bytesOf(current);
  }

  /** Nothing waits: the next record begins a segment, so that all others may go. */
  #leaveDrained(): void {
    this.#segments.roll();
    this.#cursor = { segment: this.#segments.current, at: 0 };
    this.#reader.seek(this.#cursor);
  }

  /** Call it about once a second. */
  tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const maxAgeMs = spooledHoursMax * 3_600_000;
    for (;;) {
      const [oldest] = this.#segments.numbers;
      if (oldest === undefined || nowMs - (this.#addedMs.get(oldest) ?? nowMs) < maxAgeMs) break;
      const reason = `what had waited in the spool of the agent for ${spooledHoursMax} hours went untold`;
      if (!this.#dropOldest(reason)) break;
    }
    if (isBefore(this.#savedCursor, this.#cursor) && nowMs - this.#savedMs >= cursorEveryMs) {
      void this.#saveCursor();
    }
  }

  /** Puts the cursor on the disk, and lets go of what is before it. One at a time. */
  #saveCursor(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null;
      // It may have moved on to another segment meanwhile.
      if (this.#cursorFailure === null) this.#saveSegment();
    });
    return this.#saving;
  }

  #saveSegment(): void {
    if (this.#cursor.segment !== this.#savedCursor.segment) void this.#saveCursor();
  }

  async #save(): Promise<void> {
    const { disk, folder, clock } = this.#options;
    const cursor = this.#cursor;
    const unixMs = this.#cursorUnixMs;
    this.#savedMs = clock.monotonicMs();
    try {
      await disk.replace(`${folder}/cursor`, encodeKept({ ...cursor, unixMs }));
      this.#cursorFailure = null;
      this.#savedCursor = cursor;
      this.#dropTold();
    } catch (fault) {
      this.#cursorFailure = diskErrorOf(fault);
    }
  }

  /** Segments before the cursor that is on the disk. */
  #dropTold(): void {
    for (const number of this.#segments.numbers) {
      if (number >= this.#savedCursor.segment || number === this.#segments.current) return;
      if (this.#segments.dropOldest() !== null) return;
      this.#addedMs.delete(number);
    }
  }

  /** Lets the oldest segment go untold. @returns whether it is gone */
  #dropOldest(reason: string): boolean {
    const [oldest] = this.#segments.numbers;
    if (oldest === undefined) return false;
    if (oldest === this.#segments.current) {
      if (this.#segments.waitingBytes > 0) return false;
      this.#roll(this.#options.clock.monotonicMs());
    }
    const untold = this.#untoldIn(oldest);
    if (this.#segments.dropOldest() !== null) return false;
    this.#addedMs.delete(oldest);
    const next = { segment: oldest + 1, at: 0 };
    if (isBefore(this.#cursor, next)) this.#cursor = next;
    if (isBefore(this.#reader.place, next)) this.#reader.seek(next);
    this.#loseAll(reason, untold);
    return true;
  }

  /** What of a segment is not acknowledged. */
  #untoldIn(number: number): SpooledSummary[] {
    if (number < this.#cursor.segment) return [];
    const from = number === this.#cursor.segment ? this.#cursor.at : 0;
    const scan = this.#segments.scan(number, from);
    const untold: SpooledSummary[] = [];
    for (const found of scan instanceof DiskError ? [] : scan) {
      const spooled = found.kind === 'record' ? parseSpooled(found.bytes) : null;
      if (spooled !== null) untold.push(spooled);
    }
    return untold;
  }

  #loseAll(reason: string, untold: readonly SpooledSummary[]): void {
    const { sockets, gaps } = sumOf(untold);
    this.#dropped += sockets?.count ?? 0;
    if (sockets !== null) this.#options.lose({ ...sockets, reason });
    if (gaps !== null) this.#options.lose({ ...gaps, reason: 'several losses' });
  }

  /** Commits what was taken, and puts the cursor on the disk. */
  async close(): Promise<void> {
    await this.#segments.close();
    await this.#saving;
    if (isBefore(this.#savedCursor, this.#cursor)) await this.#saveCursor();
  }
}

function isBefore(one: Place, other: Place): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.at < other.at);
}
