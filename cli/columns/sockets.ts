/** Columns of `sockets`: this host's sockets with their owners. */
import type { SocketDocument } from '../../model/document.ts';
import { type Column, unknownText } from '../format/column.ts';
import { endpointText } from '../format/ends.ts';

type Row = SocketDocument;

/** `java[4121] fd 101`, every owner after the other. */
function ownersText(row: Row): string {
  if (row.owners.length === 0) return unknownText;
  return row.owners.map(({ process, pid, fds }) => `${process}[${pid}] fd ${fds.join(',')}`).join(' ');
}

export function socketColumns(): readonly Column<Row>[] {
  return [
    { key: 'protocol', title: 'PROTO', value: (row) => row.protocol },
    { key: 'state', title: 'STATE', value: (row) => row.state },
    { key: 'local', title: 'LOCAL', value: (row) => endpointText(row.local) },
    {
      key: 'remote',
      title: 'REMOTE',
      value: (row) => endpointText(row.remote),
      text: (row) => (row.remote.port === 0 ? '*' : endpointText(row.remote)),
    },
    { key: 'owners', title: 'OWNER', value: ownersText, canShrink: true },
    { key: 'service', title: 'SERVICE', value: (row) => row.service, canShrink: true, isWide: true },
    { key: 'inode', title: 'INODE', value: (row) => row.inode, isNumber: true, isWide: true },
    { key: 'uid', title: 'UID', value: (row) => row.uid, isNumber: true, isWide: true },
    { key: 'netns', title: 'NETNS', value: (row) => row.netns, isNumber: true, isWide: true },
    {
      key: 'container',
      title: 'CONTAINER',
      value: (row) => row.container?.slice(0, 12) ?? null,
      isWide: true,
    },
    { key: 'unit', title: 'UNIT', value: (row) => row.unit, isWide: true },
  ];
}
