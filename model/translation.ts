/** What connection tracking (conntrack) of a host tells of a conversation: who began it, and how its tuple looks further out. */
import type { FourTuple } from './four-tuple.ts';
import type { Protocol } from './socket-state.ts';

export interface Translation {
  /** Which end the socket is: conntrack saw which way the first packet went. */
  readonly role: 'client' | 'server';
  /**
   * The socket's tuple after each translation on its host, from the socket outward, always with the socket's own end as
   * `local`: the last one is what the wire shows. Empty where nothing translates.
   */
  readonly stages: readonly FourTuple[];
}

/** A socket passes at most its own namespace and that of its host; one more is for what lies between. */
export const stagesMax = 3;

/** A translated conversation that a host only passes on: neither end is a socket of its. */
export interface ForwardedFlow {
  readonly protocol: Protocol;
  /** The namespace that translates. */
  readonly netns: number;
  /** As it comes in: `local` is who dials, `remote` what it dials. */
  readonly dialed: FourTuple;
  /** As it goes out: `local` is whom the server sees, `remote` the server. */
  readonly forwarded: FourTuple;
}

/** The tuple that the wire shows. */
export function outermost(socket: FourTuple, translation: Translation | null): FourTuple {
  return translation?.stages.at(-1) ?? socket;
}
