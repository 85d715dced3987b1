/** A walk over the bytes of one segment: its mark, then its records. */
import { type Scanned, scanRecords } from './records.ts';

/** The first bytes of each segment: what it is, and the version of its records. */
export const segmentMark = Buffer.from('WTSEG\0\0\u0001', 'latin1');

/**
 * The mark is like a record: whole, torn, or not what it ought to be, and then nothing behind it is read.
 * @param from the end of a record that an earlier scan showed, or 0
 */
export function* scanSegment(bytes: Buffer, from: number): Generator<Scanned> {
  const mark = bytes.subarray(0, segmentMark.length);
  const end = bytes.length;
  if (from === 0 && !mark.equals(segmentMark)) {
    const isTorn = mark.equals(segmentMark.subarray(0, mark.length)) || bytes.every((byte) => byte === 0);
    if (end > 0) yield { kind: isTorn ? 'torn' : 'flaw', at: 0, end };
    return;
  }
  yield* scanRecords(bytes, Math.max(from, segmentMark.length));
}
