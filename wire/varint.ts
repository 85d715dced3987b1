/**
 * Numbers of protobuf: seven bits a byte, the lowest first, and the highest bit of every byte but the last is set. Where one
 * ends, who reads it has found out, each in its own way when it does not: these read what stands from `start` to `end`.
 *
 * (https://protobuf.dev/programming-guides/encoding.)
 */

/** One of 64 bits. */
export const varintBytesMax = 10;

/** The low 32 bits, signed. @param firstShift which of them the first byte begins with, when others were read already */
export function low32In(bytes: Buffer, start: number, end: number, firstShift = 0): number {
  let bits = 0;
  for (let at = start, shift = firstShift; at < end && shift < 32; at++, shift += 7) {
    bits |= (bytes[at]! & 0x7f) << shift;
  }
  return bits;
}

/** Inexact from 2^53 on. */
export function uint64In(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = end - 1; at >= start; at--) value = value * 128 + (bytes[at]! & 0x7f);
  return value;
}

/** Inexact from 2^53 on. Twice the number, or one less than that below zero: its sign is the lowest bit. */
export function sint64In(bytes: Buffer, start: number, end: number): number {
  const lowest = bytes[start]!;
  const half = uint64In(bytes, start + 1, end) * 64 + ((lowest & 0x7f) >>> 1);
  return (lowest & 1) === 0 ? half : -half - 1;
}
