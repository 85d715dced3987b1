/** Which sockets may be halves of plain connections, and what they tell of theirs. */
import { sameEndpoint } from '../../model/endpoint.ts';
import { isIpv6 } from '../../model/ip.ts';
import { stateNumber } from '../../model/socket-state.ts';
import { evidenceOf } from '../core/arrange.ts';
import { facts } from '../core/connection-row.ts';
import type { ReportedSocket } from './report.ts';
import { isBirthKept } from './socket-columns.ts';

export function isUntranslated({ translation }: ReportedSocket): boolean {
  return translation === null || translation.stages.length === 0;
}

/** Whether nothing about the socket itself is beyond plain. */
export function isPlain(socket: ReportedSocket): boolean {
  const { protocol, byConntrack, owners, local, remote, openedAtMs, notBeforeMs } = socket;
  if (!isBirthKept(openedAtMs, notBeforeMs)) return false;
  if (protocol !== 'tcp' || byConntrack || owners.length === 0 || !isUntranslated(socket)) return false;
  return isIpv6(local.ip) === isIpv6(remote.ip) && !sameEndpoint(local, remote);
}

/** What its state and its host's conntrack tell, as facts about end a of a half that is end a. */
export function evidenceFor({ state, translation }: ReportedSocket): number {
  const told = evidenceOf(stateNumber(state));
  if (translation === null) return told;
  return told | (translation.role === 'client' ? facts.trackedA : facts.trackedB);
}
