/**
 * Conversations that a box without an agent translates on one side: a gateway before the clients, a balancer before the
 * servers. No record leads from one half to the other, but they stand at one endpoint:
 *
 *   near  stands at it; the one to be joined looks at an address that nobody claims   server S:80 → gateway,
 *                                                                                       or client C:p → balancer
 *   far   looks at it from somewhere else                                              client C:p → S:80,
 *                                                                                       or server S:8443 → C:p
 *
 * A near and a far half of one birth are joined, as inferred, when neither could be joined to another one, not even where
 * clocks were wrong, and when each was there as the agent of the other looked: whoever the true peer is, that look has shown it. Else they are ambiguous.
 * A near half that looks at a claimed address may be the true one too, where a host translates and does not tell.
 *
 * Decided at each sweep for the halves of which something is new; what turns out otherwise later is taken back.
 */

import { formatEndpoint } from '../../model/endpoint.ts';
import type { IpAddress } from '../../model/ip.ts';
import { outermost } from '../../model/translation.ts';
import type { AddressClaims } from './address-claims.ts';
import { addTo, removeFrom } from './concerned.ts';
import { type Connection, missingSide, reportedHalves } from './connection.ts';
import { clockSlackMs, couldBeOneBirth, unsureByMs, usualDifferenceMs } from './generations.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';
import { realmScope, scopeOf } from './scope.ts';

/** Halves at one endpoint that are compared with one; where there are more, nothing is inferred. */
export const rivalsLookedAtMax = 256;

/** Halves that are judged in one sweep; the others wait for the next. */
export const judgedPerSweepMax = 10_000;

/** What it acts on. */
export interface Inferring {
  connectionOf(socket: ReportedSocket): Connection | undefined;
  /** Joins two lone halves. */
  infer(one: ReportedSocket, other: ReportedSocket, nowMs: number): void;
  /** Takes that back. */
  partInferred(connection: Connection, nowMs: number): void;
  /** Whether it is behind a gateway is another answer now, and so may be why its other end is unseen. */
  doubt(connection: Connection): void;
}

/** Endpoints in their realm. */
interface Place {
  /** Where it stands. */
  readonly nearAt: string;
  /** Whom it looks at; null where nobody claims that address. */
  readonly farAt: string | null;
}

interface Life {
  readonly socket: ReportedSocket;
  /** Until when it is known to have been established, once it is not any more; null while it is. */
  establishedUntilMs: number | null;
}

interface Entry extends Place, Life {
  readonly addresses: readonly IpAddress[];
  /** It had several that it could be joined to, and they were not told apart since. */
  isBlurred: boolean;
}

export class Gateways {
  readonly #claims: AddressClaims;
  readonly #inferring: Inferring;
  readonly #entries = new Map<ReportedSocket, Entry>();
  /** By nearAt and by farAt. */
  readonly #near = new Map<string, Set<Entry>>();
  readonly #far = new Map<string, Set<Entry>>();
  /** By the addresses of which it matters who claims them. */
  readonly #byAddress = new Map<IpAddress, Set<Entry>>();
  readonly #due = new Set<Entry>();
  /** Of halves that are ambiguous, and not in question before that is settled. */
  readonly #lives = new Map<ReportedSocket, Life>();
  /** Since when all that each host has is known here. */
  readonly #knownSince = new Map<ReportingHost, number>();
  /** Halves that were not judged because too many stand at their endpoint. */
  crowded = 0;

  constructor(claims: AddressClaims, inferring: Inferring) {
    this.#claims = claims;
    this.#inferring = inferring;
  }

  get size(): number {
    const indexes = this.#near.size + this.#far.size + this.#byAddress.size;
    return this.#entries.size + indexes + this.#due.size + this.#lives.size;
  }

  /** It is new, or back after it was lost: what closed before its snapshot is not known of it. */
  hostAppeared(host: ReportingHost): void {
    this.#knownSince.set(host, host.asOfMs);
  }

  hostLost(host: ReportingHost): void {
    this.#knownSince.delete(host);
  }

