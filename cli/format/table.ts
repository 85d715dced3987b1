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
  const padded = table.map((cells, i) => cells.texts.map((text) => pad(text, widths[i]!, cells)));
  const body = rows.map((row, i) => {
    const line = padded.map((texts) => texts[i]!).join(gap);
    return `${line.trimEnd()}\n${lineBelow(below(row), options.width)}`;
  });
  if (!options.hasHeaders) return body.join('');
  const head = heads.map((text, i) => pad(text, widths[i]!, table[i]!)).join(gap);
  const shownHead = head.trimEnd();
  return `${options.isColored ? `\x1b[1m${shownHead}\x1b[0m` : shownHead}\n${body.join('')}`;
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

function pad(text: string, width: number, { isNumber, widthOf }: Cells): string {
  const isWhole = widthOf(text) <= width;
  const shown = isWhole ? text : cutToWidth(text, width);
  // In UTF-16 units, of which a character may have another number than cells.
  const length = width + shown.length - (isWhole ? widthOf : displayWidth)(shown);
  return isNumber ? shown.padStart(length) : shown.padEnd(length);
}
