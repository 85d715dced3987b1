/** Columns of `services`. */
import type { ServiceDocument } from '../../model/document.ts';
import type { Column } from '../format/column.ts';

type Row = ServiceDocument;

function portsText(row: Row): string {
  return row.listens
    .map(({ port, protocol }) => (protocol === 'tcp' ? `${port}` : `${port}/${protocol}`))
    .join(' ');
}

export function serviceColumns(): readonly Column<Row>[] {
  return [
    { key: 'service', title: 'SERVICE', value: (row) => row.service, canShrink: true },
    { key: 'instances', title: 'INSTANCES', value: (row) => row.instances, isNumber: true },
    { key: 'clients', title: 'CLIENTS', value: (row) => row.clients, isNumber: true },
    { key: 'servers', title: 'SERVERS', value: (row) => row.servers, isNumber: true },
    { key: 'listens', title: 'LISTENS', value: portsText, canShrink: true },
    {
      key: 'hosts',
      title: 'HOSTS',
      value: (row) => row.hosts.join(' '),
      text: (row) => (row.observed ? row.hosts.join(' ') : 'no agent'),
      canShrink: true,
    },
  ];
}
