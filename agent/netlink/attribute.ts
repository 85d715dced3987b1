/** struct rtattr / nlattr (linux/netlink.h): u16 length including this header, u16 type, then the value. */

const headerBytes = 4;

/** The upper two bits of a type are flags: NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const typeMask = 0x3fff;

/** Attributes are aligned to 4 bytes: RTA_ALIGN. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** Attributes by type; of a repeated type the last. A length that reaches beyond the bytes ends the reading. */
export function parseAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < headerBytes || at + length > bytes.length) break;
    attributes.set(bytes.readUInt16LE(at + 2) & typeMask, bytes.subarray(at + headerBytes, at + length));
    at += align(length);
  }
  return attributes;
}

export function encodeAttribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(align(headerBytes + value.length));
  bytes.writeUInt16LE(headerBytes + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, headerBytes);
  return bytes;
}

/** Attributes within one, which says so in its type: NLA_F_NESTED. */
export function encodeNested(type: number, attributes: readonly Buffer[]): Buffer {
  return encodeAttribute(type | nestedFlag, Buffer.concat(attributes));
}

const nestedFlag = 0x8000;

/** A u32 value of the host's byte order. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Null when the attribute is absent or too short. */
export function readU32(value: Buffer | undefined): number | null {
  return value !== undefined && value.length >= 4 ? value.readUInt32LE(0) : null;
}

export function readI32(value: Buffer | undefined): number | null {
  return value !== undefined && value.length >= 4 ? value.readInt32LE(0) : null;
}

/** Text up to its NUL byte; null when the attribute is absent. */
export function readText(value: Buffer | undefined): string | null {
  if (value === undefined) return null;
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}
