/** Columns of `hosts`: state, losses, and how many of a host's connections have both their ends. */
import type { HostDocument } from '../../model/document.ts';
import { formatAge } from '../format/age.ts';
import { type Column, unknownText } from '../format/column.ts';

type Row = HostDocument;

/** Share of open connections with both ends seen, in per cent. */
function matchText(row: Row): string {
  return row.connections === 0 ? unknownText : `${Math.floor((100 * row.match.both) / row.connections)}%`;
}

function offsetText(row: Row): string {
  return row.clockOffsetMs === null ? unknownText : `${Math.round(row.clockOffsetMs)}ms`;
}

export function hostColumns(): readonly Column<Row>[] {
  return [
    { key: 'host', title: 'HOST', value: (row) => row.host, canShrink: true },
    { key: 'state', title: 'STATE', value: (row) => row.state },
    {
      key: 'lastSeenAt',
      title: 'LAST',
      value: (row) => row.lastSeenAt,
      text: (row, asOf) => formatAge(row.lastSeenAt, asOf),
      isNumber: true,
    },
    {
      key: 'clockOffsetMs',
      title: 'OFFSET',
      value: (row) => row.clockOffsetMs,
      text: offsetText,
      isNumber: true,
    },
    { key: 'lostEvents', title: 'LOST', value: (row) => row.lostEvents, isNumber: true },
    { key: 'gaps', title: 'GAPS', value: (row) => row.gaps.length, isNumber: true },
    { key: 'connections', title: 'CONNS', value: (row) => row.connections, isNumber: true },
    { key: 'match', title: 'MATCHED', value: matchText, isNumber: true },
    { key: 'addresses', title: 'ADDRESSES', value: (row) => row.addresses.join(' '), canShrink: true },
    { key: 'realm', title: 'REALM', value: (row) => row.realm, isWide: true },
    { key: 'collector', title: 'COLLECTOR', value: (row) => row.collector, isWide: true },
    { key: 'events', title: 'EVENTS', value: (row) => row.events, isWide: true },
    {
      key: 'intervalMs',
      title: 'EVERY',
      value: (row) => row.intervalMs,
      text: (row) => `${row.intervalMs / 1000}s`,
      isNumber: true,
      isWide: true,
    },
    { key: 'agentVersion', title: 'AGENT', value: (row) => row.agentVersion, isWide: true },
    { key: 'cannotSee', title: 'CANNOT SEE', value: (row) => row.cannotSee.join(' '), isWide: true },
    { key: 'hostId', title: 'HOST ID', value: (row) => row.hostId, isWide: true },
  ];
}
