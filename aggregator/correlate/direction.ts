/**
 * Which half is the client. Rules from the strongest evidence to the weakest; a decision is only ever replaced by a
 * stronger one, so a listener that goes away later does not turn a connection round.
 */
import type { DirectionRule } from '../../model/document.ts';
import type { Side } from '../../model/four-tuple.ts';
import { type IpAddress, ipBytes } from '../../model/ip.ts';
import { defaultEphemeralPorts } from '../../model/netns.ts';
import { outermost } from '../../model/translation.ts';
import { type Connection, isSameTuple, otherSide } from './connection.ts';

/** Strongest first. */
const rules: readonly DirectionRule[] = ['listener', 'handshake', 'conntrack', 'port', 'unknown'];

export interface Direction {
  readonly client: Side;
  readonly rule: DirectionRule;
}

/** Whether `candidate` rests on stronger evidence than `current`. */
export function isStronger(candidate: DirectionRule, current: DirectionRule): boolean {
  return rules.indexOf(candidate) < rules.indexOf(current);
}

/** @param listens whether a listener stands behind the endpoint of that half. */
export function decideDirection(connection: Connection, listens: (side: Side) => boolean): Direction {
  const [a, b] = [listens('a'), listens('b')];
  if (a !== b) return { client: a ? 'b' : 'a', rule: 'listener' };
  if (connection.handshakeClient !== null) return { client: connection.handshakeClient, rule: 'handshake' };
  const tracked = trackedClient(connection);
  if (tracked !== null) return { client: tracked, rule: 'conntrack' };
  const [ephemeralA, ephemeralB] = [isEphemeral(connection, 'a'), isEphemeral(connection, 'b')];
  if (ephemeralA !== ephemeralB) return { client: ephemeralA ? 'a' : 'b', rule: 'port' };
  return { client: isBehind(connection.endpoints) ? 'a' : 'b', rule: 'unknown' };
}

/**
 * Whether a listener on that side tells that it is the server. An unconnected UDP socket serves and asks alike: where it is
 * an end of the connection itself, it tells so only when its port is a fixed one and the other's is not.
 */
export function tellsServer(connection: Connection, side: Side): boolean {
  const half = connection.halves[side] ?? connection.halves[otherSide(side)];
  if (half?.byConntrack !== true) return true;
  return !isEphemeral(connection, side) && isEphemeral(connection, otherSide(side));
}

/** By port, then by the number of the address: which half came first plays no part in it. */
function isBehind({ a, b }: Connection['endpoints']): boolean {
  return a.port === b.port ? isHigher(a.ip, b.ip) : a.port > b.port;
}

/** IPv6 is above IPv4. */
function isHigher(one: IpAddress, other: IpAddress): boolean {
  const [bytes, others] = [ipBytes(one), ipBytes(other)];
  if (bytes.length !== others.length) return bytes.length > others.length;
  const at = bytes.findIndex((byte, i) => byte !== others[i]);
  return at >= 0 && bytes[at]! > others[at]!;
}

/** Who began it as conntrack saw it, at either end or on the way; null where it tells nothing, or two things. */
function trackedClient({ halves, via }: Connection): Side | null {
  const clients = new Set<Side>();
  for (const side of ['a', 'b'] as const) {
    const half = halves[side];
    if (half === null) continue;
    if (half.translation !== null) clients.add(half.translation.role === 'client' ? side : otherSide(side));
    if (via !== null) {
      const isDialer = isSameTuple(outermost(half, half.translation), via.dialed);
      clients.add(isDialer ? side : otherSide(side));
    }
  }
  const [client, ...contradictions] = clients;
  return contradictions.length > 0 ? null : (client ?? null);
}

/** By the range of the half's own namespace, or of the other half's where it is unseen. */
function isEphemeral(connection: Connection, side: Side): boolean {
  const half = connection.halves[side] ?? connection.halves[otherSide(side)];
  const [first, last] = half?.host.netns.get(half.netns)?.ephemeralPorts ?? defaultEphemeralPorts;
  const { port } = connection.endpoints[side];
  return port >= first && port <= last;
}
