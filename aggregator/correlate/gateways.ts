/**
 * Conversations that a box without an agent translates on one side: a gateway before the clients, a balancer before the
 * servers. No record leads from one half to the other, but they stand at one endpoint:
 *
 *   near  stands at it; the one to be joined looks at an address that nobody claims   server S:80 → gateway,
 *                                                                                       or client C:p → balancer
 *   far   looks at it from somewhere else                                              client C:p → S:80,
 *                                                                                       or server S:8443 → C:p
 *
 * A near and a far half are joined, as inferred, when either is the only one that could be meant by the other
 * (gateway-places.ts), and when each was there as the agent of the other looked: whoever the true peer is, that look has
 * shown it. Where several could be meant they are ambiguous.
 *
 * Decided at each sweep for the places at which something is new. It is decided anew whenever anything of them is, so that
 * it does not matter in which order that was told; what turns out otherwise is taken back.
 */
import { type Endpoint, formatEndpoint } from '../../model/endpoint.ts';
import type { IpAddress } from '../../model/ip.ts';
import { outermost } from '../../model/translation.ts';
import type { AddressClaims } from './address-claims.ts';
import { addTo, removeFrom } from './concerned.ts';
import { type Connection, missingSide, reportedHalves } from './connection.ts';
import {
  compare,
  loseOne,
  meantBy,
  newPlace,
  newStandee,
  type Place,
  type Standee,
  stepsOf,
} from './gateway-places.ts';
import { clockSlackMs, unsureByMs, usualDifferenceMs } from './generations.ts';
import type { Lives } from './lives.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';
import { realmScope, scopeOf } from './scope.ts';

/** Steps of comparing in one sweep, about; places that are due beyond it wait for the next. */
export const stepsPerSweepMax = 1 << 18;

/** What it acts on. */
export interface Inferring {
  connectionOf(socket: ReportedSocket): Connection | undefined;
  /** Halves that wait elsewhere for their other end, and have an end at one of these, are noted from now on. */
  callIn(endpoints: readonly Endpoint[], nowMs: number): void;
  /** Joins two lone halves. */
  infer(one: ReportedSocket, other: ReportedSocket, nowMs: number): void;
  /** Takes that back. */
  partInferred(connection: Connection, nowMs: number): void;
  /** Whether it is behind a gateway is another answer now, and so may be why its other end is unseen. */
  doubt(connection: Connection): void;
}

interface Entry extends Standee {
  /** Of which it matters who claims them. */
  readonly addresses: readonly IpAddress[];
}

/** Names of the places where a half stands and where it looks. */
type Outlook = readonly [at: string, looksAt: string | null];

export class Gateways {
  readonly #claims: AddressClaims;
  readonly #lives: Lives;
  readonly #inferring: Inferring;
  readonly #entries = new Map<ReportedSocket, Entry>();
  readonly #places = new Map<string, Place>();
  readonly #byAddress = new Map<IpAddress, Set<Entry>>();
  /** To be compared anew. */
  readonly #due = new Set<Place>();
  /** Each is the only one for another, and is to be looked at again. */
  readonly #waiting = new Set<Standee>();
  /** Since when all that each host has is known here. */
  readonly #knownSince = new Map<ReportingHost, number>();

  constructor(claims: AddressClaims, lives: Lives, inferring: Inferring) {
    this.#claims = claims;
    this.#lives = lives;
    this.#inferring = inferring;
  }

