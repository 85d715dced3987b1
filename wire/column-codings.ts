/**
 * How the values of a column stand in a message, by the type of its field, and how they come to stand in memory:
 *
 *     words          repeated fixed32    4 bytes each, little-endian: copied as they are
 *     numbers        repeated fixed64    8 bytes each, likewise; handed out as doubles
 *     steps          repeated sint32     zigzag varints: each the difference to the row before, modulo 2^32
 *     number steps   repeated sint64     the same, whole, as doubles
 *
 * (https://protobuf.dev/programming-guides/encoding.) Nearly all steps of a message have one byte or two: a loop that
 * reads those in place takes a nanosecond for each. The bytes of a column stand from `start` to `end`.
 */
import { endianness } from 'node:os';
import type { FieldType } from './proto-table.ts';
import { low32In, sint64In, varintBytesMax } from './varint.ts';

export const codings = { none: 0, words: 1, numbers: 2, steps: 3, numberSteps: 4 } as const;
export type Coding = (typeof codings)[keyof typeof codings];

/** Of the fields that are columns. */
export const codingOf: Readonly<Partial<Record<FieldType, Coding>>> = {
  fixed32: codings.words,
  fixed64: codings.numbers,
  sint32: codings.steps,
  sint64: codings.numberSteps,
};

/** Why the bytes of a column are none. */
export class BadColumn extends Error {}

/** Values of `width` bytes each, to the byte `at`. */
export function copyWords(
  bytes: Buffer,
  start: number,
  end: number,
  to: Buffer,
  at: number,
  width: 4 | 8,
): void {
  if ((end - start) % width !== 0) throw new BadColumn(`has ${end - start} bytes`);
  bytes.copy(to, at, start, end);
  if (isBigEndian) to.subarray(at, at + end - start).swap32();
}

/** The words of a number, the low one first, become a double in their place: exact below 2^53, and not below it otherwise. */
export function wordsToNumbers(words: Uint32Array, numbers: Float64Array): void {
  for (let i = 0; i < numbers.length; i++) numbers[i] = words[2 * i]! + words[2 * i + 1]! * 2 ** 32;
}

/** Writes from the index `at` on. @returns the index behind the last value; so does the one below */
export function readSteps(bytes: Buffer, start: number, end: number, to: Uint32Array, at: number): number {
  let row = at;
  let next = start;
  let value = 0;
  while (next < end) {
    // Nothing is called in the inner loop, so that the compiler keeps in registers where both arrays stand and end.
    let zigzag = 0;
    let second = 0;
    while (next < end) {
      zigzag = bytes[next++]!;
      if (zigzag >= 0x80) {
        second = bytes[next++]!;
        zigzag = (zigzag & 0x7f) | ((second & 0x7f) << 7);
        if (second >= 0x80) break;
      }
      value = (value + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0;
      to[row++] = value;
    }
    // Not a byte at all where the message ends.
    if (!(second >= 0x80)) break;
    const after = varintEnd(bytes, next, varintBytesMax - 2);
    zigzag |= low32In(bytes, next, after, 14);
    next = after;
    value = (value + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0;
    to[row++] = value;
  }
  return checkEnd(next, end, row);
}

/**
 * Steps as those of slots mostly are: after the first value, of any size, each is above the one before by less than 64, which is
 * a byte. @returns the index behind the last value; -1 where they are otherwise, and then readSteps says what they are
 */
export function readRising(bytes: Buffer, start: number, end: number, to: Uint32Array, at: number): number {
  if (start === end) return at;
  let next = varintEnd(bytes, start);
  const first = low32In(bytes, start, next);
  let value = (first >>> 1) ^ -(first & 1);
  to[at] = value;
  let row = at + 1;
  // What makes one of them different is left in these, so that nothing branches within the loop: bit 0 of one that falls, bit
  // 7 of one that goes on, and the sign of one that is 0.
  let bits = 0;
  let signs = value;
  for (; next < end; next++) {
    const zigzag = bytes[next]!;
    bits |= zigzag;
    signs |= zigzag - 1;
    value = (value + (zigzag >>> 1)) | 0;
    to[row++] = value;
  }
  return next === end && (bits & 0x81) === 0 && signs >= 0 && value >= 0 ? row : -1;
}

/** Exact as long as all values are below 2^53. */
export function readNumberSteps(
  bytes: Buffer,
  start: number,
  end: number,
  to: Float64Array,
  at: number,
): number {
  let row = at;
  let next = start;
  let value = 0;
  while (next < end) {
    const first = bytes[next]!;
    if (first < 0x80) {
      value += (first >>> 1) ^ -(first & 1);
      next++;
    } else {
      const after = varintEnd(bytes, next, varintBytesMax);
      value += sint64In(bytes, next, after);
      next = after;
    }
    to[row++] = value;
  }
  return checkEnd(next, end, row);
}

/** The rows before the index `end` that were not told are like the last one that was. @returns the index behind all of them */
export function repeatLast(
  values: Uint32Array | Float64Array,
  first: number,
  after: number,
  end: number,
): number {
  if (after >= end) return after;
  values.fill(after === first ? 0 : values[after - 1]!, after, end);
  return end;
}

/** Behind the next byte below 0x80, which must be one of the next `most`. */
export function varintEnd(bytes: Buffer, at: number, most = varintBytesMax): number {
  for (let i = at; i < at + most; i++) if (bytes[i]! < 0x80) return i + 1;
  throw new BadColumn('has a number that does not end');
}

function checkEnd(at: number, end: number, row: number): number {
  if (at !== end) throw new BadColumn('ends within a number');
  return row;
}

const isBigEndian = endianness() === 'BE';
