/**
 * Reuse of four-tuples. The connections that are remembered under the keys of a newly reported half are its candidates:
 * generations of its four-tuple, mostly. This decides to which of them it belongs. Nothing is joined across a reuse.
 *
 * Both ends of a connection come into being within one handshake. A scan bounds that moment for each half:
 * notBeforeMs < birth <= openedAtMs. Two halves can be one connection only when their bounds overlap.
 *
 * UDP needs no handshake: what conntrack alone tells of, a peer of an unconnected socket, begins with any packet and ends
 * with a pause. Where the other end goes on meanwhile, the next such half takes the place of the one before.
 *
 * Of candidates whose time fits, one of the same host goes before one that only the wire tells of, and that before one
 * that a forwarder's record leads to (JoinRule), whichever was reported first.
 */

import type { JoinRule } from '../../model/document.ts';
import type { Side } from '../../model/four-tuple.ts';
import {
  type Connection,
  isHalfOpen,
  isSameTuple,
  isStrongerJoin,
  otherSide,
  type Passage,
} from './connection.ts';
import type { ReportedSocket } from './report.ts';

/** Handshake time plus what two hosts' clocks may differ by after their offsets were taken off, in milliseconds. */
export const clockSlackMs = 2_000;

/** What two clocks usually differ by after that, with a handshake: births that need more slack are one only for want of a better. */
export const usualDifferenceMs = 500;

/** A connection that a newly reported half meets under one of its keys. */
export interface Candidate {
  readonly connection: Connection;
  /** Which half of it the new one would be. */
  readonly side: Side;
  /** Its other half mirrors the new one; else the new one only stands where a half of it does. */
  readonly isOpposite: boolean;
  /** How it is passed on between them; null where both stand under one key. */
  readonly via: Passage | null;
}

export interface Joining {
  readonly kind: 'join';
  readonly candidate: Candidate;
  readonly rule: JoinRule;
  /** The half whose place it takes: weaker evidence had joined it, or it is over and this one goes on. */
  readonly ousted: ReportedSocket | null;
}

export type Placement = (
  | Joining
  /** A connection of its own. */
  | { readonly kind: 'new' }
  /** A connection of its own, and so are `rivals`: nothing tells which of them it belongs to. */
  | { readonly kind: 'ambiguous'; readonly rivals: readonly Connection[] }
) & {
  /** Had this half open under an older socket, so that its close was missed. */
  readonly displaced: Candidate | null;
};

/** @param candidates in any order */
export function placeHalf(candidates: readonly Candidate[], socket: ReportedSocket): Placement {
  if (candidates.length === 0) return { kind: 'new', displaced: null };
  const displaced = candidates.find((candidate) => isSuccessor(socket, occupantOf(candidate))) ?? null;
  const near: Candidate[] = [];
  const direct: Candidate[] = [];
  const led: Candidate[] = [];
  for (const candidate of candidates) {
    const rule = ruleOf(candidate, socket);
    if (rule === null || !hasPlaceFor(candidate, rule, socket) || !isOfOneBirth(candidate, socket)) continue;
    if (rule === 'same-host') near.push(candidate);
    else if (rule === 'wire') direct.push(candidate);
    else led.push(candidate);
  }
  if (near.length > 0) return { ...joinNearest(near, 'same-host', socket), displaced };
  const rivals = rivalsOf(candidates, socket);
  if (rivals.length > 0) return { kind: 'ambiguous', rivals, displaced: null };
  if (direct.length > 0) return { ...joinNearest(direct, 'wire', socket), displaced };
  const far = led.length > 0 ? joinNearest(led, 'forwarder', socket) : null;
  // Which of several ways was taken is not for a record to tell.
  return far?.kind === 'join' ? { ...far, displaced } : { kind: 'new', displaced };
}

/**
 * The connections of which another socket, of another namespace, is the very half that `socket` is. One that came into being
 * at another time is no rival: whoever looks back at it did so then. What is over stays one, as it might have been the other
 * one. Nor is one whose peer is of its own host: there conntrack itself tells who that is.
 */
