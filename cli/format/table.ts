/** Aligned tables for people. */
import { type Column, cellText } from './column.ts';
import { cutToWidth, displayWidth, plainText } from './plain-text.ts';

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
  const cells = rows.map((row) => columns.map((column) => plainText(cellText(column, row, options.asOf))));
  const widths = fitWidths(columns, naturalWidths(heads, cells), options.width);
  const line = (row: readonly string[]): string => `${formatLine(row, columns, widths)}\n`;
  const body = cells.map((row, i) => line(row) + lineBelow(below(rows[i]!), options.width)).join('');
  if (!options.hasHeaders) return body;
  const head = formatLine(heads, columns, widths);
  return `${options.isColored ? `\x1b[1m${head}\x1b[0m` : head}\n${body}`;
}

function lineBelow(text: string | null, width: number | null): string {
  if (text === null) return '';
  const line = belowMark + plainText(text);
  return `${width === null ? line : cutToWidth(line, width)}\n`;
}

function naturalWidths(heads: readonly string[], lines: readonly (readonly string[])[]): number[] {
  const widths = heads.map(displayWidth);
  for (const line of lines) {
    for (const [i, cell] of line.entries()) widths[i] = Math.max(widths[i]!, displayWidth(cell));
  }
  return widths;
}

/** Takes cells from the widest shrinkable column until the line fits or nothing more can be taken. */
function fitWidths<Row>(columns: readonly Column<Row>[], natural: number[], width: number | null): number[] {
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

function formatLine<Row>(
  cells: readonly string[],
  columns: readonly Column<Row>[],
  widths: readonly number[],
): string {
  const padded = cells.map((cell, i) => {
    const text = cutToWidth(cell, widths[i]!);
    // In UTF-16 units, of which a character may have another number than cells.
    const length = widths[i]! + text.length - displayWidth(text);
    return columns[i]!.isNumber === true ? text.padStart(length) : text.padEnd(length);
  });
  return padded.join(gap).trimEnd();
}