  /** Something is new about the connection, or about who claims the addresses of its ends. */
  note(connection: Connection): void {
    const isOpenToIt = isInQuestion(connection);
    const mayBeLater = connection.ambiguous && connection.protocol === 'tcp';
    if (!isOpenToIt && !mayBeLater && this.#entries.size + this.#lives.size === 0) return;
    for (const socket of reportedHalves(connection)) {
      const known = this.#entries.get(socket);
      const place = isOpenToIt ? this.#placeOf(socket) : null;
      if (known !== undefined && known.nearAt === place?.nearAt && known.farAt === place.farAt) {
        this.#due.add(frozen(known));
        continue;
      }
      if (known !== undefined) this.#resolve(known);
      const life = known ?? this.#lives.get(socket);
      this.#lives.delete(socket);
      if (place !== null) this.#file(frozen(life ?? newLife(socket)), place);
      else if (mayBeLater) this.#lives.set(socket, frozen(life ?? newLife(socket)));
    }
  }

  /** Others claim these addresses now, or do not any more. */
  claimedAnew(ip: IpAddress): void {
    // Of what is filed now: what is new about it files it anew.
    const filed = Array.from(this.#byAddress.get(ip) ?? []);
    for (const { socket } of filed) {
      const connection = this.#inferring.connectionOf(socket);
      if (connection !== undefined) this.note(connection);
    }
  }

  /** The socket left the live view. Whom it made ambiguous stays so: it may have been the one. */
  forget(socket: ReportedSocket): void {
    this.#lives.delete(socket);
    const entry = this.#entries.get(socket);
    if (entry !== undefined) this.#unfile(entry);
  }

  sweep(nowMs: number): void {
    const waiting: Entry[] = [];
    let judged = 0;
    for (const entry of this.#due) {
      if (++judged > judgedPerSweepMax) break;
      this.#due.delete(entry);
      if (this.#entries.get(entry.socket) === entry && this.#judge(entry, nowMs)) waiting.push(entry);
    }
    for (const entry of waiting) this.#due.add(entry);
  }

  /** @returns whether it is to be judged again soon */
  #judge(entry: Entry, nowMs: number): boolean {
    const partners = this.#partnersOf(entry);
    const [partner] = partners;
    if (partner === undefined) {
      this.#separate(entry, null, nowMs);
      return false;
    }
    const [near, far] = entry.farAt === null ? [entry, partner] : [partner, entry];
    if (partners.length === 1 && near.farAt !== null) {
      this.#separate(entry, null, nowMs);
      return false;
    }
    const rivals = partners.length > 1 ? [] : this.#partnersOf(partner);
    if (partners.length > 1 || rivals.length > 1 || entry.isBlurred || partner.isBlurred) {
      for (const each of new Set([entry, ...partners, ...rivals])) this.#blur(each, nowMs);
      return false;
    }
    this.#separate(entry, partner, nowMs);
    this.#separate(partner, entry, nowMs);
    const [own, other] = [entry, partner].map(({ socket }) => this.#inferring.connectionOf(socket));
    if (own === other || own === undefined || other === undefined) return false;
    if (!own.placed || !other.placed) return true;
    if (unsureByMs(entry.socket, partner.socket) > usualDifferenceMs) return false;
    if (!this.#wasSeenBy(entry, partner) || !this.#wasSeenBy(partner, entry)) {
      return entry.establishedUntilMs === null && partner.establishedUntilMs === null;
    }
    this.#inferring.infer(near.socket, far.socket, nowMs);
    return false;
  }

  #blur(entry: Entry, nowMs: number): void {
    entry.isBlurred = true;
    this.#separate(entry, null, nowMs);
    const connection = this.#inferring.connectionOf(entry.socket);
    if (connection !== undefined) this.#setBehindGateway(connection, true);
  }

  /** Takes back what was inferred, unless it is with `partner`. */
  #separate({ socket }: Entry, partner: Entry | null, nowMs: number): void {
    const connection = this.#inferring.connectionOf(socket);
    if (connection?.joinedBy !== 'inferred') return;
    if (partner !== null && reportedHalves(connection).includes(partner.socket)) return;
    this.#inferring.partInferred(connection, nowMs);
  }

  /** Those that the half could be joined to; two stand for any number. */
  #partnersOf(entry: Entry): Entry[] {
    const { nearAt, farAt } = entry;
    const opposite = farAt === null ? this.#far.get(nearAt) : this.#near.get(farAt);
    if (opposite === undefined) return [];
    if (opposite.size > rivalsLookedAtMax) {
      this.crowded++;
      return [...opposite].slice(0, 2);
    }
    const partners: Entry[] = [];
    for (const other of opposite) {
      if (other === entry || !couldBeOneBirth(entry.socket, other.socket)) continue;
      partners.push(other);
      if (partners.length === 2) break;
    }
    return partners;
  }

