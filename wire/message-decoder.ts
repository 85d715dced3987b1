/**
 * The bytes of a message to its fields, as proto-loader hands them out: an unset field is absent, a list is always there, a
 * number of 64 bits is exact below 2^53. The layout stands in message-encoder.ts; a list may also come unpacked, and in
 * several pieces. A field that the file does not know is passed over.
 */
import {
  type MessageField,
  type MessageFields,
  type MessageType,
  wireTypeOf,
  wireTypes,
} from './message-type.ts';
import type { FieldType } from './proto-table.ts';
import { low32In, sint64In, uint64In, varintBytesMax } from './varint.ts';

/** Throws RangeError when the bytes are no such message. */
export function decodeMessage(type: MessageType, bytes: Buffer): MessageFields {
  return readMessage(new Reader(bytes), type, bytes.length);
}

function readMessage(reader: Reader, type: MessageType, end: number): MessageFields {
  const fields: MessageFields = {};
  for (const { name, repeated } of type.fields) if (repeated) fields[name] = [];
  while (reader.at < end) {
    const key = reader.uint32();
    const field = type.byNumber[key >>> 3];
    if (field === undefined) reader.skip(key & 7, end);
    else readField(reader, field, key & 7, end, fields);
  }
  reader.endAt(end);
  return fields;
}

function readField(
  reader: Reader,
  field: MessageField,
  wireType: number,
  end: number,
  fields: MessageFields,
): void {
  const own = wireTypeOf(field);
  if (field.repeated) {
    const list = fields[field.name] as unknown[];
    if (wireType === own) list.push(readValue(reader, field, end));
    else if (wireType === wireTypes.bytes) {
      const packedEnd = reader.lengthWithin(end);
      while (reader.at < packedEnd) list.push(readNumber(reader, field.type, packedEnd));
      reader.endAt(packedEnd);
    } else reader.skip(wireType, end);
  } else if (wireType !== own) reader.skip(wireType, end);
  else if (field.type === 'map') readEntry(reader, end, mapOf(fields, field.name));
  else fields[field.name] = readValue(reader, field, end);
}

function mapOf(fields: MessageFields, name: string): Record<string, string> {
  const map = (fields[name] ?? {}) as Record<string, string>;
  fields[name] = map;
  return map;
}

/** Key and value of a map stand as fields 1 and 2 of a message. */
function readEntry(reader: Reader, end: number, map: Record<string, string>): void {
  const entryEnd = reader.lengthWithin(end);
  let key = '';
  let value = '';
  while (reader.at < entryEnd) {
    const tag = reader.uint32();
    if (tag === keyTag) key = reader.text(entryEnd);
    else if (tag === valueTag) value = reader.text(entryEnd);
    else reader.skip(tag & 7, entryEnd);
  }
  reader.endAt(entryEnd);
  // Not by assignment: `__proto__` is a key as any other.
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}

const keyTag = (1 << 3) | wireTypes.bytes;
const valueTag = (2 << 3) | wireTypes.bytes;

function readValue(reader: Reader, { type, messageType }: MessageField, end: number): unknown {
  if (messageType !== null) return readMessage(reader, messageType, reader.lengthWithin(end));
  if (type === 'string') return reader.text(end);
  if (type === 'bytes') return Buffer.from(reader.bytes(end));
  return readNumber(reader, type, end);
}

function readNumber(reader: Reader, type: FieldType, end: number): number | boolean {
  switch (type) {
    case 'uint32':
      return reader.uint32();
    case 'uint64':
      return reader.uint64();
    case 'sint32':
      return fromZigzag(reader.uint32());
    case 'sint64':
      return reader.sint64();
    case 'bool':
      return reader.uint64() !== 0;
    case 'fixed32':
      return reader.fixed32(end);
    case 'fixed64':
      return reader.fixed32(end) + reader.fixed32(end) * 2 ** 32;
    default:
      return reader.double(end);
  }
}

/** A sint32 of its zigzag form: 0, 1, 2, 3 stand for 0, -1, 1, -2. */
function fromZigzag(zigzag: number): number {
  return (zigzag >>> 1) ^ -(zigzag & 1);
}

/** Where the decoder is. Every `end` is that of the innermost message, which nothing may pass. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The low 32 bits of a varint. */
  uint32(): number {
    const start = this.at;
    this.#passVarint();
    return low32In(this.#bytes, start, this.at) >>> 0;
  }

  /** Inexact from 2^53 on. */
  uint64(): number {
    const start = this.at;
    this.#passVarint();
    return uint64In(this.#bytes, start, this.at);
  }

  /** Inexact from 2^53 on. */
  sint64(): number {
    const start = this.at;
    this.#passVarint();
    return sint64In(this.#bytes, start, this.at);
  }

  /** The last byte of one is below 0x80. */
  #passVarint(): void {
    const last = this.at + varintBytesMax;
    while (this.at < last) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new RangeError('it ends within a number');
      if (byte < 0x80) return;
    }
    throw new RangeError('a number is too long');
  }

  fixed32(end: number): number {
    return this.#bytes.readUInt32LE(this.#advance(4, end));
  }

  double(end: number): number {
    return this.#bytes.readDoubleLE(this.#advance(8, end));
  }

  text(end: number): string {
    const textEnd = this.lengthWithin(end);
    const start = this.#advance(textEnd - this.at, textEnd);
    return this.#bytes.toString('utf8', start, textEnd);
  }

  /** In the memory of the message. */
  bytes(end: number): Buffer {
    const bytesEnd = this.lengthWithin(end);
    return this.#bytes.subarray(this.#advance(bytesEnd - this.at, bytesEnd), bytesEnd);
  }

  /** Reads a length. @returns where what it counts ends */
  lengthWithin(end: number): number {
    const length = this.uint64();
    if (this.at + length > end) throw new RangeError(`a length of ${length} goes beyond the end`);
    return this.at + length;
  }

  /** Passes over what follows a key. */
  skip(wireType: number, end: number): void {
    if (wireType === wireTypes.varint) this.#passVarint();
    else if (wireType === wireTypes.bytes) this.bytes(end);
    else if (wireType === wireTypes.fixed32) this.#advance(4, end);
    else if (wireType === wireTypes.fixed64) this.#advance(8, end);
    else throw new RangeError(`a field has wire type ${wireType}`);
  }

  /** Throws when the last number reached beyond the message that it stands in. */
  endAt(end: number): void {
    if (this.at !== end) throw new RangeError('a number goes beyond the end');
  }

  #advance(count: number, end: number): number {
    const start = this.at;
    if (start + count > end) throw new RangeError('it ends within a field');
    this.at += count;
    return start;
  }
}
