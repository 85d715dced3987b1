/** Columns of `sockets`: this host's sockets with their owners. */
import { formatEndpoint } from '../../model/endpoint.ts';
import { type IpAddress, isIpv6 } from '../../model/ip.ts';
import type { Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { type Column, type Filling, unknownText } from '../format/column.ts';
import { type ColumnCells, noWhole, RepeatedTexts } from '../format/table-cells.ts';
import { containerOf, inodeOf, serviceOf, unitOf } from '../sockets-document.ts';

type Row = OwnedSocket;

/** The remote end of what has none. */
const nobody = '*';

/** `java[4121] fd 101`, every owner after the other. */
function ownersText({ owners }: Row): string {
  if (owners.length === 0) return unknownText;
  return owners.map(({ process, fds }) => `${ownerText(process)}${fds.join(',')}`).join(' ');
}

function ownerText({ comm, pid }: Process): string {
  return `${comm}[${pid}] fd `;
}

/** As formatEndpoint, without the port. */
function hostText(ip: IpAddress): string {
  return isIpv6(ip) ? `[${ip}]:` : `${ip}:`;
}

function remoteText({ remote }: Row): string {
  return remote.port === 0 ? nobody : formatEndpoint(remote);
}

/** There may be many sockets, and V8 compiles each loop anew: one loop for all columns takes two thirds of the time. */
const filling: Filling<Row> = {
  keys: ['protocol', 'state', 'local', 'remote', 'owners'],
  fill: (rows, cells) => {
    const [protocol, state, local, remote, owner] = cells as FilledCells;
    const protocols = new RepeatedTexts(protocol, String);
    const states = new RepeatedTexts(state, String);
    const localHosts = new RepeatedTexts(local, hostText);
    const remoteHosts = new RepeatedTexts(remote, hostText);
    const processes = new RepeatedTexts(owner, ownerText);
    const noRemote = remote.take(nobody);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      protocol.textOf[i] = protocols.of(row.protocol);
      state.textOf[i] = states.of(row.state);
      const here = row.local;
      local.textOf[i] = localHosts.of(here.ip);
      local.wholeOf[i] = here.port;
      const there = row.remote;
      remote.textOf[i] = there.port === 0 ? noRemote : remoteHosts.of(there.ip);
      remote.wholeOf[i] = there.port === 0 ? noWhole : there.port;
      const { owners } = row;
      const first = owners[0];
      const isOne = first !== undefined && owners.length === 1 && first.fds.length === 1;
      owner.textOf[i] = isOne ? processes.of(first.process) : owner.take(ownersText(row));
      owner.wholeOf[i] = isOne ? first.fds[0]! : noWhole;
    }
  },
};

/** As many as `filling` has keys. */
type FilledCells = readonly [ColumnCells, ColumnCells, ColumnCells, ColumnCells, ColumnCells];

export function socketColumns(): readonly Column<Row>[] {
  return [
    { key: 'protocol', title: 'PROTO', value: (row) => row.protocol, filling },
    { key: 'state', title: 'STATE', value: (row) => row.state, filling },
    { key: 'local', title: 'LOCAL', value: (row) => formatEndpoint(row.local), filling },
    { key: 'remote', title: 'REMOTE', value: (row) => formatEndpoint(row.remote), text: remoteText, filling },
    {
      key: 'owners',
      title: 'OWNER',
      value: ownersText,
      filling,
      canShrink: true,
    },
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
