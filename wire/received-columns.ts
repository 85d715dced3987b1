/**
 * The columns of one AgentMessage as typed arrays, without an object per value. Where they stand in its bytes a walk over
 * the tags finds out (note); they are read when all are known (column), into memory that serves one message after another:
 *
 *     #sections      a bit for each section that has a column
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
  readNumberSteps,
  readRising,
  readSteps,
  repeatLast,
  wordsToNumbers,
} from './column-codings.ts';
import { columnNumbers, type SectionName } from './column-numbers.ts';
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
  /** By field number: its section's, or 0. */
  readonly #sectionBits: Uint8Array;
  #sections = 0;
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #further: Piece[] = [];
  /** As it came, and with the pieces of its columns gathered. */
  #message: Buffer = Buffer.alloc(0);
  #bytes = this.#message;
  /** Bytes of memory that all columns read so far take. */
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
    this.#sectionBits = new Uint8Array(names.length);
    for (const [section, numbers] of Object.entries(columnNumbers))
      for (const number of Object.values(numbers))
        this.#sectionBits[number] = sectionBits[section as SectionName];
    this.#from = new Int32Array(names.length);
    this.#to = new Int32Array(names.length);
  }

  /** From now on it is about this message, none of whose columns is known yet. */
  begin(bytes: Buffer): void {
    this.#message = bytes;
    this.#bytes = bytes;
    this.#sections = 0;
    this.#from.fill(0);
    this.#further.length = 0;
    if (this.#needed > this.#memory.bytes.length) this.#memory = memoryOf(this.#needed);
    this.#needed = 0;
    this.#used = 0;
  }

  /** codings.none for what is no column. */
  codingOf(number: number): Coding {
    return (this.#codings[number] ?? codings.none) as Coding;
  }

  /** A piece of a column stands there. A tag stands before it, so that `start` is never 0. */
  note(number: number, start: number, end: number): void {
    this.#sections |= this.#sectionBits[number]!;
    if (this.#from[number] === 0) {
      this.#from[number] = start;
      this.#to[number] = end;
    } else this.#further.push({ number, start, end });
  }

  /** All is noted, and nothing read yet. */
  complete(): void {
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

  /** The values of a column that stands for itself; empty when it is absent. Throws WireError when its bytes are none. */
  read(number: number): Column {
    if (this.#from[number] === 0) return noValues;
    const values = this.#read(number, 0);
    if (values.length <= rowsMax) return values;
    throw new WireError('too-many', `${this.#names[number]} has more than ${rowsMax} rows`);
  }

  /** The values of such a column where each is above the one before; null where they are not, or cannot be read as quickly. */
  readRising(number: number): Column | null {
    const [start, end] = [this.#from[number]!, this.#to[number]!];
    if (start === 0 || this.#codings[number] !== codings.steps || end - start > rowsMax) return null;
    const first = this.#reserve(4 * (end - start)) >>> 2;
    const after = readRising(this.#bytes, start, end, this.#memory.words, first);
    return after < 0 ? null : this.#column32(4 * first, 4 * after);
  }

  /**
   * A further column of a section of so many rows. Where it is absent all are zero, and where steps end early the rows that
   * are left are like the last. Throws WireError for any other length.
   */
  readRows(number: number, rows: number): Column {
    if (this.#from[number] === 0) return this.#zerosOf(rows);
    const values = this.#read(number, rows);
    if (values.length === rows) return values;
    throw new WireError('column-length', `${this.#names[number]} has ${values.length} of ${rows} rows`);
  }

  /** @param rows that steps are to be told of at least */
  #read(number: number, rows: number): Column {
    const [start, end] = [this.#from[number]!, this.#to[number]!];
    try {
      switch (this.#codings[number]) {
        case codings.words:
          return this.#readWords(start, end);
        case codings.numbers:
          return this.#readNumbers(start, end);
        case codings.steps:
          return this.#readSteps(start, end, rows);
        default:
          return this.#readNumberSteps(start, end, rows);
      }
    } catch (error) {
      if (error instanceof BadColumn) this.#refuse(number, error.message);
      throw error;
    }
  }

  #readWords(start: number, end: number): Column {
    const begin = this.#reserve(end - start);
    copyWords(this.#bytes, start, end, this.#memory.bytes, begin, 4);
    return this.#column32(begin, begin + end - start);
  }

  #readNumbers(start: number, end: number): Column {
    const begin = this.#reserve(end - start);
    copyWords(this.#bytes, start, end, this.#memory.bytes, begin, 8);
    const column = this.#column64(begin, begin + end - start);
    wordsToNumbers(new Uint32Array(this.#memory.buffer, begin, 2 * column.length), column);
    return column;
  }

  #readSteps(start: number, end: number, rows: number): Column {
    // A step takes a byte or more.
    const first = this.#reserve(4 * Math.max(rows, end - start)) >>> 2;
    const { words } = this.#memory;
    const told = readSteps(this.#bytes, start, end, words, first);
    const after = repeatLast(words, first, told, first + rows);
    return this.#column32(4 * first, 4 * after);
  }

  #readNumberSteps(start: number, end: number, rows: number): Column {
    const first = this.#reserve(8 * Math.max(rows, end - start)) >>> 3;
    const { numbers } = this.#memory;
    const told = readNumberSteps(this.#bytes, start, end, numbers, first);
    const after = repeatLast(numbers, first, told, first + rows);
    return this.#column64(8 * first, 8 * after);
  }

  /** @returns where in #memory a column of up to so many bytes can stand */
  #reserve(size: number): number {
    this.#needed += size + 8;
    if (this.#used + size > this.#memory.bytes.length) {
      // What was handed out of the message stays where it is. The next one finds memory for as much.
      this.#memory = memoryOf(Math.max(size, firstBytes));
      this.#used = 0;
    }
    return this.#used;
  }

  #column32(begin: number, end: number): Uint32Array<ArrayBuffer> {
    this.#used = (end + 7) & ~7;
    return new Uint32Array(this.#memory.buffer, begin, (end - begin) >>> 2);
  }

  #column64(begin: number, end: number): Float64Array<ArrayBuffer> {
    this.#used = end;
    return new Float64Array(this.#memory.buffer, begin, (end - begin) >>> 3);
  }

  /** Whether any column of a section is there. */
  has(section: SectionName): boolean {
    return (this.#sections & sectionBits[section]) !== 0;
  }

  isAbsent(number: number): boolean {
    return this.#from[number] === 0;
  }

  #zerosOf(rows: number): Uint32Array<ArrayBuffer> {
    if (this.#zeros.length < rows) this.#zeros = new Uint32Array(2 * rows);
    return this.#zeros.subarray(0, rows);
  }

  #refuse(number: number, why: string): never {
    throw notAMessage(this.#message, `${this.#names[number]} ${why}`);
  }
}

const sectionBits = Object.fromEntries(
  Object.keys(columnNumbers).map((section, i) => [section, 1 << i]),
) as Readonly<Record<SectionName, number>>;

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
