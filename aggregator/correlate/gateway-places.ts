/**
 * Who could be meant by whom where a box without an agent is in between: halves that stand at an endpoint (near), and those
 * that look at it from somewhere else (far). A near and a far one of one birth may be one conversation.
 *
 *     N1 ──── F1      either is the only one for the other: one conversation
 *     N2 ──┬─ F2
 *     N3 ──┘          F2 could be either one's: all three are in doubt
 *
 * A near half that looks at an address that somebody claims has most likely its peer there, and is no gateway's. Still it may
 * be the true one, where a host translates and does not tell: it casts doubt on others, but nobody is joined to it.
 *
 * All of this follows from who is there now and from what is known of them, in whatever order that was told.
 */
import { couldBeOneBirth } from './generations.ts';
import type { ReportedSocket } from './report.ts';

/** Near and far halves of one place that are compared at most, as pairs; where there are more, all far ones are in doubt. */
export const pairsPerPlaceMax = 1 << 16;

/** An endpoint in its realm. */
export interface Place {
  readonly name: string;
  readonly near: Set<Standee>;
  readonly far: Set<Standee>;
  /** More stand there than are compared. */
  isCrowded: boolean;
  /** Those of whom another could be meant, as compared last. */
  paired: readonly Standee[];
}

/** A half that is in question. */
export interface Standee {
  readonly socket: ReportedSocket;
  /** Where it stands. */
  readonly at: Place;
  /** Where it looks; null where nobody claims that address. */
  readonly looksAt: Place | null;
  /** Of those that look at where it stands, whom it could be meant by; as compared last, as is the one below. */
  lookers: readonly Standee[];
  /** Of those that stand where it looks, who could be meant. */
  lookedAt: readonly Standee[];
  /** One of several that could be meant is forgotten, and may have been the one. */
  hasLostOne: boolean;
}

export type Meant =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly other: Standee }
  | { readonly kind: 'several' };

const none: Meant = { kind: 'none' };
const several: Meant = { kind: 'several' };
const nobody: readonly Standee[] = [];

export function newPlace(name: string): Place {
  return { name, near: new Set(), far: new Set(), isCrowded: false, paired: nobody };
}

export function newStandee(socket: ReportedSocket, at: Place, looksAt: Place | null): Standee {
  return { socket, at, looksAt, lookers: nobody, lookedAt: nobody, hasLostOne: false };
}

/** How many steps it takes to compare those of a place. */
export function stepsOf({ near, far }: Place): number {
  return Math.min(near.size * far.size, pairsPerPlaceMax) + 1;
}

/** Compares near and far halves of a place anew. @returns those for whom that may be of consequence */
export function compare(place: Place): ReadonlySet<Standee> {
  const concerned = new Set<Standee>();
  for (const each of place.paired) {
    note(concerned, each);
    if (each.at === place) each.lookers = nobody;
    if (each.looksAt === place) each.lookedAt = nobody;
  }
  const wasCrowded = place.isCrowded;
  place.isCrowded = place.near.size * place.far.size > pairsPerPlaceMax;
  place.paired = place.isCrowded ? nobody : pair(place);
  for (const each of place.paired) note(concerned, each);
  if (place.isCrowded || wasCrowded) for (const each of place.far) note(concerned, each);
  return concerned;
}

/** It, and those whose doubts are its own: it may be in doubt by whom it looks at, and so may who looks at it. */
function note(concerned: Set<Standee>, each: Standee): void {
  concerned.add(each);
  for (const other of each.lookers) concerned.add(other);
  for (const other of each.lookedAt) concerned.add(other);
}

function pair({ near, far }: Place): Standee[] {
  const lookers = new Map<Standee, Standee[]>();
  const lookedAt = new Map<Standee, Standee[]>();
  for (const one of near.size === 0 ? nobody : far) {
    for (const other of near) {
      if (other === one || !couldBeOneBirth(one.socket, other.socket)) continue;
      pushTo(lookedAt, one, other);
      pushTo(lookers, other, one);
    }
  }
  for (const [one, found] of lookers) one.lookers = found;
  for (const [one, found] of lookedAt) one.lookedAt = found;
  return [...lookers.keys(), ...lookedAt.keys()];
}

/** Who is meant by a half, as compared last. */
export function meantBy(one: Standee): Meant {
  if (isInDoubt(one)) return several;
  const candidates = one.looksAt === null ? one.lookers : one.lookedAt;
  const other = candidates.find((each) => mayBeJoined(each, one));
  if (other === undefined) return none;
  return isInDoubt(other) ? several : { kind: 'one', other };
}

/** Of two that could be meant by each other, one looks at an address that nobody claims. */
function mayBeJoined(one: Standee, other: Standee): boolean {
  return (one.looksAt === null) !== (other.looksAt === null);
}

/** Whether one of those that could be meant could as well be meant by another one, or it has another one itself. */
function isInDoubt(one: Standee): boolean {
  if (one.hasLostOne || one.looksAt?.isCrowded === true) return true;
  return (
    one.lookers.some((far) => isContested(one, far)) || one.lookedAt.some((near) => isContested(near, one))
  );
}

function isContested(near: Standee, far: Standee): boolean {
  return far.lookedAt.length > 1 || (near.looksAt === null && near.lookers.length > 1);
}

/** It is forgotten: those that it could have been meant by remember that. */
export function loseOne({ lookers, lookedAt }: Standee): void {
  for (const each of [...lookers, ...lookedAt]) if (meantBy(each).kind === 'several') each.hasLostOne = true;
}

function pushTo(lists: Map<Standee, Standee[]>, key: Standee, value: Standee): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
