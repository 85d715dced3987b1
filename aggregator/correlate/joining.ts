/**
 * Makes reported sockets halves of connections, and halves into other connections when more becomes known of them: a
 * translation, a network, a forwarder's record, a rival that is gone.
 *
 * A connection that only becomes better known stays the same one, so that nobody who watches is told of another.
 */
import type { JoinRule } from '../../model/document.ts';
import type { Side } from '../../model/four-tuple.ts';
import type { AddressClaims } from './address-claims.ts';
import { candidatesFor } from './candidates.ts';
import { inherit, unlearn } from './conclusions.ts';
import { type Connection, isStrongerJoin, missingSide, newConnection, otherSide } from './connection.ts';
import type { ConnectionIds } from './connection-ids.ts';
import type { ConnectionTable, Half } from './connection-table.ts';
import type { Flows } from './flows.ts';
import { type Candidate, type Joining, type Placement, placeHalf } from './generations.ts';
import { leaveWay, seekWay } from './leading.ts';
import type { Lives } from './lives.ts';
import { doMeet, everyMeeting, isSameStanding, type Standing, standingOf } from './meetings.ts';
import { mayPassOn } from './passing-on.ts';
import type { ReportedSocket } from './report.ts';
import { hasRival, isDisputed, mayBeUnsettled, settleAround } from './settling.ts';
import { Undecided } from './undecided.ts';

/** What becomes of connections as their halves come and go. */
export interface JoinObserver {
  /** It has its first half. */
  created(connection: Connection): void;
  /** Its halves, or what they are joined by, are others: everything is to be concluded anew. */
  rejoined(connection: Connection, nowMs: number): void;
  /** One of its halves turned out to be another's; `rejoined` follows. */
  parted(connection: Connection): void;
  /** It is part of another connection from now on; it has no halves any more. */
  merged(connection: Connection, nowMs: number): void;
  /** It makes room for a younger one under its key. */
  crowdedOut(connection: Connection, nowMs: number): void;
  /** Others are rivals of its half, of which nothing else is new. */
  doubted(connection: Connection, nowMs: number): void;
  /** Another socket has its place: it ended without a word, and its time of closing is set. */
  missedClose(socket: ReportedSocket, connection: Connection, nowMs: number): void;
}

/** What halves are joined by. */
export interface Reported {
  readonly table: ConnectionTable;
  readonly flows: Flows;
  readonly claims: AddressClaims;
  readonly keys: PlainNeighbours;
  readonly lives: Lives;
}

/** What the core has under the keys of a half. */
export interface PlainNeighbours {
  /** It leaves the core: from now on it is in the table. */
  evict(standing: Standing): void;
}

export class Joiner {
  readonly #table: ConnectionTable;
  readonly #reported: Reported;
  readonly #observer: JoinObserver;
  readonly #ids: ConnectionIds;
  readonly #lives: Lives;
  readonly undecided: Undecided;

  constructor(reported: Reported, ids: ConnectionIds, observer: JoinObserver) {
    this.#table = reported.table;
    this.#reported = reported;
    this.#lives = reported.lives;
    this.undecided = new Undecided(reported.lives);
    this.#ids = ids;
    this.#observer = observer;
  }

