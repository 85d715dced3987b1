/** `sort` of a request: rows by one field, numbers as numbers and texts with their digits counted as numbers. */
import { InvalidRequest } from './request.ts';

/** Fields by which rows can be sorted, and how a row shows each. */
export type SortFields<Row> = Readonly<Record<string, (row: Row) => string | number | null>>;

/**
 * Rows in the asked order; in their own when none is asked. Rows without a value come last. Stable.
 * @throws InvalidRequest when there is no such field
 */
export function sortRows<Row>(rows: readonly Row[], sort: string, fields: SortFields<Row>): readonly Row[] {
  return sort === '' ? rows : rows.toSorted(rowOrder(sort, fields));
}

/** The asked order, in which all are equal when none is asked. Throws as sortRows does. */
export function rowOrder<Row>(sort: string, fields: SortFields<Row>): (a: Row, b: Row) => number {
  if (sort === '') return () => 0;
  const isReversed = sort.startsWith('-');
  const name = isReversed ? sort.slice(1) : sort;
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined) {
    throw new InvalidRequest(
      `no field ${JSON.stringify(name.slice(0, 40))} to sort by; there are ${Object.keys(fields).join(', ')}`,
    );
  }
  const collator = new Intl.Collator('en', { numeric: true });
  return (a, b) => compare(value(a), value(b), isReversed, collator);
}

function compare(
  a: string | number | null,
  b: string | number | null,
  isReversed: boolean,
  collator: Intl.Collator,
): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order =
    typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
  return isReversed ? -order : order;
}
