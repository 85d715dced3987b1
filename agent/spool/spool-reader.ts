/**
 * Reads the spool from a place on, record by record, up to what is on the disk by now. What is damaged is passed over, and is a
 * loss from the record before to the one behind it; what of an earlier run cannot be read to its end is set aside.
 */
import { DiskError } from '../../disk/disk-error.ts';
import type { Scanned } from '../../disk/records.ts';
import type { Place, Segments } from '../../disk/segments.ts';
import { parseSpooled, type SpooledMessage } from './spooled-record.ts';

/** One record, and where the next one begins. */
export interface ReadRecord extends SpooledMessage {
  readonly end: Place;
}

/** Something between two records cannot be read. Unix milliseconds. */
export interface Damage {
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
}

export interface SpoolReaderParts {
  readonly segments: Segments;
  /** Segments from this number on were begun by this run: what is torn there was never kept by it. */
  readonly firstOwn: number;
  /** When this run began: all of earlier runs is of before. */
  readonly openedUnixMs: number;
  readonly nowMs: () => number;
  readonly onDamage: (damage: Damage) => void;
}

export class SpoolReader {
  readonly #parts: SpoolReaderParts;
  #place: Place;
  #scan: Iterator<Scanned> | null = null;
  /** Of the record that was read last. */
  #lastUnixMs: number;
  /** What could not be read since then begins there. */
  #damagedFromMs: number | null = null;
  /** Records, or the rests of segments, that could not be read. */
  damaged = 0;
  /** Why the disk could not be read at last; null = it could. */
  failure: DiskError | null = null;

  /** @param lastUnixMs when what stood before `place` was over */
  constructor(parts: SpoolReaderParts, place: Place, lastUnixMs: number) {
    this.#parts = parts;
    this.#place = place;
    this.#lastUnixMs = lastUnixMs;
  }

  /** Where the next record begins. */
  get place(): Place {
    return this.#place;
  }

  /** Goes on from another place. */
  seek(place: Place): void {
    this.#place = place;
    this.#scan = null;
  }

  /** The next record; null where there is none yet. */
  next(): ReadRecord | null {
    while (this.#enterSegment()) {
      const found = this.#scan!.next();
      if (found.done === true || found.value.kind === 'torn') {
        if (!this.#leaveSegment(found.done === true ? null : found.value)) return null;
      } else {
        this.#place = { segment: this.#place.segment, at: found.value.end };
        const spooled = found.value.kind === 'record' ? parseSpooled(found.value.bytes) : null;
        if (spooled === null) this.#pass(found.value);
        else return this.#read(spooled);
      }
    }
    this.#settleDamage(this.#parts.openedUnixMs);
    return null;
  }

  /** @returns whether there is a segment to read on in */
  #enterSegment(): boolean {
    if (this.#scan !== null) return true;
    const { segments } = this.#parts;
    const number = segments.numbers.find((each) => each >= this.#place.segment);
    if (number === undefined) return false;
    if (number > this.#place.segment) this.#place = { segment: number, at: 0 };
    if (segments.bytesOf(number) <= this.#place.at && number === segments.current) return false;
    const scan = segments.scan(number, this.#place.at);
    this.failure = scan instanceof DiskError ? scan : null;
    if (scan instanceof DiskError) return false;
    this.#scan = scan[Symbol.iterator]();
    return true;
  }

  /** @param torn the rest of it @returns whether there may be another one */
  #leaveSegment(torn: Scanned | null): boolean {
    const { segments, firstOwn } = this.#parts;
    const { segment } = this.#place;
    this.#scan = null;
    // More is going to be written there.
    if (segment === segments.current) return false;
    if (torn !== null && segment < firstOwn) this.#pass(torn);
    this.#place = { segment: segment + 1, at: 0 };
    return true;
  }

  #read(spooled: SpooledMessage): ReadRecord {
    this.#settleDamage(spooled.fromUnixMs);
    this.#lastUnixMs = spooled.toUnixMs;
    return { ...spooled, end: this.#place };
  }

  /** Cannot be read. */
  #pass({ at, end }: Scanned): void {
    const { segments } = this.#parts;
    const { segment } = this.#place;
    this.damaged++;
    this.#damagedFromMs ??= this.#lastUnixMs;
    const isRest = end >= segments.bytesOf(segment);
    if (isRest && segment !== segments.current) void segments.cutTail(segment, at);
  }

  #settleDamage(toUnixMs: number): void {
    if (this.#damagedFromMs === null) return;
    const { openedUnixMs, nowMs, onDamage } = this.#parts;
    const isOwn = this.#damagedFromMs >= openedUnixMs;
    const fromUnixMs = this.#damagedFromMs;
    this.#damagedFromMs = null;
    onDamage({ fromUnixMs, toUnixMs: Math.max(fromUnixMs, isOwn ? nowMs() : toUnixMs) });
  }
}
