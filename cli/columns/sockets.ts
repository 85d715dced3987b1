/** Columns of `sockets`: this host's sockets with their owners. */
import { formatEndpoint } from '../../model/endpoint.ts';
import { type IpAddress, isIpv6 } from '../../model/ip.ts';
import type { Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { type CellBytes, noWhole, RepeatedTexts } from '../format/cell-bytes.ts';
import { type Column, unknownText } from '../format/column.ts';
import { containerOf, inodeOf, serviceOf, unitOf } from '../sockets-document.ts';

type Row = OwnedSocket;

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

/** There may be many sockets. Each column has a loop of its own, which V8 fits to what stands in it. */
const fill = {
  protocol: (rows: readonly Row[], cells: CellBytes): void => {
    const texts = new RepeatedTexts(cells, String);
    for (let i = 0; i < rows.length; i++) cells.textOf[i] = texts.of(rows[i]!.protocol);
  },
  state: (rows: readonly Row[], cells: CellBytes): void => {
    const texts = new RepeatedTexts(cells, String);
    for (let i = 0; i < rows.length; i++) cells.textOf[i] = texts.of(rows[i]!.state);
  },
  local: (rows: readonly Row[], cells: CellBytes): void => {
    const texts = new RepeatedTexts(cells, hostText);
    for (let i = 0; i < rows.length; i++) {
      const { ip, port } = rows[i]!.local;
      cells.textOf[i] = texts.of(ip);
      cells.wholeOf[i] = port;
    }
  },
  remote: (rows: readonly Row[], cells: CellBytes): void => {
    const texts = new RepeatedTexts(cells, hostText);
    const nobody = cells.take('*');
    for (let i = 0; i < rows.length; i++) {
      const { ip, port } = rows[i]!.remote;
      cells.textOf[i] = port === 0 ? nobody : texts.of(ip);
      cells.wholeOf[i] = port === 0 ? noWhole : port;
    }
  },
  owners: (rows: readonly Row[], cells: CellBytes): void => {
    const texts = new RepeatedTexts(cells, ownerText);
    for (let i = 0; i < rows.length; i++) {
      const { owners } = rows[i]!;
      const first = owners[0];
      const isOne = first !== undefined && owners.length === 1 && first.fds.length === 1;
      cells.textOf[i] = isOne ? texts.of(first.process) : cells.take(ownersText(rows[i]!));
      cells.wholeOf[i] = isOne ? first.fds[0]! : noWhole;
    }
  },
} as const;

export function socketColumns(): readonly Column<Row>[] {
  return [
    { key: 'protocol', title: 'PROTO', value: (row) => row.protocol, fill: fill.protocol },
    { key: 'state', title: 'STATE', value: (row) => row.state, fill: fill.state },
    { key: 'local', title: 'LOCAL', value: (row) => formatEndpoint(row.local), fill: fill.local },
    { key: 'remote', title: 'REMOTE', value: (row) => formatEndpoint(row.remote), fill: fill.remote },
    {
      key: 'owners',
      title: 'OWNER',
      value: ownersText,
      fill: fill.owners,
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
