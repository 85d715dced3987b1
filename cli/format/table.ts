/** Aligned tables for people. */
import { type Column, cellText } from './column.ts';
import { cutToWidth, displayWidth, isPrintableAscii, plainText } from './plain-text.ts';

export interface TableOptions {
  readonly asOf: string;
  readonly hasHeaders: boolean;
  /** Cells per line; null = as wide as it gets. */
  readonly width: number | null;
  readonly isColored: boolean;
}

const gap = '  ';

/** What a second line begins with. */
const belowMark = '  └ ';

/** A column that shrinks keeps this many cells. */
const shrunkWidthMin = 8;

/** How many rows are made to text at a time: what is over at once needs no collecting, and of a long table that is much. */
const rowsPerBlock = 256;

/** A column of some rows as a terminal shows it. */
interface Cells {
  readonly texts: readonly string[];
  /** Cells that a terminal takes for one of the texts. */
  readonly widthOf: (text: string) => number;
}

/** Where everything stands in a line. */
interface Layout {
  /** Of the columns. */
  readonly widths: readonly number[];
  readonly areNumbers: readonly boolean[];
  /** So many blanks as the index says. */
  readonly blanks: readonly string[];
}

/**
 * Lines, each ended by a line feed; nothing at all for no rows.
 * @param below what a second line says of a row; null = it needs none
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: TableOptions,
  below: (row: Row) => string | null = () => null,
): string {
  if (rows.length === 0) return '';
  const heads = columns.map((column) => (options.hasHeaders ? column.title : ''));
  const blocks = blocksOf(rows);
  const tableOf = (block: readonly Row[]): Cells[] =>
    columns.map((column) => cellsOf(block, column, options.asOf));
  const natural = heads.map(displayWidth);
  for (const block of blocks) widen(natural, tableOf(block));
  const widths = fitWidths(columns, natural, options.width);
  const areNumbers = columns.map(({ isNumber }) => isNumber === true);
  const layout = { widths, areNumbers, blanks: blanksUpTo(Math.max(...widths)) };
  const texts = blocks.map((block) =>
    formatLines(tableOf(block), layout, (i) => lineBelow(below(block[i]!), options.width)),
  );
  if (!options.hasHeaders) return texts.join('');
  const table = heads.map((head) => ({ texts: [head], widthOf: displayWidth }));
  const head = formatLines(table, layout, () => '').trimEnd();
  return `${options.isColored ? `\x1b[1m${head}\x1b[0m` : head}\n${texts.join('')}`;
}

function blocksOf<Row>(rows: readonly Row[]): (readonly Row[])[] {
  const blocks = Math.ceil(rows.length / rowsPerBlock);
  return Array.from({ length: blocks }, (_, i) => rows.slice(i * rowsPerBlock, (i + 1) * rowsPerBlock));
}

/** Whether there is anything to be escaped or measured is soon told of many cells at once; mostly there is not. */
function cellsOf<Row>(rows: readonly Row[], column: Column<Row>, asOf: string): Cells {
  const texts = rows.map((row) => cellText(column, row, asOf));
  if (isPrintableAscii(texts.join(''))) return { texts, widthOf: (text) => text.length };
  return { texts: texts.map(plainText), widthOf: displayWidth };
}

function lineBelow(text: string | null, width: number | null): string {
  if (text === null) return '';
  const line = belowMark + plainText(text);
  return `${width === null ? line : cutToWidth(line, width)}\n`;
}

/** Makes columns as wide as their cells. */
function widen(widths: number[], table: readonly Cells[]): void {
  for (const [i, { texts, widthOf }] of table.entries()) {
    for (const text of texts) widths[i] = Math.max(widths[i]!, widthOf(text));
  }
}

/** Takes cells from the widest shrinkable column until the line fits or nothing more can be taken. */
function fitWidths<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  width: number | null,
): number[] {
  const widths = [...natural];
  let excess =
    widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) - (width ?? Infinity);
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

/** Without blanks at the ends of lines. @param below what stands under the row with that index */
function formatLines(table: readonly Cells[], layout: Layout, below: (row: number) => string): string {
  const parts: string[] = [];
  for (let row = 0; row < table[0]!.texts.length; row++) {
    let last = table.length - 1;
    let end = cellAt(table, layout, last, row).trimEnd();
    while (end === '' && last > 0) end = cellAt(table, layout, --last, row).trimEnd();
    for (let column = 0; column < last; column++) {
      const text = cellAt(table, layout, column, row);
      const blanks = blanksBeside(text, table, layout, column);
      if (layout.areNumbers[column]!) parts.push(blanks, text, gap);
      else parts.push(text, blanks, gap);
    }
    if (layout.areNumbers[last]!) parts.push(blanksBeside(end, table, layout, last));
    parts.push(end, '\n', below(row));
  }
  return parts.join('');
}

function cellAt(table: readonly Cells[], { widths }: Layout, column: number, row: number): string {
  const { texts, widthOf } = table[column]!;
  const text = texts[row]!;
  return widthOf(text) <= widths[column]! ? text : cutToWidth(text, widths[column]!);
}

function blanksBeside(
  text: string,
  table: readonly Cells[],
  { widths, blanks }: Layout,
  column: number,
): string {
  return blanks[widths[column]! - table[column]!.widthOf(text)]!;
}

function blanksUpTo(width: number): string[] {
  return Array.from({ length: width + 1 }, (_, length) => ' '.repeat(length));
}
