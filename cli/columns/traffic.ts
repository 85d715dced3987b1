/** Columns of what was sent each way, of a connection or of all those of an edge. */
import type { Column } from '../format/column.ts';
import { formatBytes } from '../format/quantity.ts';

interface Counted {
  readonly bytesToServer: number | null;
  readonly bytesToClient: number | null;
}

function column(key: keyof Counted, title: string): Column<Counted> {
  return {
    key,
    title,
    value: (row) => row[key],
    text: (row) => formatBytes(row[key]),
    isNumber: true,
    isWide: true,
  };
}

export const trafficColumns: readonly Column<Counted>[] = [
  column('bytesToServer', 'TO SERVER'),
  column('bytesToClient', 'TO CLIENT'),
];
