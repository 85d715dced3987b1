/**
 * Where a half meets its other end: the keys that its tuple has at each stage of translation.
 *
 *   untranslated            one key, of its tuple in its scope
 *   translated by conntrack the key of its outermost tuple, which other hosts see, and for halves of the same host the
 *                           key of every stage, its own tuple included, in a scope that only that host has
 *
 * So halves of different hosts meet by what the wire shows and by nothing else, and equal container tuples of two hosts
 * stay apart; halves of one host meet by any stage, as they share the conntrack that knows them all.
 *
 * Agents are not trusted with each other's connections: a translation to an address that other hosts claim, and its own
 * does not, joins on that host alone. It is no lie always: a sidecar takes what was sent to somebody else's address.
 */

import type { Side } from '../../model/four-tuple.ts';
import { type FourTuple, tupleKey } from '../../model/four-tuple.ts';
import { type IpAddress, isLoopback } from '../../model/ip.ts';
import type { Protocol } from '../../model/socket-state.ts';
import { outermost } from '../../model/translation.ts';
import type { AddressClaims } from './address-claims.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';
import { hostScope, netnsScope, realmScope, scopeOf } from './scope.ts';

/** What a key is of. */
export interface Place {
  /** Of the half. */
  readonly host: ReportingHost;
  readonly scope: string;
  readonly protocol: Protocol;
  readonly tuple: FourTuple;
}

export interface Meeting {
  /** See model/four-tuple. */
  readonly key: string;
  readonly place: Place;
  /** Which half of that key the socket is; the two ends of a connection are opposite at every key that they share. */
  readonly side: Side;
}

/** All the places at which one half stands: on the wire, and for a translated one on its host. */
export interface Standing extends Meeting {
  /** At most stagesMax + 1; none for a half that is not translated, as most are. */
  readonly inner: readonly Meeting[];
  /** The address at which the wire shows it: where it stands depends on who claims that. Null where nothing else decides. */
  readonly claimed: IpAddress | null;
}

const noneInner: readonly Meeting[] = [];

export function meetingAt(place: Place): Meeting {
  return { ...tupleKey(place.scope, place.protocol, place.tuple), place };
}

/** Where `socket` can meet its other end; what is on the wire is what other hosts may know. No key is there twice. */
export function standingOf(socket: ReportedSocket, claims: AddressClaims): Standing {
  const { host, protocol, translation } = socket;
  if (translation === null || translation.stages.length === 0) {
    const isOwn = isLoopback(socket.local.ip) || claims.isOf(host, socket.local.ip);
    if (isOwn) return plainStanding(socket, scopeOf(socket));
    return { ...plainStanding(socket, wireScope(socket, socket, claims)), claimed: socket.local.ip };
  }
  const last = outermost(socket, translation);
  const { local, remote } = claims.isForeign(host, last.local.ip) ? socket : last;
  const scope = wireScope(socket, { local, remote }, claims);
  const wire = meetingAt({ host, scope, protocol, tuple: { local, remote } });
  const inner = new Map<string, Meeting>();
  for (const tuple of [socket, ...translation.stages]) {
    const meeting = meetingAt({ host, scope: innerScope(socket, tuple), protocol, tuple });
    if (meeting.key !== wire.key && !inner.has(meeting.key)) inner.set(meeting.key, meeting);
  }
  return { ...wire, inner: [...inner.values()], claimed: last.local.ip };
}

/** What a host tells of an address that others claim, and it does not, is known to itself alone: no other host meets it. */
function wireScope(
  { host, netns }: ReportedSocket,
  { local, remote }: FourTuple,
  claims: AddressClaims,
): string {
  const scope = scopeOf({ host, netns, local, remote });
  return scope === realmScope(host) && claims.isForeign(host, local.ip) ? hostScope(host) : scope;
}

/** Where a half stands of which no translation is known. */
export function plainStanding({ host, protocol, local, remote }: ReportedSocket, scope: string): Standing {
  const wire = meetingAt({ host, scope, protocol, tuple: { local, remote } });
  return { ...wire, inner: noneInner, claimed: null };
}

/** What is on the wire first. */
export function everyMeeting(standing: Standing): readonly Meeting[] {
  return standing.inner.length === 0 ? [standing] : [standing, ...standing.inner];
}

/** A loopback address is that of the socket's own namespace: none other's packets reach it. */
function innerScope({ host, netns }: ReportedSocket, { local, remote }: FourTuple): string {
  return isLoopback(local.ip) || isLoopback(remote.ip) ? netnsScope(host, netns) : hostScope(host);
}

/** The side on which a half stands at `key`; null where it does not. */
export function sideAt(standing: Standing, key: string): Side | null {
  if (standing.key === key) return standing.side;
  for (const meeting of standing.inner) if (meeting.key === key) return meeting.side;
  return null;
}

/** Whether halves that stand so are opposite each other somewhere. */
export function doMeet(one: Standing, other: Standing): boolean {
  return everyMeeting(one).some(({ key, side }) => {
    const opposite = sideAt(other, key);
    return opposite !== null && opposite !== side;
  });
}

export function isSameStanding(one: Standing, other: Standing): boolean {
  const [keys, others] = [one, other].map((standing) =>
    everyMeeting(standing)
      .map(({ key }) => key)
      .join(' '),
  );
  return keys === others && one.claimed === other.claimed;
}
