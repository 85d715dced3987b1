/** Comma-separated values as RFC 4180 has them: CRLF, quotes doubled. Unknown values are empty. */
import type { Column } from './column.ts';

export function formatCsv<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  hasHeaders: boolean,
): string {
  const heads = hasHeaders ? [columns.map((column) => column.key)] : [];
  const lines = rows.map((row) => columns.map((column) => String(column.value(row) ?? '')));
  return [...heads, ...lines].map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
