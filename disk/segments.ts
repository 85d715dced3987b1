/**
 * A folder of numbered segments, files of records that only grow: the last one is written, and the oldest ones go as a whole.
 *
 * What is appended waits in memory until `commit` writes and syncs all of it at once. A segment that an earlier run wrote is
 * never added to, nor one in which a write or a sync has failed: after that nobody knows what of it is on the disk. So a
 * file may be cut off anywhere (`torn`), and then nothing of what is missing was ever committed.
 *
 * Faults of the disk are values here; the only exceptions are mistakes of a caller.
 */
import type { AppendFile, Disk } from './disk.ts';
import { DiskError, diskErrorOf } from './disk-error.ts';
import { RecordBuffer, SparePieces } from './record-buffer.ts';
import { lengthOf, recordBytesMax, recordHeaderBytes, type Scanned } from './records.ts';
import { damagedName, isDamagedName, numberOfSegment, segmentName } from './segment-name.ts';
import { scanSegment, segmentMark } from './segment-scan.ts';

/** Files with what was cut off: of more, the oldest go. */
export const damagedFilesMax = 8;

export interface SegmentsOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** A segment that is longer gets no further record. */
  readonly segmentBytes: number;
  /** Bytes that wait for the next commit or are being committed; beyond it `append` refuses. */
  readonly waitingBytesMax: number;
  /** New segments have numbers above it: of numbers that were in use, the highest that the caller remembers. Default: 0. */
  readonly numbersAbove?: number;
}

/** Where a record stands. */
export interface Place {
  readonly segment: number;
  readonly at: number;
}

/** For metrics; since the start. */
export interface SegmentCounters {
  records: number;
  bytes: number;
  commits: number;
  /** Records that were not taken: too many waited, or the disk had failed. */
  refused: number;
  /** Commits and new segments that failed. */
  failures: number;
  /** Pieces that were cut off and set aside. */
  damaged: number;
}

/** What waits for one segment. */
interface Run {
  readonly number: number;
  readonly records: RecordBuffer;
}

export class Segments {
  readonly counters: SegmentCounters = {
    records: 0,
    bytes: 0,
    commits: 0,
    refused: 0,
    failures: 0,
    damaged: 0,
  };
  readonly #options: SegmentsOptions;
  readonly #spare = new SparePieces();
  /** Bytes by number, ascending; what waits included. */
  readonly #sizes = new Map<number, number>();
  /** What the next record goes to, unless it is full; it is in `sizes` once a record went to it. */
  #current: number;
  #waiting: Run[] = [];
  #waitingBytes = 0;
  /** The segment that was written last. */
  #open: { readonly number: number; readonly file: AppendFile } | null = null;
  #failure: DiskError | null = null;
  #committing: Promise<DiskError | null> = Promise.resolve(null);

  /** Makes the folder, and finds out which segments are there. */
  static open(options: SegmentsOptions): Segments | DiskError {
    try {
      options.disk.makeFolder(options.folder);
      return new Segments(options);
    } catch (fault) {
      return diskErrorOf(fault);
    }
  }

  private constructor(options: SegmentsOptions) {
    this.#options = options;
    const { disk, folder } = options;
    for (const name of disk.list(folder)) {
      const number = numberOfSegment(name);
      if (number !== null) this.#sizes.set(number, disk.sizeOf(`${folder}/${name}`) ?? 0);
    }
    this.#current = Math.max(options.numbersAbove ?? 0, ...this.#sizes.keys()) + 1;
  }

  // --- what is there ---

