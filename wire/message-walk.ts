/**
 * The fields of an AgentMessage, from its first byte to its last. Columns are noted where they stand: in pieces, or value by
 * value as an encoder may send them that does not pack. So are process definitions, which come with many messages; and the
 * three numbers that every message has are read. What is left, which is rare, stays a message of its own for the generic
 * decoder.
 */
import { type Coding, codings } from './column-codings.ts';
import { wireTypes } from './message-type.ts';
import type { ReceivedColumns } from './received-columns.ts';
import { TagCursor } from './tag-cursor.ts';

/** Field numbers of AgentMessage that the walk knows beside the columns. */
export const walkedNumbers = { seq: 1, baseUnixMs: 2, flags: 3, processes: 7 } as const;

export class MessageWalk {
  readonly #columns: ReceivedColumns;
  readonly #cursor = new TagCursor();
  #bytes: Buffer = Buffer.alloc(0);
  /** Inexact from 2^53 on. */
  seq = 0;
  baseUnixMs = 0;
  flags = 0;
  /** Where the definitions of processes start and end, in turn. */
  readonly processes: number[] = [];
  /** The same of all that is left, tags included. */
  readonly #rest: number[] = [];

  constructor(columns: ReceivedColumns) {
    this.#columns = columns;
  }

  /** Throws WireError `not-a-message` when the bytes are no protobuf. */
  walk(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#cursor.begin(bytes, 0, bytes.length);
    this.#columns.begin(bytes);
    this.seq = 0;
    this.baseUnixMs = 0;
    this.flags = 0;
    if (this.processes.length > 0) this.processes.length = 0;
    if (this.#rest.length > 0) this.#rest.length = 0;
    while (!this.#cursor.isAtEnd) this.#walkField();
    this.#columns.complete();
  }

  /** What is left as a message; null when nothing is. */
  rest(): Buffer | null {
    const rest = this.#rest;
    if (rest.length === 0) return null;
    const pieces: Buffer[] = [];
    for (let i = 0; i < rest.length; i += 2) pieces.push(this.#bytes.subarray(rest[i], rest[i + 1]));
    return Buffer.concat(pieces);
  }

  #walkField(): void {
    const cursor = this.#cursor;
    const tag = cursor.at;
    const key = cursor.uint32();
    const number = key >>> 3;
    const type = key & 7;
    if (type === wireTypes.varint && number <= walkedNumbers.flags) {
      this.#readNumber(number);
      return;
    }
    const start = cursor.pass(type);
    const coding = this.#columns.codingOf(number);
    if (coding !== codings.none && (type === wireTypes.bytes || type === typeOfOne[coding])) {
      this.#columns.note(number, start, cursor.at);
    } else if (number === walkedNumbers.processes && type === wireTypes.bytes) {
      this.processes.push(start, cursor.at);
    } else this.#rest.push(tag, cursor.at);
  }

  #readNumber(number: number): void {
    if (number === walkedNumbers.seq) this.seq = this.#cursor.uint64();
    else if (number === walkedNumbers.baseUnixMs) this.baseUnixMs = this.#cursor.uint64();
    else if (number === walkedNumbers.flags) this.flags = this.#cursor.low32();
    else this.#cursor.pass(wireTypes.varint);
  }
}

/** The wire type of a value that does not stand in a piece, by coding. */
const typeOfOne: Readonly<Record<Coding, number>> = [
  -1,
  wireTypes.fixed32,
  wireTypes.fixed64,
  wireTypes.varint,
  wireTypes.varint,
];
