/**
 * The columns of one AgentMessage as typed arrays, without an object per value. Where they stand in its bytes a walk over
 * the tags finds out (note); they are read when all are known (column), into memory that serves one message after another:
 *
 *     #from, #to     by field number: where the column's first piece stands in the message; 0 = it has none
 *     #further       the pieces of columns that came in several, in the order in which they came
 *     #memory        the values, each column from a multiple of 8 bytes on, up to #used
 *
 * An agent writes each column in one piece. Other encoders may write it in several, or its values one by one.
 */
import {
  BadColumn,
  type Coding,
  codingOf,
  codings,
  copyWords,
  expansion,
  readNumberSteps,
  readSteps,
  readVarints,
  wordsToNumbers,
} from './column-codings.ts';
import { messageType } from './proto-file.ts';
import { notAMessage } from './tag-cursor.ts';
import { WireError } from './wire-error.ts';

/** The values of one column; only until the next message is taken. */
export type Column = Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** Rows of a section, so that a message of small numbers becomes no more than some megabytes of them. */
export const rowsMax = 1 << 18;

/** Memory before the first message: most need no more. It grows to what the largest message needs. */
const firstBytes = 1 << 16;

interface Piece {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

export class ReceivedColumns {
  readonly #names: readonly (string | undefined)[];
  readonly #codings: Uint8Array;
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #further: Piece[] = [];
  /** As it came, and with the pieces of its columns gathered. */
  #message: Buffer = Buffer.alloc(0);
  #bytes = this.#message;
  /** What all columns noted so far may need. */
  #needed = 0;
  #used = 0;
  #memory = memoryOf(firstBytes);
  /** For columns that are absent. */
  #zeros = new Uint32Array(1024);

  constructor() {
    const names: string[] = [];
    const kinds: Coding[] = [];
    for (const { name, number, repeated, type } of messageType('AgentMessage').fields) {
      names[number] = name;
      kinds[number] = repeated ? (codingOf[type] ?? codings.none) : codings.none;
    }
    this.#names = names;
    this.#codings = Uint8Array.from(names, (_, number) => kinds[number] ?? codings.none);
    this.#from = new Int32Array(names.length);
    this.#to = new Int32Array(names.length);
  }

  /** From now on it is about this message, none of whose columns is known yet. */
  begin(bytes: Buffer): void {
    this.#message = bytes;
    this.#bytes = bytes;
    this.#from.fill(0);
    this.#further.length = 0;
    this.#needed = 0;
    this.#used = 0;
  }

  /** codings.none for what is no column. */
  codingOf(number: number): Coding {
    return (this.#codings[number] ?? codings.none) as Coding;
  }

  /** A piece of a column stands there. A tag stands before it, so that `start` is never 0. */
  note(number: number, start: number, end: number): void {
    this.#needed += (end - start) * expansion[this.codingOf(number)] + 8;
    if (this.#from[number] === 0) {
      this.#from[number] = start;
      this.#to[number] = end;
    } else this.#further.push({ number, start, end });
  }

  /** All is noted, and nothing read yet. */
  complete(): void {
    const { length } = this.#memory.bytes;
    if (this.#needed > length) this.#memory = memoryOf(Math.max(this.#needed, 2 * length));
    if (this.#further.length > 0) this.#gather();
  }

  /** The pieces of a column are put behind each other and behind the message, where it is read as one. */
  #gather(): void {
    const pieces = new Map<number, Piece[]>();
    for (const { number } of this.#further) {
      pieces.set(number, [{ number, start: this.#from[number]!, end: this.#to[number]! }]);
    }
    for (const piece of this.#further) pieces.get(piece.number)!.push(piece);
    const parts = [this.#bytes];
    let at = this.#bytes.length;
    for (const [number, list] of pieces) {
      this.#checkEnds(number, list);
      this.#from[number] = at;
      for (const { start, end } of list) {
        parts.push(this.#bytes.subarray(start, end));
        at += end - start;
      }
      this.#to[number] = at;
    }
    this.#bytes = Buffer.concat(parts);
  }

  /** No number goes on from one piece to the next. */
  #checkEnds(number: number, pieces: readonly Piece[]): void {
    const coding = this.codingOf(number);
    const width = coding === codings.words ? 4 : coding === codings.numbers ? 8 : 0;
    for (const { start, end } of pieces) {
      if (width > 0 && (end - start) % width !== 0) this.#refuse(number, `has ${end - start} bytes`);
      if (width === 0 && end > start && this.#bytes[end - 1]! >= 0x80)
        this.#refuse(number, 'ends within a number');
    }
  }

  /** The values of a column; empty when it is absent. Throws WireError when its bytes are none. */
  read(number: number): Column {
    const start = this.#from[number]!;
    if (start === 0) return noValues;
    try {
      const values = this.#read(this.codingOf(number), start, this.#to[number]!);
      if (values.length <= rowsMax) return values;
    } catch (error) {
      if (error instanceof BadColumn) this.#refuse(number, error.message);
      throw error;
    }
    throw new WireError('too-many', `${this.#names[number]} has more than ${rowsMax} rows`);
  }

  #read(coding: Coding, start: number, end: number): Column {
    const { buffer, bytes, words, numbers } = this.#memory;
    const begin = this.#used;
    switch (coding) {
      case codings.words:
        copyWords(this.#bytes, start, end, bytes, begin, 4);
        return this.#column32(begin, begin + end - start);
      case codings.varints:
        return this.#column32(begin, 4 * readVarints(this.#bytes, start, end, words, begin >>> 2));
      case codings.steps:
        return this.#column32(begin, 4 * readSteps(this.#bytes, start, end, words, begin >>> 2));
      case codings.numberSteps:
        return this.#column64(begin, 8 * readNumberSteps(this.#bytes, start, end, numbers, begin >>> 3));
      default: {
        copyWords(this.#bytes, start, end, bytes, begin, 8);
        const column = this.#column64(begin, begin + end - start);
        wordsToNumbers(new Uint32Array(buffer, begin, 2 * column.length), column);
        return column;
      }
    }
  }

  #column32(begin: number, end: number): Uint32Array<ArrayBuffer> {
    this.#used = (end + 7) & ~7;
    return new Uint32Array(this.#memory.buffer, begin, (end - begin) >>> 2);
  }

  #column64(begin: number, end: number): Float64Array<ArrayBuffer> {
    this.#used = end;
    return new Float64Array(this.#memory.buffer, begin, (end - begin) >>> 3);
  }

  isAbsent(number: number): boolean {
    return this.#from[number] === 0;
  }

  /** A further column of a section of so many rows: an absent one stands for zeros. Throws WireError for any other length. */
  readRows(number: number, rows: number): Column {
    if (this.#from[number] === 0) return this.#zerosOf(rows);
    const column = this.read(number);
    if (column.length === rows) return column;
    throw new WireError('column-length', `${this.#names[number]} has ${column.length} of ${rows} rows`);
  }

  #zerosOf(rows: number): Uint32Array<ArrayBuffer> {
    if (this.#zeros.length < rows) this.#zeros = new Uint32Array(2 * rows);
    return this.#zeros.subarray(0, rows);
  }

  #refuse(number: number, why: string): never {
    throw notAMessage(this.#message, `${this.#names[number]} ${why}`);
  }
}

const noValues = new Uint32Array(0);

function memoryOf(size: number) {
  const buffer = new ArrayBuffer((size + 7) & ~7);
  return {
    buffer,
    bytes: Buffer.from(buffer),
    words: new Uint32Array(buffer),
    numbers: new Float64Array(buffer),
  };
}