export function rivalsOf(candidates: readonly Candidate[], socket: ReportedSocket): Connection[] {
  return candidates.filter((candidate) => isTwin(candidate, socket)).map(({ connection }) => connection);
}

function isTwin(candidate: Candidate, socket: ReportedSocket): boolean {
  const occupant = occupantOf(candidate);
  if (candidate.via !== null || candidate.connection.joinedBy === 'same-host') return false;
  if (occupant === null || sameNetns(occupant, socket)) return false;
  // What conntrack alone tells of has no birth.
  const isOfOneTime = occupant.byConntrack || socket.byConntrack ? doLivesOverlap : boundsOverlap;
  if (!isOfOneTime(occupant, socket)) return false;
  const rule = ruleOf(candidate, socket);
  return rule === null || !hasPlaceFor(candidate, rule, socket);
}

/** What would join them; null where the new half is not opposite to any. */
function ruleOf(candidate: Candidate, socket: ReportedSocket): JoinRule | null {
  const other = otherHalfOf(candidate);
  if (other === null) return null;
  if (candidate.via !== null) return 'forwarder';
  if (!candidate.isOpposite) return null;
  return other.host === socket.host ? 'same-host' : 'wire';
}

/**
 * Whether that half is missing, joined by weaker evidence, one that `socket` continues, or one that was only told first. What
 * makes others ambiguous does not halves of one host.
 */
function hasPlaceFor(candidate: Candidate, rule: JoinRule, socket: ReportedSocket): boolean {
  const { connection } = candidate;
  const occupant = occupantOf(candidate);
  if (occupant === null) return rule === 'same-host' || !connection.ambiguous;
  if (isStrongerJoin(rule, connection.joinedBy)) return true;
  return continuesAfterPause(candidate, occupant, socket) || isRatherLed(candidate, rule, socket);
}

/** Whether a record that led another half there leads this one there rather: it came into being nearer to the other end. */
function isRatherLed(candidate: Candidate, rule: JoinRule, socket: ReportedSocket): boolean {
  if (rule !== 'forwarder' || candidate.connection.joinedBy !== 'forwarder') return false;
  const [occupant, other] = [occupantOf(candidate)!, otherHalfOf(candidate)!];
  // What conntrack alone tells of has no birth.
  if (occupant.byConntrack || socket.byConntrack || other.byConntrack) return false;
  return isNearer(socket, occupant, other);
}

/**
 * Whether conntrack had forgotten the conversation and tells of it again, while its other end went on: the connected socket
 * there is still the same, or the unconnected one here is.
 */
function continuesAfterPause(
  candidate: Candidate,
  occupant: ReportedSocket,
  socket: ReportedSocket,
): boolean {
  const other = otherHalfOf(candidate)!;
  if (!occupant.byConntrack || !socket.byConntrack || isHalfOpen(occupant) || !isHalfOpen(other))
    return false;
  const isSame = sameNetns(occupant, socket) && isSameTuple(occupant, socket);
  return isSame && (!other.byConntrack || occupant.inode === socket.inode);
}

function joinNearest(
  candidates: readonly Candidate[],
  rule: JoinRule,
  socket: ReportedSocket,
): Joining | { readonly kind: 'ambiguous'; readonly rivals: readonly Connection[] } {
  const first = otherHalfOf(candidates[0]!)!;
  if (candidates.some((candidate) => !sameNetns(otherHalfOf(candidate)!, first))) {
    return { kind: 'ambiguous', rivals: candidates.map(({ connection }) => connection) };
  }
  const candidate = candidates.reduce((best, each) =>
    isNearer(otherHalfOf(each)!, otherHalfOf(best)!, socket) ? each : best,
  );
  return { kind: 'join', candidate, rule, ousted: occupantOf(candidate) };
}

/** The socket that has the half which the new one would be. */
function occupantOf({ connection, side }: Candidate): ReportedSocket | null {
  return connection.halves[side];
}

function otherHalfOf({ connection, side }: Candidate): ReportedSocket | null {
  return connection.halves[otherSide(side)];
}

