/** Prints rows in the format that was asked for. */
import { usageFailure } from './exit.ts';
import { type Column, pickColumns, UnknownColumn } from './format/column.ts';
import { formatCsv } from './format/csv.ts';
import { formatJson, formatNdjson } from './format/json.ts';
import type { ListFormat } from './format/output-format.ts';
import { plainText } from './format/plain-text.ts';
import { formatTable, type TableOptions } from './format/table.ts';
import type { CommonSettings } from './invocation.ts';
import type { CliIo } from './io.ts';

/** Cells of a terminal that does not tell its width. */
const terminalColumnsDefault = 80;

/** Width of tables: COLUMNS, else the terminal's; a pipe takes lines of any length. null = any. */
export function tableWidth(io: CliIo): number | null {
  const columns = Number(io.env['COLUMNS']);
  if (Number.isInteger(columns) && columns > 0) return columns;
  return io.isTerminal ? (io.terminalColumns ?? terminalColumnsDefault) : null;
}

/** `--color` over NO_COLOR over "only on a terminal". */
export function isColored(io: CliIo, color: CommonSettings['color']): boolean {
  if (color !== 'auto') return color === 'always';
  return io.isTerminal && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb';
}

/** The columns that were asked for, or those of the format. Throws a usage failure for an unknown one. */
export function chosenColumns<Row>(
  columns: readonly Column<Row>[],
  settings: CommonSettings,
  format: ListFormat,
): readonly Column<Row>[] {
  try {
    if (settings.columns.length > 0) return pickColumns(columns, settings.columns);
  } catch (error) {
    if (error instanceof UnknownColumn) throw usageFailure(error.message);
    throw error;
  }
  return format === 'table' ? columns.filter((column) => column.isWide !== true) : columns;
}

export function tableOptions(
  io: CliIo,
  settings: CommonSettings,
  format: ListFormat,
  asOf: string,
): TableOptions {
  return {
    asOf,
    hasHeaders: settings.headers,
    width: format === 'wide' ? null : tableWidth(io),
    isColored: isColored(io, settings.color),
  };
}

export interface Listing<Row> {
  /** The whole document, for `json`. */
  readonly document: { readonly asOf: string };
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** What a table says of a row on a second line, where wider formats have columns for it. */
  readonly below?: (row: Row) => string | null;
}

/** The second lines of a table: none where somebody chose the columns, or has them all. */
export function linesBelow<Row>(
  below: ((row: Row) => string | null) | undefined,
  settings: CommonSettings,
  format: ListFormat,
): ((row: Row) => string | null) | undefined {
  return format === 'table' && settings.columns.length === 0 ? below : undefined;
}

/** The text of a listing in a format. */
export function formatListing<Row extends object>(
  io: CliIo,
  settings: CommonSettings,
  format: ListFormat,
  { document, rows, columns, below }: Listing<Row>,
): string {
  switch (format) {
    case 'json':
      return formatJson(document);
    case 'ndjson':
      return formatNdjson(rows);
    case 'csv': {
      const csv = formatCsv(rows, chosenColumns(columns, settings, format), settings.headers);
      // Programs get every value as it is; a terminal would act upon some.
      return io.isTerminal ? csv.split('\r\n').map(plainText).join('\r\n') : csv;
    }
    case 'table':
    case 'wide': {
      const chosen = chosenColumns(columns, settings, format);
      const options = tableOptions(io, settings, format, document.asOf);
      return formatTable(rows, chosen, options, linesBelow(below, settings, format));
    }
  }
}
