/** Aligned tables for people. */
import { type Column, cellText, type Filling } from './column.ts';
import { cutToWidth, plainText } from './plain-text.ts';
import { type CellSize, TableCells } from './table-cells.ts';
import { gap, type Layout, linesOf } from './table-lines.ts';

export interface TableOptions {
  readonly asOf: string;
  readonly hasHeaders: boolean;
  /** Cells per line; null = as wide as it gets. */
  readonly width: number | null;
  readonly isColored: boolean;
}

/** What a second line begins with. */
const belowMark = '  └ ';

/** A column that shrinks keeps this many cells. */
const shrunkWidthMin = 8;

/** The surplus of the ellipsis in which a cell ends that is cut. */
const ellipsisSurplus = 2;

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
  const cells = cellsOf(rows, columns, options.asOf);
  const heads = headsOf(columns, options.hasHeaders);
  const layout = layOut(columns, [cells.sizes(), heads.sizes()], options.width);
  const lines = below === null ? linesOf(cells, layout, 0, rows.length) : '';
  const text = below === null ? lines : withLinesBelow(cells, layout, linesBelow(rows, below, options.width));
  if (!options.hasHeaders) return text;
  const title = linesOf(heads, layout, 0, 1).trimEnd();
  return `${options.isColored ? `\x1b[1m${title}\x1b[0m` : title}\n${text}`;
}

function cellsOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[], asOf: string): TableCells {
  const cells = new TableCells(rows.length, columns.length);
  const fillings = new Set<Filling<Row>>();
  for (const [i, column] of columns.entries()) {
    if (column.filling !== undefined && columns.indexOf(column) === i) {
      fillings.add(column.filling);
    } else {
      const own = cells.column(i);
      for (const [row, each] of rows.entries()) own.textOf[row] = own.take(cellText(column, each, asOf));
    }
  }
  for (const filling of fillings) fillAtOnce(rows, columns, cells, filling);
  return cells;
}

/** What is not shown is filled all the same, and left. */
function fillAtOnce<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  cells: TableCells,
  { keys, fill }: Filling<Row>,
): void {
  const places = keys.map((key) => columns.findIndex((column) => column.key === key));
  fill(
    rows,
    places.map((place) => (place < 0 ? new TableCells(rows.length, 1).column(0) : cells.column(place))),
  );
}

function headsOf<Row>(columns: readonly Column<Row>[], hasHeaders: boolean): TableCells {
  const heads = new TableCells(1, columns.length);
  for (const [i, { title }] of columns.entries()) {
    const own = heads.column(i);
    own.textOf[0] = own.take(hasHeaders ? title : '');
  }
  return heads;
}

/** @param sizes of the cells, and of the heads */
function layOut<Row>(
  columns: readonly Column<Row>[],
  sizes: readonly (readonly CellSize[])[],
  width: number | null,
): Layout {
  const greatest = (key: keyof CellSize): number[] => {
    return columns.map((_, i) => Math.max(...sizes.map((each) => each[i]![key])));
  };
  const [natural, surplus] = [greatest('width'), greatest('surplus')];
  const widths = fitWidths(columns, natural, width);
  return {
    widths,
    areNumbers: columns.map(({ isNumber }) => isNumber === true),
    lineBytes: widths.reduce((sum, each, i) => sum + each + surplus[i]! + ellipsisSurplus + gap, 1),
  };
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

/** @param below what stands under each row */
function withLinesBelow(cells: TableCells, layout: Layout, below: readonly string[]): string {
  return below.map((line, row) => linesOf(cells, layout, row, row + 1) + line).join('');
}
