/**
 * Fields of a message to its bytes, as proto-loader encodes them.
 *
 *     field    varint number << 3 | wire type, then by wire type:
 *     0        varint                  uint32, uint64, bool; zigzag (0, -1, 1, -2 as 0, 1, 2, 3) sint32, sint64
 *     1, 5     8 or 4 bytes            fixed64, double; fixed32
 *     2        varint length, bytes    text, bytes, a message, an entry of a map (1: key, 2: value), all values of a list
 *
 * (https://protobuf.dev/programming-guides/encoding.) It is written from its end to its beginning: a length stands before
 * what it counts, and is so known when its turn comes.
 */
import {
  type MessageField,
  type MessageFields,
  type MessageType,
  wireTypeOf,
  wireTypes,
} from './message-type.ts';
import type { FieldType } from './proto-table.ts';

/** Fields stand in the order of their numbers; what is absent or null is left out, and so are empty lists. */
export function encodeMessage(type: MessageType, fields: object): Buffer {
  const writer = new BackwardWriter();
  writeMessage(writer, type, fields as MessageFields);
  return writer.written();
}

function writeMessage(writer: BackwardWriter, { byNumber }: MessageType, fields: MessageFields): void {
  for (let number = byNumber.length - 1; number > 0; number--) {
    const field = byNumber[number];
    if (field === undefined) continue;
    const value = fields[field.name];
    if (value === undefined || value === null) continue;
    if (field.repeated) writeList(writer, field, value as ArrayLike<unknown>);
    else if (field.type === 'map') writeMap(writer, field, value as Record<string, string>);
    else writeTagged(writer, field, value);
  }
}

function writeTagged(writer: BackwardWriter, field: MessageField, value: unknown): void {
  const wireType = wireTypeOf(field);
  const end = writer.at();
  if (field.messageType === null) writeValue(writer, field.type, value);
  else writeMessage(writer, field.messageType, value as MessageFields);
  if (wireType === wireTypes.bytes) writer.lengthUpTo(end);
  writer.varint((field.number << 3) | wireType);
}

function writeList(writer: BackwardWriter, field: MessageField, values: ArrayLike<unknown>): void {
  if (values.length === 0) return;
  if (wireTypeOf(field) === wireTypes.bytes) {
    for (let i = values.length - 1; i >= 0; i--) writeTagged(writer, field, values[i]);
    return;
  }
  const end = writer.at();
  if (field.type === 'fixed32') writer.words(values as ArrayLike<number>);
  else for (let i = values.length - 1; i >= 0; i--) writeValue(writer, field.type, values[i]);
  writer.lengthUpTo(end);
  writer.varint((field.number << 3) | wireTypes.bytes);
}

const keyTag = (1 << 3) | wireTypes.bytes;
const valueTag = (2 << 3) | wireTypes.bytes;

function writeMap(writer: BackwardWriter, { number }: MessageField, map: Record<string, string>): void {
  for (const key of Object.keys(map).reverse()) {
    const end = writer.at();
    for (const [tag, text] of [
      [valueTag, map[key]!],
      [keyTag, key],
    ] as const) {
      const textEnd = writer.at();
      writer.text(text);
      writer.lengthUpTo(textEnd);
      writer.varint(tag);
    }
    writer.lengthUpTo(end);
    writer.varint((number << 3) | wireTypes.bytes);
  }
}

function writeValue(writer: BackwardWriter, type: FieldType, value: unknown): void {
  switch (type) {
    case 'uint32':
      return writer.varint((value as number) >>> 0);
    case 'uint64':
      return writer.varint64(value as number);
    case 'sint32':
      return writer.varint((((value as number) << 1) ^ ((value as number) >> 31)) >>> 0);
    case 'sint64':
      return writer.zigzag64(value as number);
    case 'bool':
      return writer.varint(value ? 1 : 0);
    case 'fixed32':
      return writer.words([value as number]);
    case 'fixed64':
      return writer.fixed64(value as number);
    case 'double':
      return writer.double(value as number);
    case 'bytes':
      return writer.bytes(value as Uint8Array);
    default:
      return writer.text(String(value));
  }
}

