/**
 * How the values of a column stand in a message, by the type of its field, and how they come to stand in memory:
 *
 *     words          repeated fixed32    4 bytes each, little-endian: copied as they are
 *     numbers        repeated fixed64    8 bytes each, likewise; handed out as doubles
 *     varints        repeated uint32     seven bits a byte, the lowest first
 *     steps          repeated sint32     zigzag varints: each the difference to the row before, modulo 2^32
 *     number steps   repeated sint64     the same, whole, as doubles
 *
 * (https://protobuf.dev/programming-guides/encoding.) Nearly all varints of a message have one byte or two: a loop that
 * reads those in place takes a nanosecond for each. The bytes of a column stand from `start` to `end`.
 */
import { endianness } from 'node:os';
import type { FieldType } from './proto-table.ts';
import { low32In, sint64In, varintBytesMax } from './varint.ts';

export const codings = { none: 0, words: 1, numbers: 2, varints: 3, steps: 4, numberSteps: 5 } as const;
export type Coding = (typeof codings)[keyof typeof codings];

/** Of the fields that are columns. */
export const codingOf: Readonly<Partial<Record<FieldType, Coding>>> = {
  fixed32: codings.words,
  fixed64: codings.numbers,
  uint32: codings.varints,
  sint32: codings.steps,
  sint64: codings.numberSteps,
};

/** Bytes of memory that a byte of each coding may need. */
export const expansion: Readonly<Record<Coding, number>> = [1, 1, 1, 4, 4, 8];

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

/** Writes from the index `at` on. @returns the index behind the last value; so do the two below */
export function readVarints(bytes: Buffer, start: number, end: number, to: Uint32Array, at: number): number {
  let row = at;
  let next = start;
  while (next < end) {
    // Nothing is called in the inner loop, so that the compiler keeps in registers where both arrays stand and end.
    let value = 0;
    let second = 0;
    while (next < end) {
      value = bytes[next++]!;
      if (value >= 0x80) {
        second = bytes[next++]!;
        value = (value & 0x7f) | ((second & 0x7f) << 7);
        if (second >= 0x80) break;
      }
      to[row++] = value;
    }
    // Not a byte at all where the message ends.
    if (!(second >= 0x80)) break;
    const after = varintEnd(bytes, next, varintBytesMax - 2);
    to[row++] = value | low32In(bytes, next, after, 14);
    next = after;
  }
  return checkEnd(next, end, row);
}

export function readSteps(bytes: Buffer, start: number, end: number, to: Uint32Array, at: number): number {
  let row = at;
  let next = start;
  let value = 0;
  while (next < end) {
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