  get size(): number {
    const indexes = this.#places.size + this.#byAddress.size;
    return this.#entries.size + indexes + this.#due.size + this.#waiting.size;
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
    if (!isOpenToIt && this.#entries.size === 0) return;
    for (const socket of reportedHalves(connection)) {
      const known = this.#entries.get(socket);
      const outlook = isOpenToIt ? this.#outlookOf(socket) : null;
      if (known !== undefined && outlook !== null && isOf(known, outlook)) {
        this.#compareLater(known);
        continue;
      }
      if (known !== undefined) this.#unfile(known);
      if (outlook !== null) this.#file(socket, outlook);
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

  /** The socket left the live view. */
  forget(socket: ReportedSocket): void {
    const entry = this.#entries.get(socket);
    if (entry === undefined) return;
    loseOne(entry);
    this.#unfile(entry);
  }

  sweep(nowMs: number): void {
    const concerned = this.#compareDue();
    for (const one of this.#waiting) concerned.add(one);
    this.#waiting.clear();
    const ready = this.#settleAll(concerned, nowMs);
    if (ready.length === 0) return;
    // Rivals may be among those that nobody was told of.
    this.#inferring.callIn(ready.flatMap(standpoints), nowMs);
    this.#settleAll(this.#compareDue(), nowMs);
    for (const near of ready) this.#infer(near, nowMs);
  }

  #compareDue(): Set<Standee> {
    const concerned = new Set<Standee>();
    let steps = 0;
    for (const place of this.#due) {
      if (steps > stepsPerSweepMax) break;
      this.#due.delete(place);
      steps += stepsOf(place);
      for (const each of compare(place)) concerned.add(each);
    }
    return concerned;
  }

  /** Says of each who is meant. @returns the near ones of those that can be joined now */
  #settleAll(concerned: Iterable<Standee>, nowMs: number): Standee[] {
    const ready: Standee[] = [];
    for (const one of concerned) {
      if (!this.#isFiled(one)) continue;
      const meant = meantBy(one);
      const other = meant.kind === 'one' ? meant.other : null;
      this.#separate(one, other, nowMs);
      this.#setBehindGateway(one, meant.kind === 'several');
      if (one.looksAt === null && other !== null && this.#isReady(one, other)) ready.push(one);
    }
    return ready;
  }

  /** Whether two that are the only ones for each other can be joined; looks again later where they may be so then. */
  #isReady(near: Standee, far: Standee): boolean {
    const [own, other] = [near, far].map(({ socket }) => this.#inferring.connectionOf(socket));
    if (own === undefined || other === undefined || own === other) return false;
    if (unsureByMs(near.socket, far.socket) > usualDifferenceMs) return false;
    const isSeen = [this.#wasSeenBy(near, far), this.#wasSeenBy(far, near)];
    if (isSeen.every(Boolean) && own.placed && other.placed) return true;
    const mayBeSeen = [near, far].every(({ socket }, n) => isSeen[n] || !this.#lives.hasEnded(socket));
    if (mayBeSeen) this.#waiting.add(near);
    return false;
  }

  #infer(near: Standee, nowMs: number): void {
    const meant = this.#isFiled(near) ? meantBy(near) : null;
    if (meant?.kind !== 'one' || !this.#isFiled(meant.other) || !this.#isReady(near, meant.other)) return;
    this.#inferring.infer(near.socket, meant.other.socket, nowMs);
  }

  /** Takes back what was inferred, unless it is with `other`. */
  #separate({ socket }: Standee, other: Standee | null, nowMs: number): void {
    const connection = this.#inferring.connectionOf(socket);
    if (connection?.joinedBy !== 'inferred') return;
    if (other !== null && reportedHalves(connection).includes(other.socket)) return;
    this.#inferring.partInferred(connection, nowMs);
  }

  #setBehindGateway({ socket }: Standee, isBehind: boolean): void {
    const connection = this.#inferring.connectionOf(socket);
    if (connection === undefined || connection.behindGateway === isBehind) return;
    connection.behindGateway = isBehind;
    this.#inferring.doubt(connection);
  }

  /** Whether the agent of `by` has looked while the half was there, and nothing of that is forgotten. */
  #wasSeenBy({ socket }: Standee, by: Standee): boolean {
    const knownSinceMs = this.#knownSince.get(by.socket.host) ?? Number.POSITIVE_INFINITY;
    const sinceMs = Math.max(by.socket.openedAtMs, knownSinceMs);
    return this.#lives.seenUntilMs(socket) >= sinceMs + clockSlackMs;
  }

  #isFiled(one: Standee): boolean {
    return this.#entries.get(one.socket) === one;
  }

  #file(socket: ReportedSocket, [at, looksAt]: Outlook): void {
    const { local, remote } = outermost(socket, socket.translation);
    const [own, other] = [this.#place(at), looksAt === null ? null : this.#place(looksAt)];
    const entry: Entry = { ...newStandee(socket, own, other), addresses: [local.ip, remote.ip] };
    this.#entries.set(socket, entry);
    own.near.add(entry);
    other?.far.add(entry);
    for (const ip of entry.addresses) addTo(this.#byAddress, ip, entry);
    this.#compareLater(entry);
  }

  #unfile(entry: Entry): void {
    this.#entries.delete(entry.socket);
    this.#waiting.delete(entry);
    entry.at.near.delete(entry);
    entry.looksAt?.far.delete(entry);
    for (const ip of entry.addresses) removeFrom(this.#byAddress, ip, entry);
    this.#compareLater(entry);
    for (const place of [entry.at, entry.looksAt]) if (place !== null) this.#dropEmpty(place);
    this.#setBehindGateway(entry, false);
  }

  #compareLater({ at, looksAt }: Entry): void {
    this.#due.add(at);
    if (looksAt !== null) this.#due.add(looksAt);
  }

  #place(name: string): Place {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = newPlace(name);
    this.#places.set(name, place);
    return place;
  }

  #dropEmpty(place: Place): void {
    if (place.near.size > 0 || place.far.size > 0) return;
    this.#places.delete(place.name);
    this.#due.delete(place);
  }

  /** Null where its host cannot speak for its address, or where it does not leave its host. */
  #outlookOf(socket: ReportedSocket): Outlook | null {
    const { host, netns } = socket;
    const { local, remote } = outermost(socket, socket.translation);
    const scope = realmScope(host);
    if (scopeOf({ host, netns, local, remote }) !== scope) return null;
    const at = `${scope}|${formatEndpoint(local)}`;
    const isClaimed = this.#claims.of(host, netns, remote.ip).length > 0;
    if (isClaimed) return [at, `${scope}|${formatEndpoint(remote)}`];
    const isOwn = this.#claims.of(host, netns, local.ip).some((claim) => claim.host === host);
    return isOwn ? [at, null] : null;
  }
}

/** Where it stands, and where those stand that could be meant by it. */
function standpoints(one: Standee): Endpoint[] {
  return [one, ...one.lookers].map(({ socket }) => outermost(socket, socket.translation).local);
}

function isOf({ at, looksAt }: Entry, outlook: Outlook): boolean {
  return at.name === outlook[0] && (looksAt?.name ?? null) === outlook[1];
}

/** TCP alone: of UDP the server need not have a socket for each peer. */
function isInQuestion(connection: Connection): boolean {
  const { protocol, established, ambiguous, via, joinedBy } = connection;
  if (protocol !== 'tcp' || !established || ambiguous || via !== null) return false;
  return joinedBy === 'inferred' || missingSide(connection) !== null;
}
