/**
 * Records in a file: pure framing, which tells a damaged one from a whole one.
 *
 *     length   u32, of the bytes
 *     sum      u32, CRC-32 of the bytes
 *     check    u32, CRC-32 of the eight bytes before
 *     bytes
 *
 * Numbers are little-endian. `check` makes the length worth believing when the bytes are damaged, so that what stands behind
 * them is found; without it, a flipped bit in a length would look as if the file had been cut off there. Where `check` itself
 * does not hold, nothing behind it in the file is read: to look for the next header would mean to look for it in the bytes of
 * others, who could have put one there.
 */
import { crc32 } from 'node:zlib';

export const recordHeaderBytes = 12;

/** Longest record that anybody writes: a message of the wire, and what is noted with it. */
export const recordBytesMax = 1_100_000;

/** Length of a record that is made of those parts, without its header. */
export function lengthOf(parts: readonly Buffer[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

/**
 * Writes one record, whose parts stand one after the other in it.
 * @param target has room for the header and `length`, from `at` on
 * @returns where the next one begins
 */
export function encodeRecord(parts: readonly Buffer[], target: Buffer, at: number): number {
  let end = at + recordHeaderBytes;
  let sum = 0;
  for (const part of parts) {
    sum = crc32(part, sum);
    end += part.copy(target, end);
  }
  target.writeUInt32LE(end - at - recordHeaderBytes, at);
  target.writeUInt32LE(sum, at + 4);
  target.writeUInt32LE(crc32(target.subarray(at, at + 8)), at + 8);
  return end;
}

/** What a scan meets. `at` is where it begins in the scanned bytes, and `end` where it ends. */
export type Scanned =
  | { readonly kind: 'record'; readonly at: number; readonly end: number; readonly bytes: Buffer }
  /** Damaged. It is one record where `end` is not that of the scanned bytes; else all that there is from `at` on. */
  | { readonly kind: 'flaw'; readonly at: number; readonly end: number }
  /** The file was cut off while it was written: the rest is the beginning of a record, or nothing but zeros. Always the last. */
  | { readonly kind: 'torn'; readonly at: number; readonly end: number };

/**
 * Walks over records. Nothing is copied.
 * @param lengthMax a record that claims to be longer is a flaw
 */
export function* scanRecords(bytes: Buffer, from = 0, lengthMax = recordBytesMax): Generator<Scanned> {
  let at = from;
  while (at < bytes.length) {
    const found = scanOne(bytes, at, lengthMax);
    yield found;
    at = found.end;
  }
}

function scanOne(bytes: Buffer, at: number, lengthMax: number): Scanned {
  const end = bytes.length;
  const bodyAt = at + recordHeaderBytes;
  if (bodyAt > end) return { kind: 'torn', at, end };
  if (bytes.readUInt32LE(at + 8) !== crc32(bytes.subarray(at, at + 8))) {
    return { kind: isZero(bytes, at) ? 'torn' : 'flaw', at, end };
  }
  const length = bytes.readUInt32LE(at);
  if (length > lengthMax) return { kind: 'flaw', at, end };
  if (bodyAt + length > end) return { kind: 'torn', at, end };
  const body = bytes.subarray(bodyAt, bodyAt + length);
  const isWhole = crc32(body) === bytes.readUInt32LE(at + 4);
  return isWhole
    ? { kind: 'record', at, end: bodyAt + length, bytes: body }
    : { kind: 'flaw', at, end: bodyAt + length };
}

/** A file system may have given a file its size before its bytes. */
function isZero(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