/** Most messages are smaller; larger ones double it. */
const firstBytes = 512;

/** Memory that is filled from its end. */
class BackwardWriter {
  #buffer = Buffer.allocUnsafe(firstBytes);
  #view = viewOf(this.#buffer);
  /** Where the first byte stands that is written. */
  #start = firstBytes;

  /** Bytes written so far: a place that stays the same when the memory grows. */
  at(): number {
    return this.#buffer.length - this.#start;
  }

  /** A copy, so that what is kept of it keeps no spare memory. */
  written(): Buffer {
    return Buffer.from(this.#buffer.subarray(this.#start));
  }

  /** @param end what at() told before the bytes that the length counts */
  lengthUpTo(end: number): void {
    this.varint(this.at() - end);
  }

  /** @param value of at most 32 bits */
  varint(value: number): void {
    let at = this.#before(value < 0x80 ? 1 : varintBytes(value));
    let left = value;
    for (; left >= 0x80; left >>>= 7) this.#buffer[at++] = (left & 0x7f) | 0x80;
    this.#buffer[at] = left;
  }

  /** @param value below 2^53; a negative one stands as its two's complement */
  varint64(value: number): void {
    const { low, high } = wordsOf(value);
    this.#varintOf(low, high);
  }

  /** @param value between -2^53 and 2^53: twice its size is no exact double, two words are */
  zigzag64(value: number): void {
    const isNegative = value < 0;
    const { low, high } = wordsOf(isNegative ? -value - 1 : value);
    this.#varintOf(((low << 1) | (isNegative ? 1 : 0)) >>> 0, ((high << 1) | (low >>> 31)) >>> 0);
  }

  #varintOf(low: number, high: number): void {
    if (high === 0) return this.varint(low);
    // Four groups of seven bits from the low word, one from both, and the rest from the high one.
    const rest = high >>> 3;
    let at = this.#before(5 + (rest === 0 ? 0 : varintBytes(rest)));
    for (let shift = 0; shift < 28; shift += 7) this.#buffer[at++] = ((low >>> shift) & 0x7f) | 0x80;
    const both = (low >>> 28) | ((high & 7) << 4);
    this.#buffer[at++] = rest === 0 ? both : both | 0x80;
    if (rest === 0) return;
    let left = rest;
    for (; left >= 0x80; left >>>= 7) this.#buffer[at++] = (left & 0x7f) | 0x80;
    this.#buffer[at] = left;
  }

  /** Each as a u32, in their order. */
  words(values: ArrayLike<number>): void {
    const at = this.#before(4 * values.length);
    for (let i = 0; i < values.length; i++) this.#view.setUint32(at + 4 * i, values[i]!, true);
  }

  fixed64(value: number): void {
    const { low, high } = wordsOf(value);
    this.words([low, high]);
  }

  double(value: number): void {
    const at = this.#before(8);
    this.#view.setFloat64(at, value, true);
  }

  text(text: string): void {
    const at = this.#before(Buffer.byteLength(text));
    this.#buffer.write(text, at);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#before(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Where `count` bytes go. The memory may be another one afterwards. */
  #before(count: number): number {
    if (count > this.#start) this.#grow(count);
    this.#start -= count;
    return this.#start;
  }

  #grow(count: number): void {
    const written = this.at();
    const size = Math.max(2 * this.#buffer.length, written + count);
    const larger = Buffer.allocUnsafe(size);
    this.#buffer.copy(larger, size - written, this.#start);
    this.#buffer = larger;
    this.#view = viewOf(larger);
    this.#start = size - written;
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

function varintBytes(value: number): number {
  let count = 1;
  for (let left = value >>> 7; left > 0; left >>>= 7) count++;
  return count;
}

function wordsOf(value: number): { readonly low: number; readonly high: number } {
  const whole = Math.trunc(value);
  return { low: whole >>> 0, high: Math.floor(whole / 2 ** 32) >>> 0 };
}
