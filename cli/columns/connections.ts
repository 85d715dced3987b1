/** Columns of `connections`: both ends of each, 80 cells wide, and all that is known behind `-o wide`. */
import type { ConnectionDocument, EndDocument } from '../../model/document.ts';
import { formatAge } from '../format/age.ts';
import type { Column } from '../format/column.ts';
import { endName, endpointText, fdsText, processText } from '../format/ends.ts';
import { formatMicroseconds } from '../format/quantity.ts';
import { trafficColumns } from './traffic.ts';

type Row = ConnectionDocument;

/** The columns of one end; keys are those of the document behind `client.` or `server.`. */
function endColumns(
  side: 'client' | 'server',
): Record<'name' | 'address' | 'process' | 'fds' | 'user' | 'unit', Column<Row>> {
  const title = side.toUpperCase();
  const end = (row: Row): EndDocument => row[side];
  return {
    name: { key: side, title, value: (row) => endName(end(row)), canShrink: true },
    address: {
      key: `${side}.address`,
      title: side === 'client' ? 'FROM' : 'TO',
      value: (row) => endpointText(end(row)),
    },
    process: {
      key: `${side}.process`,
      title: `${title} PROCESS`,
      value: (row) => end(row).process,
      text: (row) => processText(end(row)),
      isWide: true,
    },
    fds: {
      key: `${side}.fds`,
      title: 'FD',
      value: (row) => end(row).fds.join(' '),
      text: (row) => fdsText(end(row).fds),
      isWide: true,
    },
    user: { key: `${side}.user`, title: 'USER', value: (row) => end(row).user, isWide: true },
    unit: {
      key: `${side}.unit`,
      title: 'UNIT',
      value: (row) => end(row).containerName ?? end(row).container?.slice(0, 12) ?? end(row).unit,
      isWide: true,
    },
  };
}

export function connectionColumns(): readonly Column<Row>[] {
  const client = endColumns('client');
  const server = endColumns('server');
  return [
    client.name,
    client.address,
    server.name,
    server.address,
    { key: 'state', title: 'STATE', value: (row) => row.state },
    { key: 'seen', title: 'SEEN', value: (row) => row.seen },
    { key: 'protocol', title: 'PROTO', value: (row) => row.protocol, isWide: true },
    { key: 'direction', title: 'DIRECTION', value: (row) => row.direction, isWide: true },
    { key: 'unseenBecause', title: 'UNSEEN', value: (row) => row.unseenBecause, isWide: true },
    client.process,
    client.fds,
    client.user,
    client.unit,
    server.process,
    server.fds,
    server.user,
    server.unit,
    {
      key: 'openedAt',
      title: 'OPENED',
      value: (row) => row.openedAt,
      text: (row, asOf) => formatAge(row.openedAt, asOf),
      isNumber: true,
      isWide: true,
    },
    { key: 'id', title: 'ID', value: (row) => row.id, isWide: true },
    { key: 'nat.clientDialed', title: 'DIALED', value: (row) => row.nat?.clientDialed ?? null, isWide: true },
    { key: 'nat.serverSaw', title: 'ARRIVES FROM', value: (row) => row.nat?.serverSaw ?? null, isWide: true },
    ...trafficColumns,
    {
      key: 'rttUs',
      title: 'RTT',
      value: (row) => row.rttUs,
      text: (row) => formatMicroseconds(row.rttUs),
      isNumber: true,
      isWide: true,
    },
    { key: 'retransmits', title: 'RESENT', value: (row) => row.retransmits, isNumber: true, isWide: true },
  ];
}
