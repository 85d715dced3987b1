/**
 * A column of a table as a terminal gets it, in a form that a long table can be printed from at once. Most of what stands in
 * it stands in many rows, but for a number: a cell is a text, of which there are few, and perhaps a number after it.
 *
 *     texts     127.0.0.1:  *  10.1.100.9: ...     one after the other, in UTF-8
 *     textOf    0 0 1 2 ...                         by cell: which of them
 *     wholeOf   8743 41022 -1 443 ...               by cell: the number after it, -1 for none
 *
 * A string for each cell would take several times as long.
 */
import { displayWidth, plainText } from './plain-text.ts';

/** How much room there is at the start. */
const firstBytes = 1 << 12;
const firstTexts = 1 << 6;

/** What a character of UTF-16 takes at most, in UTF-8. */
const bytesPerUnit = 3;

/** There is no number. */
export const noWhole = -1;

/** Digits of the greatest one. */
const wholeBytesMax = 10;

const zero = 0x30;

const encoder = new TextEncoder();

export class CellBytes {
  /** Number of cells. */
  readonly length: number;
  /** By cell: number of its text. To be filled by whoever makes the column. */
  readonly textOf: Uint32Array;
  /** By cell: what stands behind the text, from 0 to 2^31 - 1; noWhole = nothing. To be filled likewise. */
  readonly wholeOf: Int32Array;
  #bytes = new Uint8Array(firstBytes);
  /** Where each text begins, and where the last one ends. */
  #starts = new Uint32Array(firstTexts);
  #widths = new Uint32Array(firstTexts);
  #texts = 0;

  constructor(cells: number) {
    this.length = cells;
    this.textOf = new Uint32Array(cells);
    this.wholeOf = new Int32Array(cells).fill(noWhole);
  }

  /** Takes a text for cells to come; whatever it is, it becomes safe for a terminal. @returns its number */
  take(text: string): number {
    const plain = plainText(text);
    const start = this.#starts[this.#texts]!;
    this.#makeRoom(start + plain.length * bytesPerUnit);
    const { written } = encoder.encodeInto(plain, this.#bytes.subarray(start));
    this.#widths[this.#texts] = displayWidth(plain);
    this.#starts[this.#texts + 1] = start + written;
    return this.#texts++;
  }

  /** What the widest cell takes: in cells of a terminal, and in bytes. */
  measure(): { readonly width: number; readonly bytes: number } {
    const greatest = new Int32Array(this.#texts).fill(noWhole);
    const { textOf, wholeOf, length } = this;
    for (let cell = 0; cell < length; cell++) {
      const text = textOf[cell]!;
      const whole = wholeOf[cell]!;
      if (whole > greatest[text]!) greatest[text] = whole;
    }
    let [width, bytes] = [0, 0];
    for (let text = 0; text < this.#texts; text++) {
      const digits = digitsOf(greatest[text]!);
      width = Math.max(width, this.#widths[text]! + digits);
      bytes = Math.max(bytes, this.bytesOf(text) + digits);
    }
    return { width, bytes };
  }

  /** Of a text. */
  bytesOf(text: number): number {
    return this.#starts[text + 1]! - this.#starts[text]!;
  }

  widthOf(cell: number): number {
    return this.#widths[this.textOf[cell]!]! + digitsOf(this.wholeOf[cell]!);
  }

  /** Writes a cell. @returns where it ends */
  write(cell: number, into: Uint8Array, at: number): number {
    const bytes = this.#bytes;
    const text = this.textOf[cell]!;
    const end = this.#starts[text + 1]!;
    let next = at;
    for (let from = this.#starts[text]!; from < end; from++) into[next++] = bytes[from]!;
    return writeWhole(this.wholeOf[cell]!, into, next);
  }

  /** A cell by itself. */
  text(cell: number): string {
    const bytes = Buffer.alloc(this.bytesOf(this.textOf[cell]!) + wholeBytesMax);
    return bytes.toString('utf8', 0, this.write(cell, bytes, 0));
  }

  #makeRoom(bytes: number): void {
    if (bytes > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, new Uint8Array(Math.max(bytes, this.#bytes.length * 2)));
    }
    // One more start than there are texts.
    if (this.#texts + 2 > this.#starts.length) {
      this.#starts = grown(this.#starts, new Uint32Array(this.#starts.length * 2));
      this.#widths = grown(this.#widths, new Uint32Array(this.#widths.length * 2));
    }
  }
}

/** Takes each text once. */
export class RepeatedTexts<K> {
  readonly #cells: CellBytes;
  readonly #textOf: (key: K) => string;
  readonly #taken = new Map<K, number>();

  /** @param textOf what stands in a cell for a key */
  constructor(cells: CellBytes, textOf: (key: K) => string) {
    this.#cells = cells;
    this.#textOf = textOf;
  }

  /** Number of the text of a key. */
  of(key: K): number {
    const known = this.#taken.get(key);
    return known === undefined ? this.#take(key) : known;
  }

  #take(key: K): number {
    const text = this.#cells.take(this.#textOf(key));
    this.#taken.set(key, text);
    return text;
  }
}

/** @returns where it ends */
function writeWhole(whole: number, into: Uint8Array, at: number): number {
  const end = at + digitsOf(whole);
  let left = whole;
  for (let digit = end - 1; digit >= at; digit--) {
    const rest = (left / 10) | 0;
    into[digit] = zero + left - rest * 10;
    left = rest;
  }
  return end;
}

function digitsOf(whole: number): number {
  if (whole < 0) return 0;
  if (whole < 10) return 1;
  if (whole < 100) return 2;
  if (whole < 1000) return 3;
  let digits = 4;
  for (let least = 10_000; least <= whole; least *= 10) digits++;
  return digits;
}

function grown<T extends Uint8Array | Uint32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
