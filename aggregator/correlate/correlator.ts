/**
 * Joins what hosts report into connections: the plain reference implementation, a Map of objects.
 *
 * Each reported socket with a peer is filed under the keys at which it can meet its other end (meetings.ts); the second
 * half that arrives under such a key, and within the same generation, completes the connection. Sockets without a peer
 * are listeners. Every conclusion is incremental per event and told to one observer (the graph); time comes in as
 * `nowMs` only.
 */
import { isUnspecified } from '../../model/ip.ts';
import { isListening, type SocketState } from '../../model/socket-state.ts';
import { RecentlyClosed } from '../history/recently-closed.ts';
import { AddressClaims } from './address-claims.ts';
import { addTo, removeFrom } from './concerned.ts';
import {
  concludeClosing,
  concludeDirection,
  concludeOpening,
  confirmDirection,
  findDatagramPeer,
} from './conclusions.ts';
import { type Connection, lingersFromMs, missingSide, reportedHalves } from './connection.ts';
import { ConnectionIds } from './connection-ids.ts';
import { ConnectionTable } from './connection-table.ts';
import type { CorrelatorLimits } from './correlator-limits.ts';
import { EveryConnection } from './every-connection.ts';
import { Flows } from './flows.ts';
import { Gateways } from './gateways.ts';
import { Grace } from './grace.ts';
import { Joiner, type JoinObserver } from './joining.ts';
import { Listeners } from './listeners.ts';
import {
  type ListeningParts,
  listenerOpened,
  removeListener,
  withdrawListener,
} from './listening-changes.ts';
import { MatchCounts } from './match-counts.ts';
import { MatchQuality } from './match-quality.ts';
import type { ConnectionObserver } from './observer.ts';
import { PlainConnections } from './plain-connections.ts';
import type { PlainRow } from './plain-reading.ts';
import { differencesOf, type Portrait, portraitOf } from './portrait.ts';
import type { ReportedFlow, ReportedSocket, ReportingHost, SocketReports } from './report.ts';
import { claimedAnew, moveToScopes, type Seeking, seekAt } from './seeking.ts';

export { type CorrelatorLimits, defaultCorrelatorLimits } from './correlator-limits.ts';

export class Correlator implements Omit<SocketReports, 'kept'> {
  readonly claims = new AddressClaims();
  readonly listeners = new Listeners();
  readonly flows: Flows;
  readonly gateways: Gateways;
  readonly quality: MatchQuality;
  readonly plain: PlainConnections;
  readonly connections: EveryConnection;
  readonly #table: ConnectionTable;
  /** Sockets with a peer, by host: what a change of that host's networks or state concerns. */
  readonly #socketsOf = new Map<ReportingHost, Set<ReportedSocket>>();
  readonly #portraits = new Map<ReportingHost, Portrait>();
  readonly #grace: Grace;
  readonly recentlyClosed: RecentlyClosed<Connection>;
  readonly #observer: ConnectionObserver;
  readonly #limits: CorrelatorLimits;
  readonly #joiner: Joiner;
  readonly #seeking: Seeking;
  readonly #listening: ListeningParts;

