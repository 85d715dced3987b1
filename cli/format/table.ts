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

/** A column of the table as it is shown, its head left out. */
interface Cells {
  /** Fit for a terminal, one for each row. */
  readonly texts: readonly string[];
  readonly isNumber: boolean;
  readonly canShrink: boolean;
  /** Cells that a terminal takes for one of the texts. */
  readonly widthOf: (text: string) => number;
}

/** Where everything stands in a line. */
interface Layout {
  readonly table: readonly Cells[];
  /** Of the columns. */
  readonly widths: readonly number[];
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
  const table = columns.map((column) => cellsOf(rows, column, options.asOf));
  const widths = fitWidths(table, naturalWidths(heads, table), options.width);
  const layout = { table, widths, blanks: blanksUpTo(Math.max(...widths)) };
  const parts: string[] = [];
  if (options.hasHeaders) {
    pushLine(parts, layout, (column) => heads[column]!);
    const head = parts.splice(0).join('');
    parts.push(options.isColored ? `\x1b[1m${head}\x1b[0m` : head, '\n');
  }
  for (let i = 0; i < rows.length; i++) {
    pushLine(parts, layout, (column) => table[column]!.texts[i]!);
    parts.push('\n', lineBelow(below(rows[i]!), options.width));
  }
  return parts.join('');
}

function cellsOf<Row>(rows: readonly Row[], column: Column<Row>, asOf: string): Cells {
  const texts = rows.map((row) => cellText(column, row, asOf));
  const shape = { isNumber: column.isNumber === true, canShrink: column.canShrink === true };
  if (isPrintableAscii(texts.join(''))) return { ...shape, texts, widthOf: (text) => text.length };
  return { ...shape, texts: texts.map(plainText), widthOf: displayWidth };
}

function lineBelow(text: string | null, width: number | null): string {
  if (text === null) return '';
  const line = belowMark + plainText(text);
  return `${width === null ? line : cutToWidth(line, width)}\n`;
}

function naturalWidths(heads: readonly string[], table: readonly Cells[]): number[] {
  return table.map(({ texts, widthOf }, i) => {
    let width = displayWidth(heads[i]!);
    for (const text of texts) width = Math.max(width, widthOf(text));
    return width;
  });
}

/** Takes cells from the widest shrinkable column until the line fits or nothing more can be taken. */
function fitWidths(table: readonly Cells[], natural: readonly number[], width: number | null): number[] {
  const widths = [...natural];
  let excess =
    widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) - (width ?? Infinity);
  while (excess > 0) {
    let widest = -1;
    for (const [i, { canShrink }] of table.entries()) {
      if (!canShrink || widths[i]! <= shrunkWidthMin) continue;
      if (widest < 0 || widths[i]! > widths[widest]!) widest = i;
    }
    if (widest < 0) break;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}

/** Appends the parts of a line, without blanks at its end. Lines of their own would be made only to be copied. */
function pushLine(
  parts: string[],
  { table, widths, blanks }: Layout,
  textOf: (column: number) => string,
): void {
  let last = table.length - 1;
  while (last > 0 && textOf(last).trimEnd() === '') last--;
  for (let column = 0; column <= last; column++) {
    const { isNumber, widthOf } = table[column]!;
    const width = widths[column]!;
    const whole = textOf(column);
    const text = widthOf(whole) <= width ? whole : cutToWidth(whole, width);
    const missing = blanks[width - widthOf(text)]!;
    if (isNumber) parts.push(missing);
    if (column === last) parts.push(text.trimEnd());
    else parts.push(text, isNumber ? '' : missing, gap);
  }
}

function blanksUpTo(width: number): string[] {
  return Array.from({ length: width + 1 }, (_, length) => ' '.repeat(length));
}
