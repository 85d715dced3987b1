/** Columns of the peers in `to` (clients) and `from` (servers). */
import type { PeerDocument } from '../../model/document.ts';
import { formatAge } from '../format/age.ts';
import type { Column } from '../format/column.ts';
import { processText } from '../format/ends.ts';

/** Why the row's own end is missing; where it is the other that is missing, which end was seen. */
function seenText(side: 'client' | 'server', { seen, unseenBecause }: PeerDocument): string {
  return seen === 'both' || seen === side ? seen : (unseenBecause ?? seen);
}

/** @param side the end that each row describes */
export function peerColumns(side: 'client' | 'server'): readonly Column<PeerDocument>[] {
  return [
    { key: 'service', title: side.toUpperCase(), value: (row) => row.service, canShrink: true },
    { key: 'host', title: 'HOST', value: (row) => row.host, canShrink: true },
    {
      key: 'process',
      title: 'PROCESS',
      value: (row) => row.process,
      text: processText,
      canShrink: true,
    },
    { key: 'user', title: 'USER', value: (row) => row.user, canShrink: true },
    { key: 'ip', title: 'ADDRESS', value: (row) => row.ip },
    { key: 'port', title: 'PORT', value: (row) => row.port, isNumber: true },
    { key: 'open', title: 'OPEN', value: (row) => row.open, isNumber: true },
    { key: 'connections', title: 'ALL', value: (row) => row.connections, isNumber: true },
    {
      key: 'seen',
      title: 'SEEN',
      value: (row) => row.seen,
      text: (row) => seenText(side, row),
    },
    { key: 'protocol', title: 'PROTO', value: (row) => row.protocol, isWide: true },
    { key: 'pid', title: 'PID', value: (row) => row.pid, isNumber: true, isWide: true },
    { key: 'unseenBecause', title: 'UNSEEN', value: (row) => row.unseenBecause, isWide: true },
    {
      key: 'firstSeenAt',
      title: 'FIRST',
      value: (row) => row.firstSeenAt,
      text: (row, asOf) => formatAge(row.firstSeenAt, asOf),
      isNumber: true,
      isWide: true,
    },
    {
      key: 'lastSeenAt',
      title: 'LAST',
      value: (row) => row.lastSeenAt,
      text: (row, asOf) => formatAge(row.lastSeenAt, asOf),
      isNumber: true,
      isWide: true,
    },
    { key: 'dialed', title: 'DIALED', value: (row) => row.dialed, isWide: true },
  ];
}
