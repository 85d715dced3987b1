/** What a connection's halves say of it: when it came to be, which end is the client, whether it is over. */
import type { DirectionRule } from '../../model/document.ts';
import type { Side } from '../../model/four-tuple.ts';
import {
  type Connection,
  isHalfOpen,
  learnFromState,
  missingSide,
  otherSide,
  reportedHalves,
} from './connection.ts';
import { decideDirection, isStronger, tellsServer } from './direction.ts';
import { type Listening, listenerThen } from './listener-behind.ts';
import type { Lives } from './lives.ts';

export function concludeOpening(connection: Connection): void {
  const halves = reportedHalves(connection);
  connection.openedAtMs = Math.min(...halves.map((half) => half.openedAtMs));
  for (const half of halves) learnFromState(connection, half);
}

/** A decision is only ever replaced by a stronger one. */
export function concludeDirection(connection: Connection, listening: Listening): void {
  const decided = decideDirection(
    connection,
    (side) => listenerThen(connection, side, listening) !== null && tellsServer(connection, side),
  );
  const current: DirectionRule = connection.direction;
  if (!isStronger(decided.rule, current) && current !== 'unknown') return;
  connection.client = decided.client;
  connection.direction = decided.rule;
}

/** A listener where nobody reports an end tells of a lone connection only if it is still there when that is placed. */
export function confirmDirection(connection: Connection, listening: Listening): void {
  const missing = missingSide(connection);
  if (missing === null || connection.direction !== 'listener' || connection.client === missing) return;
  connection.direction = 'unknown';
  concludeDirection(connection, listening);
}

/** What takes the datagrams of one that is ambiguous may be another one. */
export function findDatagramPeer(connection: Connection, listening: Listening): void {
  const isOne = connection.protocol === 'udp' && !connection.ambiguous;
  const missing = isOne ? missingSide(connection) : null;
  if (missing === null) connection.datagramPeer = null;
  else connection.datagramPeer = listenerThen(connection, missing, listening) ?? connection.datagramPeer;
}

/** Opens or closes it as its halves are. */
export function concludeClosing(connection: Connection, lives: Lives): void {
  const halves = reportedHalves(connection);
  if (halves.some(isHalfOpen)) connection.closedAtMs = null;
  else
    connection.closedAtMs = Math.max(connection.openedAtMs, ...halves.map((half) => lives.closedByMs(half)));
}

/** A half of it was another's: what was concluded from both is to be concluded anew from what is left. */
export function unlearn(connection: Connection): void {
  connection.joinedBy = null;
  connection.direction = 'unknown';
  connection.handshakeClient = null;
  connection.established = false;
}

/**
 * Takes over what stays known of `from`, of which the only half becomes one of `into`.
 * @param turned its sides are the other way round there
 */
export function inherit(into: Connection, from: Connection, turned: boolean): void {
  const inInto = (side: Side): Side => (turned ? otherSide(side) : side);
  if (from.established) into.established = true;
  if (from.handshakeClient !== null) into.handshakeClient ??= inInto(from.handshakeClient);
  if (!isStronger(from.direction, into.direction)) return;
  into.direction = from.direction;
  into.client = inInto(from.client);
}
