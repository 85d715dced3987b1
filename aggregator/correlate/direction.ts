/**
 * Which half is the client. Rules from the strongest evidence to the weakest; a decision is only ever replaced by a
 * stronger one, so a listener that goes away later does not turn a connection round.
 */
import type { DirectionRule } from '../../model/document.ts';
import type { Side } from '../../model/four-tuple.ts';
import { defaultEphemeralPorts } from '../../model/netns.ts';
import { type Connection, otherSide } from './connection.ts';

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
  const [ephemeralA, ephemeralB] = [isEphemeral(connection, 'a'), isEphemeral(connection, 'b')];
  if (ephemeralA !== ephemeralB) return { client: ephemeralA ? 'a' : 'b', rule: 'port' };
  const { a: endA, b: endB } = connection.endpoints;
  return { client: endA.port > endB.port ? 'a' : 'b', rule: 'unknown' };
}

/** By the range of the half's own namespace, or of the other half's where it is unseen. */
function isEphemeral(connection: Connection, side: Side): boolean {
  const half = connection.halves[side] ?? connection.halves[otherSide(side)];
  const [first, last] = half?.host.netns.get(half.netns)?.ephemeralPorts ?? defaultEphemeralPorts;
  const { port } = connection.endpoints[side];
  return port >= first && port <= last;
}
