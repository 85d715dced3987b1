/** Columns of `map` and `deps`. */
import type { EdgeDocument } from '../../model/document.ts';
import { formatAge } from '../format/age.ts';
import type { Column } from '../format/column.ts';
import { trafficColumns } from './traffic.ts';

type Row = EdgeDocument;

/** `both`, or how many of the connections were seen from one end only. */
function seenText({ seen }: Row): string {
  const oneSided = seen.client + seen.server;
  if (oneSided === 0) return 'both';
  if (seen.both === 0) return seen.client > 0 && seen.server === 0 ? 'client' : 'server';
  return `${oneSided} one-sided`;
}

export function edgeColumns(): readonly Column<Row>[] {
  return [
    { key: 'client', title: 'CLIENT', value: (row) => row.client, canShrink: true },
    { key: 'server', title: 'SERVER', value: (row) => row.server, canShrink: true },
    { key: 'port', title: 'PORT', value: (row) => row.port, isNumber: true },
    { key: 'protocol', title: 'PROTO', value: (row) => row.protocol },
    { key: 'open', title: 'OPEN', value: (row) => row.open, isNumber: true },
    { key: 'total', title: 'ALL', value: (row) => row.total, isNumber: true },
    { key: 'seen', title: 'SEEN', value: seenText },
    {
      key: 'lastSeenAt',
      title: 'LAST',
      value: (row) => row.lastSeenAt,
      text: (row, asOf) => formatAge(row.lastSeenAt, asOf),
      isNumber: true,
    },
    {
      key: 'firstSeenAt',
      title: 'FIRST',
      value: (row) => row.firstSeenAt,
      text: (row, asOf) => formatAge(row.firstSeenAt, asOf),
      isNumber: true,
      isWide: true,
    },
    ...trafficColumns,
  ];
}
