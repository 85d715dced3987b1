/** The four-tuple of a socket, and the direction-free key under which its two ends meet. The only home of both. */
import { type Endpoint, formatEndpoint } from './endpoint.ts';
import type { Protocol } from './socket-state.ts';

/** As the kernel of one end shows it. */
export interface FourTuple {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** The same conversation as the other end's kernel shows it, where nothing translates between them. */
export function reverse(tuple: FourTuple): FourTuple {
  return { local: tuple.remote, remote: tuple.local };
}

/**
 * Which half of a canonical key a socket's own end is: `a` for the lesser endpoint, `b` for the greater.
 * A socket connected to itself (equal endpoints) is both; it is filed as `a`.
 */
export type Side = 'a' | 'b';

export interface TupleKey {
  /** Equal for both ends of one conversation within one scope. */
  readonly key: string;
  /** The half that the socket with this tuple is. */
  readonly side: Side;
}

/**
 * @param scope the address space in which the addresses are unique (see correlate/scope): a realm, a host or a netns.
 */
export function tupleKey(scope: string, protocol: Protocol, tuple: FourTuple): TupleKey {
  const local = formatEndpoint(tuple.local);
  const remote = formatEndpoint(tuple.remote);
  if (local <= remote) return { key: `${scope}|${protocol}|${local}|${remote}`, side: 'a' };
  return { key: `${scope}|${protocol}|${remote}|${local}`, side: 'b' };
}
