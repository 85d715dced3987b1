/** Records of disk/records.ts whose sums a mutation has broken, made whole again. */
import { encodeRecord, recordHeaderBytes } from '../disk/records.ts';

/** Writes the right sums into all records from `from` on, as far as their lengths go. */
export function withSums(input: Buffer, from: number): Buffer {
  for (let at = from; at + recordHeaderBytes <= input.length; ) {
    const bodyAt = at + recordHeaderBytes;
    const end = bodyAt + Math.min(input.readUInt32LE(at), input.length - bodyAt);
    encodeRecord([Buffer.from(input.subarray(bodyAt, end))], input, at);
    at = end;
  }
  return input;
}

/** Parts of records, one after the other, with their sums. */
export function recordsOf(bodies: readonly (readonly Buffer[])[]): Buffer {
  return Buffer.concat(
    bodies.map((parts) => {
      const bytes = Buffer.alloc(recordHeaderBytes + parts.reduce((sum, part) => sum + part.length, 0));
      encodeRecord(parts, bytes, 0);
      return bytes;
    }),
  );
}
