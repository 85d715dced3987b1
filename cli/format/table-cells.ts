/**
 * The cells of a table as a terminal gets them, in a form that a long one can be printed from at once. Most of what stands in
 * a column stands in many rows, but for a number: a cell is a text, of which there are few, and perhaps a number after it.
 *
 *     texts     127.0.0.1:  *  10.1.100.9: ...     one after the other, in UTF-8
 *     textOf    0 0 1 2 ...                         by cell: which of them
 *     wholeOf   8743 41022 -1 443 ...               by cell: the number after it, -1 for none
 *
 * Cells lie column after column. A text belongs to one of them. A string for each cell would take several times as long.
 */
import { displayWidth, plainText } from './plain-text.ts';

/** How much room there is at the start. */
const firstBytes = 1 << 12;
const firstTexts = 1 << 6;

/** What a character of UTF-16 takes at most, in UTF-8. */
const bytesPerUnit = 3;

/** There is no number. */
export const noWhole = -1;

const encoder = new TextEncoder();

/** The greatest of a column. */
export interface CellSize {
  /** In cells of a terminal. */
  readonly width: number;
  /** By how many bytes a text is longer than it is wide. */
  readonly surplus: number;
}

/** Those of one column, to be filled by whoever makes it. */
export interface ColumnCells {
  /** By row: number of its text. */
  readonly textOf: Uint32Array;
  /** By row: what stands behind the text, from 0 to 2^31 - 1; noWhole at first. */
  readonly wholeOf: Int32Array;
  /** Takes a text for cells to come; whatever it is, it becomes safe for a terminal. @returns its number */
  take(text: string): number;
}

export class TableCells {
  readonly rows: number;
  readonly columns: number;
  readonly textOf: Uint32Array;
  readonly wholeOf: Int32Array;
  #bytes = new Uint8Array(firstBytes);
  #starts = new Uint32Array(firstTexts);
  #widths = new Uint32Array(firstTexts);
  #columnOf = new Uint32Array(firstTexts);
  #texts = 0;

  constructor(rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
    this.textOf = new Uint32Array(rows * columns);
    this.wholeOf = new Int32Array(rows * columns).fill(noWhole);
  }

  /** All texts. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** By text: where it begins. The next one begins where it ends. */
  get starts(): Uint32Array {
    return this.#starts;
  }

  /** By text: cells of a terminal that it takes. */
  get widths(): Uint32Array {
    return this.#widths;
  }

  column(column: number): ColumnCells {
    const [begin, end] = [column * this.rows, (column + 1) * this.rows];
    return {
      textOf: this.textOf.subarray(begin, end),
      wholeOf: this.wholeOf.subarray(begin, end),
      take: (text) => this.#take(text, column),
    };
  }

  /** By column. */
  sizes(): readonly CellSize[] {
    const greatest = this.#greatestWholes();
    const sizes = Array.from({ length: this.columns }, () => ({ width: 0, surplus: 0 }));
    for (let text = 0; text < this.#texts; text++) {
      const size = sizes[this.#columnOf[text]!]!;
      const digits = greatest[text]! < 0 ? 0 : String(greatest[text]).length;
      const width = this.#widths[text]!;
      size.width = Math.max(size.width, width + digits);
      size.surplus = Math.max(size.surplus, this.#starts[text + 1]! - this.#starts[text]! - width);
    }
    return sizes;
  }

  /** By text: the greatest number that stands after it. */
  #greatestWholes(): Int32Array {
    const greatest = new Int32Array(this.#texts).fill(noWhole);
    const { textOf, wholeOf } = this;
    const { length } = textOf;
    for (let cell = 0; cell < length; cell++) {
      const text = textOf[cell]!;
      const whole = wholeOf[cell]!;
      if (whole > greatest[text]!) greatest[text] = whole;
    }
    return greatest;
  }

  #take(text: string, column: number): number {
    const plain = plainText(text);
    const start = this.#starts[this.#texts]!;
    this.#makeRoom(start + plain.length * bytesPerUnit);
    const { written } = encoder.encodeInto(plain, this.#bytes.subarray(start));
    this.#widths[this.#texts] = displayWidth(plain);
    this.#columnOf[this.#texts] = column;
    this.#starts[this.#texts + 1] = start + written;
    return this.#texts++;
  }

  #makeRoom(bytes: number): void {
    if (bytes > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, new Uint8Array(Math.max(bytes, this.#bytes.length * 2)));
    }
    // One more start than there are texts.
    if (this.#texts + 2 > this.#starts.length) {
      const room = this.#starts.length * 2;
      this.#starts = grown(this.#starts, new Uint32Array(room));
      this.#widths = grown(this.#widths, new Uint32Array(room));
      this.#columnOf = grown(this.#columnOf, new Uint32Array(room));
    }
  }
}

/** Takes each text once. */
export class RepeatedTexts<K> {
  readonly #cells: ColumnCells;
  readonly #textOf: (key: K) => string;
  readonly #taken = new Map<K, number>();
  /** Rows that come one after the other often have the same. */
  #lastKey: K | undefined;
  #lastText = 0;

  /** @param textOf what stands in a cell for a key */
  constructor(cells: ColumnCells, textOf: (key: K) => string) {
    this.#cells = cells;
    this.#textOf = textOf;
  }

  /** Number of the text of a key. */
  of(key: K): number {
    if (key !== this.#lastKey) {
      this.#lastText = this.#taken.get(key) ?? this.#take(key);
      this.#lastKey = key;
    }
    return this.#lastText;
  }

  #take(key: K): number {
    const text = this.#cells.take(this.#textOf(key));
    this.#taken.set(key, text);
    return text;
  }
}

function grown<T extends Uint8Array | Uint32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