  /** Makes a socket a half of the connection that it belongs to, or of one of its own. */
  take(socket: ReportedSocket, nowMs: number): void {
    const standing = standingOf(socket, this.#reported.claims);
    this.#reported.keys.evict(standing);
    const placement = placeHalf(candidatesFor(socket, standing, this.#reported), socket);
    this.#closeMissed(placement.displaced, socket, nowMs);
    if (placement.kind === 'join') return this.#join(placement, socket, standing, nowMs);
    const connection = this.#begin(socket, standing, nowMs);
    this.#markAmbiguous(connection, placement, nowMs);
    this.#leaveAlone(connection, nowMs);
  }

  /** A connection of which the socket is the only half. */
  #begin(socket: ReportedSocket, standing: Standing, nowMs: number): Connection {
    const id = this.#ids.format(this.#ids.next());
    const connection = newConnection(id, standing.side, socket, nowMs);
    this.#table.connections.set(id, connection);
    this.#attach(connection, standing.side, socket, standing, nowMs);
    this.#observer.created(connection);
    return connection;
  }

  /** Something is new about a half: what was joined before that was known may have to be taken back (settling.ts). */
  settle(socket: ReportedSocket, nowMs: number): void {
    this.#settle(socket, nowMs, ({ socket: undecided }) => this.undecided.note(undecided, nowMs));
  }

  /** Judges again what was ambiguous, where it may be known by now who has outlived whom: each once. */
  settleUndecided(nowMs: number): void {
    for (const socket of this.undecided.takeRipe()) this.#settle(socket, nowMs, () => {});
  }

  #settle(socket: ReportedSocket, nowMs: number, leaveUndecided: (half: Half) => void): void {
    const half = this.#table.halfOf(socket);
    if (half === undefined || !mayBeUnsettled(half, this.#table)) return;
    settleAround(half, this.#reported, this.#lives, {
      sever: (one) => {
        this.#part(one);
        this.#begin(one.socket, one.standing, nowMs);
      },
      unite: (one, peer) => {
        const rule = one.socket.host === peer.socket.host ? 'same-host' : 'wire';
        this.#unite(one, peer, rule, nowMs);
      },
      leaveAlone: (connection) => this.#leaveAlone(connection, nowMs),
      leaveUndecided,
    });
  }

  /** Nobody is its other end, for now. */
  #leaveAlone(connection: Connection, nowMs: number): void {
    const half = this.#loneHalfOf(connection);
    if (half !== null) seekWay(half, this.#reported);
    this.#observer.rejoined(connection, nowMs);
  }

  /**
   * Brings a half up to where it stands now: it was translated, or belongs to another scope.
   * @returns whether that is somewhere else
   */
  refile(socket: ReportedSocket, nowMs: number): boolean {
    const half = this.#table.halfOf(socket);
    if (half === undefined) return false;
    const { connection, side } = half;
    const standing = standingOf(socket, this.#reported.claims);
    if (connection.realm === socket.host.realm && isSameStanding(half.standing, standing)) return false;
    this.#reported.keys.evict(standing);
    const peer = connection.halves[otherSide(side)];
    if (peer === null || peer === socket || this.#belongTogether(half, standing, peer)) {
      if (peer === null) leaveWay(connection, this.#table);
      this.#makeRoom(this.#table.refile(half, standing), nowMs);
      this.#seekPeer(connection, nowMs);
    } else {
      this.#part(half);
      this.take(socket, nowMs);
      this.#seekPeer(connection, nowMs);
    }
    this.settleRivals(half.standing, nowMs);
    return true;
  }

  /** Looks anew for the other end of a socket's connection, where that has but one: there is more to go by. */
  seek(socket: ReportedSocket, nowMs: number): void {
    const connection = this.#table.connectionOf(socket);
    if (connection?.joinedBy === 'inferred') return this.part(connection, nowMs);
    if (connection !== undefined && missingSide(connection) !== null) this.#seekPeer(connection, nowMs);
  }

  /** Makes two lone halves one connection, although nothing leads from one to the other. */
  infer(one: ReportedSocket, other: ReportedSocket, nowMs: number): void {
    const [half, far] = [this.#table.halfOf(one), this.#table.halfOf(other)];
    if (half === undefined || far === undefined) return;
    this.#unite(half, far, 'inferred', nowMs);
  }

  #unite(half: Half, { connection, side }: Half, rule: JoinRule, nowMs: number): void {
    const candidate: Candidate = { connection, side: otherSide(side), isOpposite: true, via: null };
    this.#merge(half, { kind: 'join', candidate, rule, ousted: null }, nowMs);
  }

  /** Each of its two halves goes its own way again, and may find the other by better evidence. */
  part(connection: Connection, nowMs: number): void {
    const half = this.#table.halfOf(connection.halves.b!)!;
    this.#part(half);
    this.take(half.socket, nowMs);
    this.#seekPeer(connection, nowMs);
  }

  /** Who claims an address on the way that leads its ends to each other is known otherwise: it may lead there no more. */
  judgeWay(connection: Connection, nowMs: number): void {
    const { via } = connection;
    if (via === null || via.by.every((flow) => mayPassOn(flow, this.#reported.claims))) return;
    if (missingSide(connection) === null) return this.part(connection, nowMs);
    leaveWay(connection, this.#table);
    this.#table.locateEnds(connection);
    this.#seekPeer(connection, nowMs);
  }

  /** Looks for the other end of a connection that has but one. */
  #seekPeer(connection: Connection, nowMs: number): void {
    const half = this.#loneHalfOf(connection);
    if (half === null) return this.#observer.rejoined(connection, nowMs);
    const { socket, standing } = half;
    const candidates = candidatesFor(socket, standing, this.#reported, connection);
    const placement = placeHalf(candidates, socket);
    this.#closeMissed(placement.displaced, socket, nowMs);
    if (placement.kind === 'join') return this.#merge(half, placement, nowMs);
    this.#markAmbiguous(connection, placement, nowMs);
    this.#leaveAlone(connection, nowMs);
  }

  /** Says of a lone connection, and of its rivals, whether anything tells them apart. */
  #markAmbiguous(connection: Connection, placement: Placement, nowMs: number): void {
    connection.ambiguous = placement.kind === 'ambiguous';
    if (placement.kind !== 'ambiguous') return;
    for (const rival of placement.rivals) {
      rival.ambiguous = true;
      this.#observer.doubted(rival, nowMs);
    }
  }

  /** A half that stood there is gone: ambiguous halves there may be told apart now, and find their other end. */
  settleRivals(standing: Standing, nowMs: number): void {
    const settled = new Set<Connection>();
    for (const { key } of everyMeeting(standing)) {
      for (const half of this.#table.at(key)) {
        const { connection } = half;
        if (!connection.ambiguous) continue;
        if (!hasRival(half, this.#reported) && !isDisputed(half, this.#reported, this.#lives))
          settled.add(connection);
      }
    }
    for (const connection of settled) connection.ambiguous = false;
    for (const connection of settled)
      if (this.#loneHalfOf(connection) !== null) this.#seekPeer(connection, nowMs);
  }

  /** The only half of a connection; null where it has two, or none any more. */
  #loneHalfOf(connection: Connection): Half | null {
    const missing = missingSide(connection);
    const socket = missing === null ? null : connection.halves[otherSide(missing)];
    const half = socket === null ? undefined : this.#table.halfOf(socket);
    return half?.connection === connection ? half : null;
  }

  #join(joining: Joining, socket: ReportedSocket, standing: Standing, nowMs: number): void {
    const { candidate, rule, ousted } = joining;
    const { connection, side } = candidate;
    // One that is over, and goes on in the new half, needs no connection of its own.
    const isContinued = ousted?.byConntrack === true && !isStrongerJoin(rule, connection.joinedBy);
    if (ousted !== null) {
      this.#table.detach(this.#table.halfOf(ousted)!);
      if (!isContinued) unlearn(connection);
    }
    connection.joinedBy = rule;
    leaveWay(connection, this.#table);
    this.#table.lead(connection, candidate.via);
    const isSettled = rule === 'same-host' && connection.ambiguous;
    if (isSettled) connection.ambiguous = false;
    this.#attach(connection, side, socket, standing, nowMs);
    this.#observer.rejoined(connection, nowMs);
    if (isSettled) this.settleRivals(standing, nowMs);
    if (ousted !== null && !isContinued) this.take(ousted, nowMs);
  }

  #attach(
    connection: Connection,
    side: Side,
    socket: ReportedSocket,
    standing: Standing,
    nowMs: number,
  ): void {
    this.#makeRoom(this.#table.attach(connection, side, socket, standing), nowMs);
  }

  #makeRoom(surplus: readonly Connection[], nowMs: number): void {
    for (const connection of new Set(surplus)) this.#observer.crowdedOut(connection, nowMs);
  }

  /** Whether a half still belongs to its peer when it stands elsewhere, and to none that is nearer. */
  #belongTogether({ connection, ...half }: Half, standing: Standing, peer: ReportedSocket): boolean {
    const isLed = connection.joinedBy === 'forwarder' && standing.key === half.standing.key;
    if (!isLed && !doMeet(standing, standingOf(peer, this.#reported.claims))) return false;
    if (connection.joinedBy === 'same-host') return true;
    const others = candidatesFor(half.socket, standing, this.#reported, connection);
    const placement = placeHalf(others, half.socket);
    return placement.kind !== 'join' || !isStrongerJoin(placement.rule, connection.joinedBy);
  }

  /** Two halves turn out not to be one connection: this one leaves. */
  #part(half: Half): void {
    const { connection } = half;
    this.#table.detach(half);
    unlearn(connection);
    this.#table.lead(connection, null);
    this.#table.locateEnds(connection);
    this.#observer.parted(connection);
  }

  /** The half of a lone connection is part of another. Of two lone ones that stays which watchers were told of. */
  #merge(half: Half, joining: Joining, nowMs: number): void {
    const { connection: other, side } = joining.candidate;
    const rest = this.#loneHalfOf(other);
    const isTurned = rest !== null && half.connection.placed && !other.placed;
    const [moved, into] = isTurned ? [rest, half.connection] : [half, other];
    const taken = isTurned ? otherSide(half.side) : side;
    const from = moved.connection;
    leaveWay(from, this.#table);
    this.#table.remove(from);
    inherit(into, from, taken !== moved.side);
    const candidate = { ...joining.candidate, connection: into, side: taken };
    this.#join({ ...joining, candidate }, moved.socket, moved.standing, nowMs);
    this.#observer.merged(from, nowMs);
  }

  /** The half is open under a new socket now: its old socket ended without a word. */
  #closeMissed(displaced: Candidate | null, successor: ReportedSocket, nowMs: number): void {
    const half = displaced?.connection.halves[displaced.side] ?? null;
    if (displaced === null || half === null || half === successor) return;
    half.closedAtMs = Math.max(half.openedAtMs, successor.notBeforeMs);
    this.#lives.note(half, half.state);
    this.#observer.missedClose(half, displaced.connection, nowMs);
  }
}