  /** Of all segments, the oldest first. */
  get numbers(): number[] {
    return [...this.#sizes.keys()];
  }

  /** Bytes of all segments, what waits included. */
  get bytes(): number {
    let sum = 0;
    for (const bytes of this.#sizes.values()) sum += bytes;
    return sum;
  }

  bytesOf(number: number): number {
    return this.#sizes.get(number) ?? 0;
  }

  /** The number of the segment that is written, or that the next record begins. */
  get current(): number {
    return this.#current;
  }

  /**
   * Walks over what is in a segment, as it is on the disk now. A torn end of the one that is written is what has not been
   * written yet.
   * @param from the end of a record that a scan showed, or 0
   */
  scan(number: number, from = 0): Iterable<Scanned> | DiskError {
    try {
      const bytes = this.#options.disk.read(this.#path(number)) ?? Buffer.alloc(0);
      return scanSegment(bytes, from);
    } catch (fault) {
      return diskErrorOf(fault);
    }
  }

  /** Cuts a segment that an earlier run wrote where a scan found it torn, and keeps what is cut off in a file beside it. */
  async cutTail(number: number, at: number): Promise<DiskError | null> {
    const { disk, folder } = this.#options;
    try {
      const bytes = disk.read(this.#path(number)) ?? Buffer.alloc(0);
      await disk.replace(`${folder}/${damagedName(number, at)}`, bytes.subarray(at));
      disk.truncate(this.#path(number), at);
      this.#sizes.set(number, at);
      this.counters.damaged++;
      const kept = disk.list(folder).filter(isDamagedName);
      for (const name of kept.slice(0, -damagedFilesMax)) disk.remove(`${folder}/${name}`);
      return null;
    } catch (fault) {
      return diskErrorOf(fault);
    }
  }

  /** Removes the oldest segment, unless it is the one that is written. @returns null when that is done */
  dropOldest(): DiskError | null {
    const [oldest] = this.#sizes.keys();
    if (oldest === undefined || oldest === this.#current) return null;
    try {
      this.#options.disk.remove(this.#path(oldest));
      this.#sizes.delete(oldest);
      return null;
    } catch (fault) {
      return diskErrorOf(fault);
    }
  }

  // --- what is added ---

  /** What was appended and is not committed. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** null while the disk works, as far as is known. */
  get failure(): DiskError | null {
    return this.#failure;
  }

  /**
   * Takes a copy of a record, which is made of those parts, for the next commit.
   * @returns where it will stand; null where it is not taken, since too many bytes wait or the disk has failed
   */
  append(parts: readonly Buffer[]): Place | null {
    const length = lengthOf(parts);
    if (length > recordBytesMax)
      throw new RangeError(`a record of ${length} bytes: at most ${recordBytesMax}`);
    const bytes = length + recordHeaderBytes;
    if (this.#failure !== null || this.#waitingBytes + bytes > this.#options.waitingBytesMax) {
      this.counters.refused++;
      return null;
    }
    if (this.bytesOf(this.#current) >= this.#options.segmentBytes) this.roll();
    const segment = this.#current;
    const at = this.#sizes.get(segment) ?? segmentMark.length;
    let run = this.#waiting.at(-1);
    if (run?.number !== segment) {
      run = { number: segment, records: new RecordBuffer(this.#spare) };
      this.#waiting.push(run);
    }
    run.records.add(parts);
    this.counters.records++;
    this.#waitingBytes += bytes;
    this.#sizes.set(segment, at + bytes);
    return { segment, at };
  }

  /** The next record begins a new segment. */
  roll(): void {
    if (this.#sizes.has(this.#current)) this.#current++;
  }

  /**
   * Writes and syncs what was appended up to now. @returns null when it is on the disk; else why not: then all that waits is
   * dropped, and nothing is taken until `retry` has succeeded.
   */
  commit(): Promise<DiskError | null> {
    const runs = this.#waiting;
    this.#waiting = [];
    this.#committing = this.#committing.then(() => this.#commitRuns(runs));
    return this.#committing;
  }

  /** After a failure: begins a new segment. @returns null when the disk works again */
  retry(): Promise<DiskError | null> {
    this.#committing = this.#committing.then(() => this.#beginAgain());
    return this.#committing;
  }

  /** Commits what waits, and lets go of the file. */
  async close(): Promise<DiskError | null> {
    const failed = await this.commit();
    this.#closeFile();
    return failed;
  }

  async #commitRuns(runs: readonly Run[]): Promise<DiskError | null> {
    if (runs.length > 0 && this.#failure === null) {
      try {
        for (const { number, records } of runs) {
          const file = await this.#fileOf(number);
          await file.append(records.pieces());
          this.counters.bytes += records.bytes;
        }
        await this.#open!.file.sync();
        this.counters.commits++;
      } catch (fault) {
        this.#fail(diskErrorOf(fault));
      }
    }
    this.#release(runs);
    return this.#failure;
  }

  #release(runs: readonly Run[]): void {
    for (const { records } of runs) {
      this.#waitingBytes -= records.bytes;
      records.release();
    }
  }

  /** The file of a segment; the one before is complete, and made to last. */
  async #fileOf(number: number): Promise<AppendFile> {
    if (this.#open?.number === number) return this.#open.file;
    await this.#open?.file.sync();
    this.#closeFile();
    const { disk, folder } = this.#options;
    const file = disk.openAppend(this.#path(number));
    this.#open = { number, file };
    if (file.size > 0) throw new DiskError('begin', this.#path(number), 'something is there already');
    await file.append([segmentMark]);
    await disk.syncFolder(folder);
    return file;
  }

  #fail(error: DiskError): void {
    this.#failure = error;
    this.counters.failures++;
    this.#closeFile();
    this.#release(this.#waiting);
    this.#waiting = [];
    this.roll();
    this.#measureAgain();
  }

  /** What was dropped counted in the sizes already. */
  #measureAgain(): void {
    for (const number of this.#sizes.keys()) {
      const size = this.#sizeOnDisk(number);
      if (size === null) this.#sizes.delete(number);
      else this.#sizes.set(number, size);
    }
  }

  /** Where even that cannot be had, the size that is known stays. */
  #sizeOnDisk(number: number): number | null {
    try {
      return this.#options.disk.sizeOf(this.#path(number));
    } catch {
      return this.bytesOf(number);
    }
  }

  async #beginAgain(): Promise<DiskError | null> {
    if (this.#failure === null) return null;
    try {
      const file = await this.#fileOf(this.#current);
      await file.sync();
      this.#sizes.set(this.#current, file.size);
      this.#failure = null;
    } catch (fault) {
      this.counters.failures++;
      this.#failure = diskErrorOf(fault);
      this.#closeFile();
      this.#dropBeginning();
    }
    return this.#failure;
  }

  /** A segment that could not be begun is not left behind, or each attempt would leave one. */
  #dropBeginning(): void {
    try {
      this.#options.disk.remove(this.#path(this.#current));
    } catch {
      // It is passed over: its number is not used again.
      this.#sizes.set(this.#current, 0);
      this.roll();
    }
  }

  #closeFile(): void {
    this.#open?.file.close();
    this.#open = null;
  }

  #path(number: number): string {
    return `${this.#options.folder}/${segmentName(number)}`;
  }
}
