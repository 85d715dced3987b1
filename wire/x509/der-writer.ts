/**
 * DER, the one encoding of ASN.1 that certificates have (ITU-T X.690), written: what an X.509 certificate and a PKCS #10
 * request of one fixed shape need, and no more. Each function gives a whole element: tag, length, content.
 */

/** Tags that occur in certificates. Of several bits: 0x20 = made of elements, 0x80 = meaning given by the place. */
export const derTags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** An element of any tag around `content`. */
export function derElement(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...derLength(body.length)]), body]);
}

/** Below 128 in one byte; else the number of bytes of the length, and those. */
function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

export function derSequence(...elements: readonly Uint8Array[]): Buffer {
  return derElement(derTags.sequence, ...elements);
}

/** A set of one element; of several, DER would want an order. */
export function derSet(element: Uint8Array): Buffer {
  return derElement(derTags.set, element);
}

/** @param magnitude of a number that is not negative, most significant byte first */
export function derInteger(magnitude: Uint8Array): Buffer {
  const firstUsed = magnitude.findIndex((byte) => byte !== 0);
  const bytes = firstUsed === -1 ? Buffer.from([0]) : Buffer.from(magnitude.subarray(firstUsed));
  // The highest bit is the sign.
  return derElement(derTags.integer, bytes[0]! >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), bytes);
}

export function derBoolean(value: boolean): Buffer {
  return derElement(derTags.boolean, Buffer.from([value ? 0xff : 0]));
}

/** @param unusedBits at the end of the last byte */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return derElement(derTags.bitString, Buffer.from([unusedBits]), bytes);
}

export function derOctetString(...content: readonly Uint8Array[]): Buffer {
  return derElement(derTags.octetString, ...content);
}

export function derUtf8String(text: string): Buffer {
  return derElement(derTags.utf8String, Buffer.from(text, 'utf8'));
}

/** Element [number] of a choice or an optional place, around whole elements. */
export function derTagged(number: number, ...elements: readonly Uint8Array[]): Buffer {
  return derElement(0xa0 | number, ...elements);
}

/** Element [number] in place of the tag that its content would have. */
export function derImplicit(number: number, content: Uint8Array): Buffer {
  return derElement(0x80 | number, content);
}

/** @param dotted such as `1.2.840.10045.2.1` */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return derElement(derTags.objectIdentifier, Buffer.from(bytes));
}

/** Seven bits a byte, all but the last one with the highest bit set. */
function base128(number: number): number[] {
  const bytes = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(0x80 | (rest % 128));
  }
  return bytes;
}

/**
 * As RFC 5280 (4.1.2.5) wants it: UTCTime until 2049, GeneralizedTime after it; without fractions of a second.
 * @param unixMs from 1970 on
 */
export function derTime(unixMs: number): Buffer {
  const digits = new Date(unixMs)
    .toISOString()
    .replace(/\.[0-9]{3}Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
  const isLate = Number(digits.slice(0, 4)) >= 2050;
  const text = isLate ? digits : digits.slice(2);
  return derElement(isLate ? derTags.generalizedTime : utcTimeTag, Buffer.from(text, 'latin1'));
}

const utcTimeTag = 0x17;
