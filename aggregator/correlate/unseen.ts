/** Why an end of a connection is missing, as far as what is known can tell. */
import type { UnseenBecause } from '../../model/document.ts';
import type { SocketState } from '../../model/socket-state.ts';
import type { Claim } from './address-claims.ts';

export interface UnseenQuestion {
  /** Who claims the address of the missing end. */
  readonly claims: readonly Claim[];
  /** Two hosts or namespaces report the same half, or a gateway leads to one of several. */
  readonly ambiguous: boolean;
  /** State of the end that is seen; `closed` once its socket is gone. */
  readonly seenState: SocketState;
  /** The missing end's host may still be about to report it. */
  readonly withinGrace: boolean;
}

export function unseenBecause(question: UnseenQuestion): UnseenBecause {
  const hosts = new Set(question.claims.map((claim) => claim.host));
  const only = question.claims[0]?.host;
  if (only === undefined) {
    if (question.withinGrace) return 'not-yet';
    return question.ambiguous ? 'ambiguous' : 'no-agent';
  }
  if (question.ambiguous || hosts.size > 1) return 'ambiguous';
  if (only.state !== 'live') return 'agent-stale';
  if (question.withinGrace) return 'not-yet';
  return question.seenState === 'established' ? 'translated' : 'closed-first';
}