  /**
   * @param idPrefix told apart from other runs of the aggregator, so that an id never means two connections
   * @param originMs about now; the core tells time from then
   */
  constructor(observer: ConnectionObserver, idPrefix: string, limits: CorrelatorLimits, originMs: number) {
    this.#observer = observer;
    this.#limits = limits;
    this.#grace = new Grace(limits.graceMs);
    this.recentlyClosed = new RecentlyClosed(limits);
    const ids = new ConnectionIds(idPrefix);
    const counts = new MatchCounts();
    const plain = new PlainConnections(observer, ids, limits, originMs, counts, (...left) =>
      this.#adopt(...left),
    );
    this.plain = plain;
    this.flows = new Flows(this.claims, plain.keys);
    this.#table = new ConnectionTable(plain.keys);
    this.connections = new EveryConnection(this.#table, plain.rows, ids, this);
    this.quality = new MatchQuality(counts, {
      claims: this.claims,
      table: this.#table,
      isWithinGrace: (connection, nowMs) => this.#grace.isWithin(connection, nowMs),
      matched: (connection) => observer.matched(connection),
    });
    const { flows, claims, listeners } = this;
    const { keys, lives } = plain;
    const reported = { table: this.#table, flows, claims, keys, lives };
    const joiner = new Joiner(reported, ids, this.#joinObserver());
    this.#joiner = joiner;
    this.gateways = new Gateways(this.claims, lives, {
      connectionOf: (socket) => this.#table.connectionOf(socket),
      callIn: (endpoints, nowMs) => plain.callIn(endpoints, nowMs),
      infer: (one, other, nowMs) => joiner.infer(one, other, nowMs),
      partInferred: (connection, nowMs) => joiner.part(connection, nowMs),
      doubt: (connection) => this.quality.doubt(connection),
    });
    this.#listening = { table: this.#table, listeners, plain, conclude: this.#conclude.bind(this) };
    this.#seeking = { table: this.#table, flows, joiner, gateways: this.gateways };
  }

  /** Halves that found no room: under a key with too many open connections, and among those to be judged again. */
  get refused(): { readonly unfiled: number; readonly undecided: number } {
    return { unfiled: this.#table.unfiled, undecided: this.#joiner.undecided.refused };
  }

  /** What is past is kept as objects, since the core forgets by the time of closing. */
  opened(socket: ReportedSocket, nowMs: number): void {
    if (isListening(socket.state)) return listenerOpened(this.#listening, socket, nowMs);
    if (isUnspecified(socket.remote.ip) && socket.remote.port === 0) return;
    this.plain.lives.note(socket, socket.state);
    if (socket.closedAtMs === null && this.plain.opened(socket, nowMs)) return;
    addTo(this.#socketsOf, socket.host, socket);
    this.#joiner.take(socket, nowMs);
    this.#joiner.settle(socket, nowMs);
  }

  changed(socket: ReportedSocket, previousState: SocketState, nowMs: number): void {
    if (isListening(previousState) !== isListening(socket.state)) {
      this.#withdraw(socket, isListening(previousState), nowMs);
      return this.opened(socket, nowMs);
    }
    if (isListening(socket.state)) return listenerOpened(this.#listening, socket, nowMs);
    this.plain.lives.note(socket, previousState);
    if (this.plain.changed(socket, previousState, nowMs)) return;
    this.#concludeOf(socket, nowMs);
    this.#joiner.settle(socket, nowMs);
  }

  closed(socket: ReportedSocket, nowMs: number): void {
    if (isListening(socket.state)) return removeListener(this.#listening, socket);
    this.plain.lives.note(socket, socket.state);
    if (this.plain.closed(socket, nowMs)) return;
    removeFrom(this.#socketsOf, socket.host, socket);
    const half = this.#table.halfOf(socket);
    if (half === undefined) return;
    this.#conclude(half.connection, nowMs);
    this.#joiner.settle(socket, nowMs);
    const connection = this.#table.connectionOf(socket);
    if (connection?.ambiguous === true) this.#joiner.settleRivals(half.standing, nowMs);
    // A record that began after it is over leads to the end of another conversation.
    if (connection !== undefined && connection.via !== null) this.#joiner.seek(socket, nowMs);
  }

  translated(socket: ReportedSocket, nowMs: number): void {
    if (this.plain.translated(socket, nowMs)) return;
    if (this.#joiner.refile(socket, nowMs)) return this.#joiner.settle(socket, nowMs);
    // Its role tells the direction even where nothing is translated.
    this.#concludeOf(socket, nowMs);
  }

  counted(socket: ReportedSocket, nowMs: number): void {
    if (this.plain.counted(socket)) return;
    const connection = this.#table.connectionOf(socket);
    if (connection?.placed) this.#observer.counted(connection, nowMs);
  }

  forwarded(flow: ReportedFlow, nowMs: number): void {
    seekAt(this.#seeking, this.flows.add(flow, nowMs), nowMs);
  }

  forwardEnded(flow: ReportedFlow, nowMs: number, endedAtMs = nowMs): void {
    this.flows.end(flow, nowMs, endedAtMs);
  }

  hostChanged(host: ReportingHost, nowMs: number): void {
    const portrait = portraitOf(host);
    if (!this.#portraits.has(host)) this.gateways.hostAppeared(host);
    const before = this.#portraits.get(host) ?? null;
    const changed = differencesOf(before, portrait);
    this.#portraits.set(host, portrait);
    this.plain.hostChanged(host, changed, nowMs);
    if (changed.claims) {
      this.claims.update(host);
      claimedAnew(this.#seeking, host, changed.claimed, nowMs);
    }
    moveToScopes(this.#seeking, host, changed, this.#socketsOf.get(host) ?? [], nowMs);
    const isConcerned = (socket: ReportedSocket): boolean => changed.name || changed.netns.has(socket.netns);
    if (changed.name || changed.netns.size > 0) {
      for (const socket of this.#socketsOf.get(host) ?? [])
        if (isConcerned(socket)) this.#concludeOf(socket, nowMs);
    }
    if (changed.state || changed.scope || changed.claims) this.quality.doubtAround(host, before, portrait);
    for (const ip of changed.addresses)
      for (const each of this.#table.concerned.byMissingEnd(host.realm, ip)) this.#conclude(each, nowMs);
  }

  hostLost(host: ReportingHost, sockets: Iterable<ReportedSocket>, nowMs: number): void {
    this.plain.hostLost(host, nowMs);
    for (const socket of sockets) this.#withdraw(socket, isListening(socket.state), nowMs, host);
    this.claims.remove(host);
    const portrait = this.#portraits.get(host) ?? null;
    claimedAnew(this.#seeking, host, [...(portrait?.addresses ?? [])], nowMs);
    this.quality.doubtAround(host, portrait);
    this.#portraits.delete(host);
    this.gateways.hostLost(host);
    this.plain.drop(host, nowMs);
  }

  /** Entries of each table that grows with what is reported: all are 0 when nothing is open and nothing lingers. */
  get sizes(): Readonly<Record<string, number>> {
    return {
      ...this.#table.sizes,
      ...this.plain.sizes,
      hostsWithSockets: this.#socketsOf.size,
      waiting: this.#grace.size,
      undecided: this.#joiner.undecided.size,
      recentlyClosed: this.recentlyClosed.size,
      listeners: this.listeners.size,
      flows: this.flows.size,
      gateways: this.gateways.size,
      doubted: this.quality.doubted,
      matchedHosts: this.quality.counts.hosts.size,
    };
  }

  /** Places the lone halves whose grace time is over and forgets what lingered long enough. Call about once a second. */
  sweep(nowMs: number): void {
    this.quality.countLone([], nowMs);
    this.plain.sweep(nowMs, Math.max(0, this.#limits.lingerMax - this.recentlyClosed.size));
    for (const connection of this.#grace.over(nowMs)) {
      this.#place(connection, nowMs);
      this.quality.judge(connection, nowMs);
    }
    for (const connection of this.recentlyClosed.expire(nowMs)) this.#forget(connection, nowMs);
    this.#joiner.settleUndecided(nowMs);
    this.flows.expire(nowMs);
    this.gateways.sweep(nowMs);
    this.quality.settle(nowMs);
  }

  /** How well connections are matched now: of the fleet, and of each host that has an end of any. */
  matchCounts(nowMs: number): MatchCounts {
    for (const connection of this.#grace.over(nowMs)) this.quality.doubt(connection);
    this.quality.settle(nowMs);
    this.quality.countLone(this.connections.lone(), nowMs);
    return this.quality.counts;
  }

  #concludeOf(socket: ReportedSocket, nowMs: number): void {
    const connection = this.#table.connectionOf(socket);
    if (connection !== undefined) this.#conclude(connection, nowMs);
  }

  /** Brings every conclusion about a connection up to what its halves now say, and tells the observer. */
  #conclude(connection: Connection, nowMs: number): void {
    concludeOpening(connection);
    concludeDirection(connection, this);
    findDatagramPeer(connection, this);
    concludeClosing(connection, this.plain.lives);
    if (connection.closedAtMs === null) this.recentlyClosed.delete(connection);
    else this.recentlyClosed.add(connection, lingersFromMs(connection, connection.closedAtMs));
    this.gateways.note(connection);
    if (connection.placed) this.#observer.updated(connection, nowMs);
    else if (missingSide(connection) === null || connection.datagramPeer !== null)
      this.#place(connection, nowMs);
    this.quality.judge(connection, nowMs);
  }

  #place(connection: Connection, nowMs: number): void {
    confirmDirection(connection, this);
    connection.placed = true;
    this.#grace.delete(connection);
    this.#observer.placed(connection, nowMs);
  }

  /** Takes a socket back as if it had not been reported: it listens now, or its host is lost. What is all there goes as one. */
  #withdraw(socket: ReportedSocket, wasListening: boolean, nowMs: number, lost?: ReportingHost): void {
    if (wasListening) return withdrawListener(this.#listening, socket, nowMs);
    this.plain.leave(socket, nowMs);
    this.#joiner.undecided.forget(socket);
    removeFrom(this.#socketsOf, socket.host, socket);
    const half = this.#table.halfOf(socket);
    if (half === undefined) return;
    const { connection } = half;
    const isLost = (other: ReportedSocket): boolean => other.host === lost && other.closedAtMs === null;
    if (reportedHalves(connection).every((other) => other === socket || isLost(other))) {
      this.#forget(connection, nowMs);
    } else {
      this.#table.detach(half);
      this.gateways.forget(socket);
      connection.joinedBy = null;
      this.#conclude(connection, nowMs);
    }
    if (connection.ambiguous) this.#joiner.settleRivals(half.standing, nowMs);
  }

  /** Takes over what leaves the core, as it would be here if it had been here all the time. */
  #adopt(connection: Connection, left: PlainRow, nowMs: number): void {
    this.connections.noteLeft(left);
    const { halves, placed, closedAtMs } = connection;
    const ends = [halves.a, halves.b];
    Object.assign(halves, { a: null, b: null });
    for (const socket of ends) {
      // As it stood there: whatever is new about it files it anew.
      if (socket !== null) this.#table.adopt(connection, socket, left.space!.text);
      if (socket?.closedAtMs === null) addTo(this.#socketsOf, socket.host, socket);
    }
    if (closedAtMs !== null) this.recentlyClosed.add(connection, lingersFromMs(connection, closedAtMs));
    if (placed) {
      this.quality.takeOver(connection);
      return this.#observer.adopted(connection, nowMs);
    }
    this.#grace.add(connection);
    this.connections.direct(connection, left);
    this.#conclude(connection, nowMs);
  }

  #forget(connection: Connection, nowMs: number): void {
    for (const socket of reportedHalves(connection)) this.gateways.forget(socket);
    this.#table.remove(connection);
    this.#leave(connection);
    if (connection.placed) this.#observer.forgotten(connection, nowMs);
  }

  #leave(connection: Connection): void {
    this.#grace.delete(connection);
    this.recentlyClosed.delete(connection);
    this.quality.leave(connection);
  }

  #joinObserver(): JoinObserver {
    return {
      created: (connection) => this.#grace.add(connection),
      rejoined: (connection, nowMs) => this.#conclude(connection, nowMs),
      parted: (connection) => {
        if (connection.placed) this.#observer.parted(connection);
      },
      merged: (connection, nowMs) => {
        this.#leave(connection);
        if (connection.placed) this.#observer.dissolved(connection, nowMs);
      },
      doubted: (connection, nowMs) => this.#conclude(connection, nowMs),
      crowdedOut: (connection, nowMs) => {
        this.recentlyClosed.evicted++;
        this.#forget(connection, nowMs);
      },
      missedClose: (socket, connection, nowMs) => {
        removeFrom(this.#socketsOf, socket.host, socket);
        this.#conclude(connection, nowMs);
      },
    };
  }
}
