/** What the applications at both ends see of each other where something translates between them. */
import { type Endpoint, sameEndpoint } from '../../model/endpoint.ts';
import type { Side } from '../../model/four-tuple.ts';
import { outermost } from '../../model/translation.ts';
import { type Connection, otherSide } from './connection.ts';

/**
 * Where the other end's application sees the end on `side`: as that end's kernel shows it, and where that one is unseen
 * as the wire does. Null where the end really is there.
 */
export function seenAs({ client, endpoints, halves, via }: Connection, side: Side): Endpoint | null {
  const [own, far] = [halves[side], halves[otherSide(side)]];
  const onTheWay = side === client ? via?.forwarded.local : via?.dialed.remote;
  const seen = far?.remote ?? onTheWay ?? (own === null ? null : outermost(own, own.translation).local);
  return seen === null || sameEndpoint(seen, endpoints[side]) ? null : seen;
}
