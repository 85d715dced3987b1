/** Columns of `sockets`: this host's sockets with their owners. */
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { type Column, unknownText } from '../format/column.ts';
import { endpointText } from '../format/ends.ts';
import { containerOf, inodeOf, serviceOf, unitOf } from '../sockets-document.ts';

type Row = OwnedSocket;

/** `java[4121] fd 101`, every owner after the other. */
function ownersText({ owners }: Row): string {
  const [first] = owners;
  if (first === undefined) return unknownText;
  return owners.length === 1 ? ownerText(first) : owners.map(ownerText).join(' ');
}

function ownerText({ process: { comm, pid }, fds }: Owner): string {
  return `${comm}[${pid}] fd ${fds.length === 1 ? fds[0] : fds.join(',')}`;
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
      text: ({ remote }) => (remote.port === 0 ? '*' : endpointText(remote)),
    },
    { key: 'owners', title: 'OWNER', value: ownersText, canShrink: true },
    { key: 'service', title: 'SERVICE', value: serviceOf, canShrink: true, isWide: true },
    { key: 'inode', title: 'INODE', value: inodeOf, isNumber: true, isWide: true },
    { key: 'uid', title: 'UID', value: (row) => row.uid, isNumber: true, isWide: true },
    { key: 'netns', title: 'NETNS', value: (row) => row.netns, isNumber: true, isWide: true },
    {
      key: 'container',
      title: 'CONTAINER',
      value: (row) => containerOf(row)?.slice(0, 12) ?? null,
      isWide: true,
    },
    { key: 'unit', title: 'UNIT', value: unitOf, isWide: true },
  ];
}

/** Keys of columns that show more of a process than its pid and its name. */
export const detailColumns: ReadonlySet<string> = new Set(['service', 'container', 'unit']);
