/** Which listener stands behind an end of a connection, reported or not. */
import type { Side } from '../../model/four-tuple.ts';
import type { AddressClaims } from './address-claims.ts';
import { type Connection, otherSide } from './connection.ts';
import type { Listeners } from './listeners.ts';
import type { ReportedSocket } from './report.ts';

/** What is known of the fleet's listeners, and of who has which address. */
export interface Listening {
  readonly listeners: Listeners;
  readonly claims: AddressClaims;
}

/** In the namespace of the half, or where its address is claimed when it is unseen; null when there is none. */
export function listenerBehind(
  connection: Connection,
  side: Side,
  { listeners, claims }: Listening,
): ReportedSocket | null {
  const endpoint = connection.endpoints[side];
  const half = connection.halves[side];
  if (half !== null) return listeners.find(half.host.id, half.netns, connection.protocol, endpoint);
  const other = connection.halves[otherSide(side)];
  if (other === null) return null;
  const claimed = claims.of(other.host, other.netns, endpoint.ip);
  const only = claimed[0];
  if (only === undefined || claimed.length > 1) return null;
  return listeners.find(only.host.id, only.netns.inode, connection.protocol, endpoint);
}

/** As above; but one born after the connection ended says nothing about it: its port was another's before. */
export function listenerThen(
  connection: Connection,
  side: Side,
  listening: Listening,
): ReportedSocket | null {
  const listener = listenerBehind(connection, side, listening);
  if (listener === null || connection.closedAtMs === null) return listener;
  return listener.notBeforeMs < connection.closedAtMs ? listener : null;
}
