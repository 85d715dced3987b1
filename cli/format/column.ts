/** A column of a table: what it shows of a row, for people (text) and for programs (value). */

import type { ColumnCells } from './table-cells.ts';

export type Scalar = string | number | boolean | null;

export interface Column<Row> {
  /** As in the documents, camelCase: the name for --columns and in the head of CSV. */
  readonly key: string;
  /** Head of the column in tables. */
  readonly title: string;
  /** For programs: plain, times in RFC 3339. */
  readonly value: (row: Row) => Scalar;
  /** For people, where that differs. @param asOf time of the document, for ages */
  readonly text?: (row: Row, asOf: string) => string;
  /** How its cells come to be, for people, where there are so many rows that a string for each would be dear. */
  readonly filling?: Filling<Row>;
  /** Right-aligned. */
  readonly isNumber?: true;
  /** Shown by `-o wide` only. */
  readonly isWide?: true;
  /** May be cut when the table is wider than the terminal. Addresses and numbers never are. */
  readonly canShrink?: true;
}

/** Fills several columns in one go over all rows. Says what each would say cell by cell. */
export interface Filling<Row> {
  /** Of the columns, all of which have this filling. */
  readonly keys: readonly string[];
  /** @param cells of each column, in the order of the keys */
  readonly fill: (rows: readonly Row[], cells: readonly ColumnCells[]) => void;
}

/** What a person sees where nothing is known. */
export const unknownText = '-';

export function cellText<Row>(column: Column<Row>, row: Row, asOf: string): string {
  if (column.text !== undefined) return column.text(row, asOf);
  const value = column.value(row);
  return value === null || value === '' ? unknownText : String(value);
}

/** No column has that key. The message lists those there are. */
export class UnknownColumn extends Error {
  override readonly name = 'UnknownColumn';
}

/** The columns by their keys, in that order. Throws UnknownColumn. */
export function pickColumns<Row>(columns: readonly Column<Row>[], keys: readonly string[]): Column<Row>[] {
  return keys.map((key) => {
    const column = columns.find((candidate) => candidate.key === key);
    if (column !== undefined) return column;
    const known = columns.map((candidate) => candidate.key).join(', ');
    throw new UnknownColumn(`--columns: there is no ${JSON.stringify(key)}; there are ${known}`);
  });
}
