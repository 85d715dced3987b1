/**
 * Reads the columns of an AgentMessage straight from its bytes, without an object per value.
 *
 *     field    varint number << 3 | type, then by type:
 *     type 2   varint length, bytes        a column: a chunk of it, 4 or 8 bytes little-endian per value
 *     type 5   4 bytes                     a column: one value of it, as an encoder may send it that does not pack
 *     type 1   8 bytes                     the same
 *     type 0   varint
 *
 * (https://protobuf.dev/programming-guides/encoding.) A column may come in several pieces. Whatever is no column stays a
 * protobuf message of its own, for a generic decoder. Which fields are columns the proto file says: those that are
 * `repeated fixed32` or `repeated fixed64`.
 */
import { endianness } from 'node:os';
import { messageType } from './proto-file.ts';
import { WireError } from './wire-error.ts';

/** The values of one column. Those of 64 bits are exact below 2^53, and not below it when they are not. */
export type Column = Uint32Array | Float64Array;

export interface WalkedMessage {
  /** By the names of their fields in camelCase; a column without values is absent. */
  readonly columns: ReadonlyMap<string, Column>;
  /** The same message without its columns. */
  readonly rest: Buffer;
}

/** A column that the proto file knows. */
interface ColumnField {
  readonly name: string;
  readonly valueBytes: 4 | 8;
}

interface Piece {
  readonly start: number;
  readonly end: number;
}

/** By field number. Read from the proto file once. */
let columnFields: readonly (ColumnField | undefined)[] | undefined;

/** Throws WireError `not-a-message` when the bytes are no protobuf. */
export function walkColumns(bytes: Buffer): WalkedMessage {
  columnFields ??= readColumnFields();
  const pieces = new Map<ColumnField, Piece[]>();
  const rest: Piece[] = [];
  const cursor = new Cursor(bytes);
  while (cursor.at < bytes.length) {
    const start = cursor.at;
    const key = cursor.varint();
    const type = key & 7;
    const payload = cursor.payload(type);
    const column = columnFields[key >>> 3];
    if (column === undefined || !carries(column, type)) rest.push({ start, end: cursor.at });
    else {
      if ((payload.end - payload.start) % column.valueBytes !== 0) {
        throw notAMessage(bytes, `${column.name} has ${payload.end - payload.start} bytes`);
      }
      const known = pieces.get(column);
      if (known === undefined) pieces.set(column, [payload]);
      else known.push(payload);
    }
  }
  return { columns: copyColumns(bytes, pieces), rest: joined(bytes, rest) };
}

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function carries({ valueBytes }: ColumnField, type: number): boolean {
  return type === wireTypes.bytes || type === (valueBytes === 4 ? wireTypes.fixed32 : wireTypes.fixed64);
}

/** Where the walk is. */
class Cursor {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Of at most 32 bits: all that keys and lengths need. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80 && value <= 0xffffffff) return value;
    }
    return this.#fail('a number is too long');
  }

  /** Passes over what follows a key. */
  payload(type: number): Piece {
    const length = this.#lengthOf(type);
    const start = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) this.#fail('a field claims more bytes than there are');
    return { start, end: this.at };
  }

  #lengthOf(type: number): number {
    if (type === wireTypes.bytes) return this.varint();
    if (type === wireTypes.fixed32) return 4;
    if (type === wireTypes.fixed64) return 8;
    return type === wireTypes.varint ? this.#varintLength() : this.#fail(`a field has wire type ${type}`);
  }

  /** One of 64 bits has 10 bytes at most. */
  #varintLength(): number {
    const start = this.at;
    while (this.#byte() >= 0x80) if (this.at - start >= 10) this.#fail('a number is too long');
    const length = this.at - start;
    this.at = start;
    return length;
  }

  #byte(): number {
    return this.#bytes[this.at++] ?? this.#fail('it ends within a number');
  }

  #fail(why: string): never {
    throw notAMessage(this.#bytes, why);
  }
}

/**
 * All columns stand in one piece of memory of their own: a message begins anywhere, a Uint32Array does not. Those of 64 bits
 * come first, so that each value can become a double in its place.
 */
function copyColumns(bytes: Buffer, pieces: ReadonlyMap<ColumnField, readonly Piece[]>): Map<string, Column> {
  const sizes = { 4: 0, 8: 0 };
  for (const [{ valueBytes }, list] of pieces)
    for (const { start, end } of list) sizes[valueBytes] += end - start;
  const copy = Buffer.allocUnsafeSlow(sizes[8] + sizes[4]);
  const free = { 8: 0, 4: sizes[8] };
  const columns = new Map<string, Column>();
  for (const [{ name, valueBytes }, list] of pieces) {
    const begin = free[valueBytes];
    let at = begin;
    for (const { start, end } of list) at += bytes.copy(copy, at, start, end);
    free[valueBytes] = at;
    if (at === begin) continue;
    if (isBigEndian) copy.subarray(begin, at).swap32();
    const words = new Uint32Array(copy.buffer, begin, (at - begin) / 4);
    columns.set(name, valueBytes === 4 ? words : numbersOf(words));
  }
  return columns;
}

const isBigEndian = endianness() === 'BE';

/** @param words low word first; the numbers take their memory */
function numbersOf(words: Uint32Array): Float64Array {
  const numbers = new Float64Array(words.buffer, words.byteOffset, words.length / 2);
  for (let i = 0; i < numbers.length; i++) numbers[i] = words[2 * i]! + words[2 * i + 1]! * 2 ** 32;
  return numbers;
}

function joined(bytes: Buffer, pieces: readonly Piece[]): Buffer {
  if (pieces.length === 0) return Buffer.alloc(0);
  // What is no column comes first in most messages, and then in one piece.
  const [first] = pieces;
  const last = pieces.at(-1)!;
  const size = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
  if (last.end - first!.start === size) return bytes.subarray(first!.start, last.end);
  return Buffer.concat(pieces.map(({ start, end }) => bytes.subarray(start, end)));
}

function readColumnFields(): (ColumnField | undefined)[] {
  const found: (ColumnField | undefined)[] = [];
  for (const { name, number, repeated, type } of messageType('AgentMessage').fields) {
    if (repeated && type === 'fixed32') found[number] = { name, valueBytes: 4 };
    if (repeated && type === 'fixed64') found[number] = { name, valueBytes: 8 };
  }
  return found;
}

/** Also for what a generic decoder makes of the rest. */
export function notAMessage(bytes: Buffer, why: string): WireError {
  return new WireError('not-a-message', `${bytes.length} bytes are no AgentMessage (${why})`);
}
