/** Aligned tables for people. */
import { CellBytes } from './cell-bytes.ts';
import { type Column, cellText } from './column.ts';
import { cutToWidth, displayWidth, plainText } from './plain-text.ts';

export interface TableOptions {
  readonly asOf: string;
  readonly hasHeaders: boolean;
  /** Cells per line; null = as wide as it gets. */
  readonly width: number | null;
  readonly isColored: boolean;
}

/** Blanks between two columns. */
const gap = 2;

/** What a second line begins with. */
const belowMark = '  └ ';

/** A column that shrinks keeps this many cells. */
const shrunkWidthMin = 8;

const [blank, lineFeed] = [0x20, 0x0a];

/** Where everything stands in a line. */
interface Layout {
  /** Of the columns. */
  readonly widths: readonly number[];
  readonly areNumbers: readonly boolean[];
  /** What a line takes at most. */
  readonly lineBytes: number;
}

/**
 * Lines, each ended by a line feed; nothing at all for no rows.
 * @param below what a second line says of a row; null = it needs none
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: TableOptions,
  below: ((row: Row) => string | null) | null = null,
): string {
  if (rows.length === 0) return '';
  const table = columns.map((column) => cellsOf(rows, column, options.asOf));
  const heads = columns.map(({ title }) => headOf(options.hasHeaders ? title : ''));
  const layout = layOut(columns, table, heads, options.width);
  const text = formatLines(table, layout, below === null ? null : linesBelow(rows, below, options.width));
  if (!options.hasHeaders) return text;
  const title = formatLines(heads, layout, null).trimEnd();
  return `${options.isColored ? `\x1b[1m${title}\x1b[0m` : title}\n${text}`;
}

function cellsOf<Row>(rows: readonly Row[], column: Column<Row>, asOf: string): CellBytes {
  const cells = new CellBytes(rows.length);
  if (column.fill !== undefined) {
    column.fill(rows, cells);
  } else {
    for (const [i, row] of rows.entries()) cells.textOf[i] = cells.take(cellText(column, row, asOf));
  }
  return cells;
}

function layOut<Row>(
  columns: readonly Column<Row>[],
  table: readonly CellBytes[],
  heads: readonly CellBytes[],
  width: number | null,
): Layout {
  const sizes = table.map((cells, i) => [cells.measure(), heads[i]!.measure()] as const);
  const natural = sizes.map((each) => Math.max(...each.map((size) => size.width)));
  const bytes = sizes.map((each) => Math.max(...each.map((size) => size.bytes)));
  const widths = fitWidths(columns, natural, width);
  return {
    widths,
    areNumbers: columns.map(({ isNumber }) => isNumber === true),
    lineBytes: widths.reduce((sum, each, i) => sum + each + bytes[i]! + gap, 1),
  };
}

function headOf(title: string): CellBytes {
  const cells = new CellBytes(1);
  cells.textOf[0] = cells.take(title);
  return cells;
}

/** One for each row, with its end; empty where a row needs none. */
function linesBelow<Row>(
  rows: readonly Row[],
  below: (row: Row) => string | null,
  width: number | null,
): string[] {
  return rows.map((row) => {
    const text = below(row);
    if (text === null) return '';
    const line = belowMark + plainText(text);
    return `${width === null ? line : cutToWidth(line, width)}\n`;
  });
}

/** Takes cells from the widest shrinkable column until the line fits or nothing more can be taken. */
function fitWidths<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  width: number | null,
): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, 0) + gap * (widths.length - 1) - (width ?? Infinity);
  while (excess > 0) {
    let widest = -1;
    for (const [i, column] of columns.entries()) {
      if (column.canShrink !== true || widths[i]! <= shrunkWidthMin) continue;
      if (widest < 0 || widths[i]! > widths[widest]!) widest = i;
    }
    if (widest < 0) break;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}

/** Without blanks at the ends of lines. @param below what stands under each row */
function formatLines(table: readonly CellBytes[], layout: Layout, below: readonly string[] | null): string {
  const lines = new Lines(table, layout);
  const rows = table[0]!.length;
  for (let row = 0; row < rows; row++) {
    lines.add(row);
    if (below !== null && below[row] !== '') lines.addText(below[row]!);
  }
  return lines.text();
}

/** Puts cells into lines, which are blank to begin with: what stands between cells needs no writing. */
class Lines {
  readonly #table: readonly CellBytes[];
  readonly #layout: Layout;
  readonly #bytes: Buffer;
  #end = 0;
  /** Where what is not in #texts yet begins. */
  #begin = 0;
  /** Lines that are done, where others stand between them. */
  #texts = '';

  constructor(table: readonly CellBytes[], layout: Layout) {
    this.#table = table;
    this.#layout = layout;
    this.#bytes = Buffer.alloc(layout.lineBytes * table[0]!.length, blank);
  }

  add(row: number): void {
    const { widths, areNumbers } = this.#layout;
    const into = this.#bytes;
    const begin = this.#end;
    let at = begin;
    for (let column = 0; column < widths.length; column++) {
      const cells = this.#table[column]!;
      const blanks = widths[column]! - cells.widthOf(row);
      if (blanks < 0) at = this.#writeCut(cells.text(row), widths[column]!, at);
      else if (areNumbers[column]!) at = cells.write(row, into, at + blanks);
      else at = cells.write(row, into, at) + blanks;
      at += gap;
    }
    while (at > begin && into[at - 1] === blank) at--;
    into[at] = lineFeed;
    this.#end = at + 1;
  }

  addText(text: string): void {
    this.#texts += this.#rest() + text;
  }

  text(): string {
    return this.#texts + this.#rest();
  }

  /** @returns where the gap to the next column begins */
  #writeCut(text: string, width: number, at: number): number {
    const cut = cutToWidth(text, width);
    return at + this.#bytes.write(cut, at) + width - displayWidth(cut);
  }

  #rest(): string {
    const text = this.#bytes.toString('utf8', this.#begin, this.#end);
    this.#begin = this.#end;
    return text;
  }
}