/** A namespace has a four-tuple once. Several UDP sockets may share one at a time (SO_REUSEPORT): none takes the other's place. */
function isSuccessor(socket: ReportedSocket, older: ReportedSocket | null): boolean {
  if (older === null || !isHalfOpen(older) || socket.protocol === 'udp') return false;
  // One that is told late, closed since, displaces none that came after it.
  return sameNetns(older, socket) && isSameTuple(older, socket) && older.openedAtMs <= socket.openedAtMs;
}

function isOfOneBirth(candidate: Candidate, socket: ReportedSocket): boolean {
  const other = otherHalfOf(candidate)!;
  if (socket.byConntrack || other.byConntrack) return isOfOneLife(socket, other);
  return couldBeOneBirth(other, socket);
}

/** What is known of when a half was there. */
export type Life = Pick<ReportedSocket, 'openedAtMs' | 'notBeforeMs' | 'closedAtMs' | 'state'>;

/** Whether neither came into being after the other was over. */
function doLivesOverlap(one: Life, other: Life): boolean {
  const begins = (a: Life, b: Life): boolean =>
    b.closedAtMs === null || a.notBeforeMs <= b.closedAtMs + clockSlackMs;
  return begins(one, other) && begins(other, one);
}

/** Whether two halves may be one connection by their times alone, whichever was reported first. */
export function couldBeOneBirth(one: Life, other: Life): boolean {
  return boundsOverlap(one, other) && couldHaveMet(one, other) && couldHaveMet(other, one);
}

function boundsOverlap(one: Life, other: Life): boolean {
  return unsureByMs(one, other) <= clockSlackMs;
}

/** How much slack it takes to make one birth of two: none where that is 0 or less. */
export function unsureByMs(one: Life, other: Life): number {
  const bornAfter = Math.max(one.notBeforeMs, other.notBeforeMs);
  return bornAfter - Math.min(one.openedAtMs, other.openedAtMs);
}

/** What the two ends of a handshake see apart from each other, at most, where nothing is far away. */
const handshakeMs = 25;

/** By how much the births of the two halves of a connection seem to differ, as well as their hosts' clocks are measured. */
export function measuredDifferenceMs({ host: one }: ReportedSocket, { host: other }: ReportedSocket): number {
  if (one === other) return handshakeMs;
  if (one.clockDoubtMs === null || other.clockDoubtMs === null) return usualDifferenceMs;
  return Math.min(usualDifferenceMs, one.clockDoubtMs + other.clockDoubtMs + handshakeMs);
}

/** Of halves of which conntrack alone tells one: whether neither began after the other was over, or was known before. */
function isOfOneLife(one: ReportedSocket, other: ReportedSocket): boolean {
  const begins = (a: ReportedSocket, b: ReportedSocket): boolean =>
    !b.byConntrack || a.notBeforeMs <= b.openedAtMs + clockSlackMs;
  return doLivesOverlap(one, other) && begins(one, other) && begins(other, one);
}

/**
 * Whether `socket` may be the peer of a half that is gone. One first seen before that half closed may, and one that the
 * kernel shows as closed by its peer; an established one first seen later is its successor in the four-tuple.
 */
function couldHaveMet(other: Life, socket: Life): boolean {
  if (other.closedAtMs === null) return true;
  const limitMs = other.closedAtMs + clockSlackMs;
  if (socket.openedAtMs <= limitMs) return true;
  return socket.state !== 'established' && socket.notBeforeMs <= limitMs;
}

/** Whether `one` came into being nearer to `socket` than `other`; of two that are as near it is the earlier one. */
function isNearer(one: ReportedSocket, other: ReportedSocket, socket: ReportedSocket): boolean {
  const [gapMs, otherGapMs] = [one, other].map((each) => Math.abs(each.openedAtMs - socket.openedAtMs));
  return gapMs! < otherGapMs! || (gapMs === otherGapMs && one.openedAtMs < other.openedAtMs);
}

function sameNetns(a: ReportedSocket, b: ReportedSocket): boolean {
  return a.host === b.host && a.netns === b.netns;
}
