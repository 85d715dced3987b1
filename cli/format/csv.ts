/**
 * Comma-separated values as RFC 4180 has them: CRLF, quotes doubled. Unknown values are empty.
 *
 * What a terminal would act upon is escaped as in tables, but for the ends of lines. A text that a spreadsheet would take for a formula
 * begins with an apostrophe, by which spreadsheets know a text.
 */
import { type Column, type Scalar, unknownText } from './column.ts';
import { plainText } from './plain-text.ts';

export function formatCsv<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  hasHeaders: boolean,
): string {
  const heads = hasHeaders ? [columns.map((column) => column.key)] : [];
  const lines = rows.map((row) => columns.map((column) => textOf(column.value(row))));
  return [...heads, ...lines].map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

/** A word behind a hyphen, such as the name of a login shell, computes nothing. */
const formula = /^[=+@\t\r]|^-(?![a-z]+$)/;

/** Numbers are no formulas, whatever they begin with. */
function textOf(value: Scalar): string {
  if (typeof value !== 'string') return String(value ?? '');
  const text = value.replaceAll(/[^\t\r\n]+/g, plainText);
  return formula.test(text) && text !== unknownText ? `'${text}` : text;
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
