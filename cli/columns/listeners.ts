/** Columns of `listeners`, and of the listeners in `to`. */
import type { EndDocument, ListenerDocument } from '../../model/document.ts';
import type { Column } from '../format/column.ts';
import { endpointText, fdsText, ownersText } from '../format/ends.ts';

export function listenerEndColumns(): readonly Column<EndDocument>[] {
  return [
    { key: 'service', title: 'LISTENER', value: (row) => row.service, canShrink: true },
    { key: 'host', title: 'HOST', value: (row) => row.host, canShrink: true },
    {
      key: 'process',
      title: 'PROCESS',
      value: (row) => row.process,
      text: (row) => ownersText(row.owners),
      canShrink: true,
    },
    { key: 'user', title: 'USER', value: (row) => row.user, canShrink: true },
    { key: 'address', title: 'LISTENS ON', value: endpointText },
    {
      key: 'fds',
      title: 'FD',
      value: (row) => row.fds.join(' '),
      text: (row) => fdsText(row.fds),
      isWide: true,
    },
    { key: 'exe', title: 'EXE', value: (row) => row.exe, isWide: true },
    {
      key: 'container',
      title: 'CONTAINER',
      value: (row) => row.containerName ?? row.container?.slice(0, 12) ?? null,
      isWide: true,
    },
    { key: 'unit', title: 'UNIT', value: (row) => row.unit, isWide: true },
    { key: 'realm', title: 'REALM', value: (row) => row.realm, isWide: true },
  ];
}

export function listenerColumns(): readonly Column<ListenerDocument>[] {
  return [
    ...listenerEndColumns().filter((column) => column.isWide !== true),
    { key: 'protocol', title: 'PROTO', value: (row) => row.protocol },
    { key: 'clients', title: 'CLIENTS', value: (row) => row.clients, isNumber: true },
    { key: 'open', title: 'OPEN', value: (row) => row.open, isNumber: true },
    ...listenerEndColumns().filter((column) => column.isWide === true),
  ];
}