  /** Whether the agent of `by` has looked while the half was there, and nothing of that is forgotten. */
  #wasSeenBy(entry: Entry, by: Entry): boolean {
    const knownSinceMs = this.#knownSince.get(by.socket.host) ?? Number.POSITIVE_INFINITY;
    return untilMs(entry) >= Math.max(by.socket.openedAtMs, knownSinceMs) + clockSlackMs;
  }

  /** It is not in question any more: what it made ambiguous is looked at anew. */
  #resolve(entry: Entry): void {
    this.#unfile(entry);
    for (const other of this.#concernedBy(entry)) {
      for (const each of [other, ...this.#partnersOf(other)]) this.#unblur(each);
    }
  }

  /** Those to whom it matters that the half is there, as far as they are looked at. */
  #concernedBy({ socket, nearAt, farAt }: Entry): Entry[] {
    const concerned: Entry[] = [];
    let looked = 0;
    for (const opposite of [this.#far.get(nearAt), farAt === null ? undefined : this.#near.get(farAt)]) {
      for (const other of opposite ?? []) {
        if (++looked > rivalsLookedAtMax) return concerned;
        if (couldBeOneBirth(socket, other.socket)) concerned.push(other);
      }
    }
    return concerned;
  }

  #unblur(entry: Entry): void {
    entry.isBlurred = false;
    const connection = this.#inferring.connectionOf(entry.socket);
    if (connection !== undefined) this.#setBehindGateway(connection, false);
    this.#due.add(entry);
  }

  #setBehindGateway(connection: Connection, isBehind: boolean): void {
    connection.behindGateway = isBehind;
    this.#inferring.doubt(connection);
  }

  #file({ socket, establishedUntilMs }: Life, place: Place): void {
    const { local, remote } = outermost(socket, socket.translation);
    const addresses = [local.ip, remote.ip];
    const entry: Entry = { ...place, socket, addresses, establishedUntilMs, isBlurred: false };
    this.#entries.set(socket, entry);
    addTo(this.#near, place.nearAt, entry);
    if (place.farAt !== null) addTo(this.#far, place.farAt, entry);
    for (const ip of entry.addresses) addTo(this.#byAddress, ip, entry);
    this.#due.add(entry);
    for (const other of this.#concernedBy(entry)) this.#due.add(other);
  }

  #unfile(entry: Entry): void {
    this.#entries.delete(entry.socket);
    this.#due.delete(entry);
    removeFrom(this.#near, entry.nearAt, entry);
    if (entry.farAt !== null) removeFrom(this.#far, entry.farAt, entry);
    for (const ip of entry.addresses) removeFrom(this.#byAddress, ip, entry);
  }

  /** Null where its host cannot speak for its address, or where it does not leave its host. */
  #placeOf(socket: ReportedSocket): Place | null {
    const { host, netns } = socket;
    const { local, remote } = outermost(socket, socket.translation);
    const scope = realmScope(host);
    if (scopeOf({ host, netns, local, remote }) !== scope) return null;
    const nearAt = `${scope}|${formatEndpoint(local)}`;
    const isClaimed = this.#claims.of(host, netns, remote.ip).length > 0;
    if (isClaimed) return { nearAt, farAt: `${scope}|${formatEndpoint(remote)}` };
    const isOwn = this.#claims.of(host, netns, local.ip).some((claim) => claim.host === host);
    return isOwn ? { nearAt, farAt: null } : null;
  }
}

/** TCP alone: of UDP the server need not have a socket for each peer. */
function isInQuestion(connection: Connection): boolean {
  const { protocol, established, ambiguous, via, joinedBy } = connection;
  if (protocol !== 'tcp' || !established || ambiguous || via !== null) return false;
  return joinedBy === 'inferred' || missingSide(connection) !== null;
}

/** One that is not established when it is first looked at may never have been. */
function newLife(socket: ReportedSocket): Life {
  return { socket, establishedUntilMs: socket.state === 'established' ? null : 0 };
}

/** Remembers how long it was established when it is not any more: its agent looks once per interval. */
function frozen<Some extends Life>(life: Some): Some {
  const { host, state } = life.socket;
  if (state === 'established' || life.establishedUntilMs !== null) return life;
  life.establishedUntilMs = Math.max(host.asOfBeforeMs, host.asOfMs - 2 * host.intervalMs);
  return life;
}

function untilMs({ socket, establishedUntilMs }: Entry): number {
  return establishedUntilMs ?? socket.closedAtMs ?? socket.host.asOfMs;
}
