/**
 * Attributes found where they stand, without an object for each: for messages that come by the ten thousand. Positions
 * are offsets into the datagram; see attribute.ts for the form of an attribute.
 */
import { align } from './attribute.ts';

const headerBytes = 4;
const typeMask = 0x3fff;

/** No attribute begins at the start of a datagram. */
export const absent = 0;

/** Where the attribute of that type begins, its header included; `absent` also behind a length that does not fit. */
export function findAttribute(bytes: Buffer, from: number, end: number, type: number): number {
  for (let at = from; at + headerBytes <= end; ) {
    const length = uint16(bytes, at);
    if (length < headerBytes || at + length > end) return absent;
    if ((uint16(bytes, at + 2) & typeMask) === type) return at;
    at += align(length);
  }
  return absent;
}

/** Where the value of an attribute that was found begins. */
export function valueAt(attributeAt: number): number {
  return attributeAt + headerBytes;
}

/** Where the value of an attribute that was found ends. */
export function valueEnd(bytes: Buffer, attributeAt: number): number {
  return attributeAt + uint16(bytes, attributeAt);
}

/** Where the bounds are known: half the time of readUInt16LE, which checks them. */
function uint16(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}
