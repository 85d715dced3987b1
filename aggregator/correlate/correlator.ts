/**
 * Joins what hosts report into connections: the plain reference implementation, a Map of objects.
 *
 * Each reported socket with a peer is filed under its scoped, direction-free key; the second half that arrives under the
 * same key, and within the same generation, completes the connection. Sockets without a peer are listeners. Every
 * conclusion is incremental per event and told to one observer (the graph); time comes in as `nowMs` only.
 */
import type { DirectionRule } from '../../model/document.ts';
import { sameEndpoint } from '../../model/endpoint.ts';
import { type Side, tupleKey } from '../../model/four-tuple.ts';
import { isUnspecified } from '../../model/ip.ts';
import { isListening, type SocketState } from '../../model/socket-state.ts';
import { defaultLingerLimits, type LingerLimits, RecentlyClosed } from '../history/recently-closed.ts';
import { AddressClaims } from './address-claims.ts';
import { addTo, ConcernedConnections, removeFrom } from './concerned.ts';
import {
  type Connection,
  isHalfOpen,
  learnFromState,
  missingSide,
  newConnection,
  otherSide,
  reportedHalves,
} from './connection.ts';
import { decideDirection, isStronger } from './direction.ts';
import { generationsMax, placeHalf, settledRivals } from './generations.ts';
import { listenerBehind, listenerThen } from './listener-behind.ts';
import { Listeners } from './listeners.ts';
import type { ConnectionObserver } from './observer.ts';
import { differencesOf, type Portrait, portraitOf } from './portrait.ts';
import type { ReportedFlow, ReportedSocket, ReportingHost, SocketReports } from './report.ts';
import { scopeOf } from './scope.ts';

export interface CorrelatorLimits extends LingerLimits {
  /** How long a lone half waits for its other end before it is placed alone. */
  readonly graceMs: number;
}

export const defaultCorrelatorLimits: CorrelatorLimits = { graceMs: 3_000, ...defaultLingerLimits };

export class Correlator implements SocketReports {
  readonly claims = new AddressClaims();
  readonly listeners = new Listeners();
  readonly connections = new Map<string, Connection>();
  readonly #generations = new Map<string, Connection[]>();
  readonly #connectionOf = new Map<ReportedSocket, Connection>();
  /** Sockets with a peer, by host: what a change of that host's networks or state concerns. */
  readonly #socketsOf = new Map<ReportingHost, Set<ReportedSocket>>();
  readonly #concerned = new ConcernedConnections();
  readonly #portraits = new Map<ReportingHost, Portrait>();
  /** Not placed yet, in the order of their first report. */
  readonly #waiting = new Set<Connection>();
  readonly recentlyClosed: RecentlyClosed<Connection>;
  readonly #observer: ConnectionObserver;
  readonly #limits: CorrelatorLimits;
  readonly #idPrefix: string;
  #lastNumber = 0;

  /** @param idPrefix told apart from other runs of the aggregator, so that an id never means two connections. */
  constructor(
    observer: ConnectionObserver,
    idPrefix: string,
    limits: CorrelatorLimits = defaultCorrelatorLimits,
  ) {
    this.#observer = observer;
    this.#idPrefix = idPrefix;
    this.#limits = limits;
    this.recentlyClosed = new RecentlyClosed(limits);
  }

  opened(socket: ReportedSocket, nowMs: number): void {
    if (isListening(socket.state)) return this.#listenerOpened(socket, nowMs);
    if (isUnspecified(socket.remote.ip) && socket.remote.port === 0) return;
    addTo(this.#socketsOf, socket.host, socket);
    const { key, side } = tupleKey(scopeOf(socket), socket.protocol, socket);
    const placement = placeHalf(this.#generations.get(key) ?? [], side, socket);
    if (placement.kind !== 'ambiguous' && placement.displaced !== null) {
      this.#closeMissed(placement.displaced, side, socket, nowMs);
    }
    if (placement.kind === 'join') return this.#join(placement.connection, side, socket, nowMs);
    const connection = this.#create(key, side, socket, nowMs);
    if (placement.kind === 'ambiguous') {
      for (const rival of [connection, ...placement.rivals]) rival.ambiguous = true;
    }
    this.#conclude(connection, nowMs);
  }

  changed(socket: ReportedSocket, previousState: SocketState, nowMs: number): void {
    if (isListening(previousState) !== isListening(socket.state)) {
      this.#withdraw(socket, isListening(previousState), nowMs);
      return this.opened(socket, nowMs);
    }
    if (isListening(socket.state)) return this.#listenerOpened(socket, nowMs);
    const connection = this.#connectionOf.get(socket);
    if (connection !== undefined) this.#conclude(connection, nowMs);
  }

  closed(socket: ReportedSocket, nowMs: number): void {
    if (isListening(socket.state)) return this.listeners.remove(socket);
    removeFrom(this.#socketsOf, socket.host, socket);
    const connection = this.#connectionOf.get(socket);
    if (connection === undefined) return;
    this.#conclude(connection, nowMs);
    if (connection.ambiguous) this.#settleRivals(connection.key, nowMs);
  }

  /** Not yet used to join: see the table of what has its place in ARCHITECTURE.md. */
  translated(_socket: ReportedSocket, _nowMs: number): void {}

  counted(socket: ReportedSocket, nowMs: number): void {
    const connection = this.#connectionOf.get(socket);
    if (connection?.placed) this.#observer.counted(connection, nowMs);
  }

  forwarded(_flow: ReportedFlow, _nowMs: number): void {}

  forwardEnded(_flow: ReportedFlow, _nowMs: number): void {}

  hostChanged(host: ReportingHost, nowMs: number): void {
    const portrait = portraitOf(host);
    const changed = differencesOf(this.#portraits.get(host) ?? null, portrait);
    this.#portraits.set(host, portrait);
    if (changed.claims) this.claims.update(host);
    if (changed.scope) this.#moveToScopes(host, nowMs);
    if (changed.name || changed.netns.size > 0) {
      for (const socket of this.#socketsOf.get(host) ?? []) {
        const connection = this.#connectionOf.get(socket);
        const isConcerned = changed.name || changed.netns.has(socket.netns);
        if (connection !== undefined && isConcerned) this.#conclude(connection, nowMs);
      }
    }
    for (const ip of changed.addresses) {
      for (const connection of this.#concerned.byMissingEnd(host.realm, ip))
        this.#conclude(connection, nowMs);
    }
  }

  /** Files the sockets of a host anew that belong to another scope since its realm or its networks changed. */
  #moveToScopes(host: ReportingHost, nowMs: number): void {
    const moved = Array.from(this.#socketsOf.get(host) ?? []).filter((socket) => {
      const connection = this.#connectionOf.get(socket);
      const { key } = tupleKey(scopeOf(socket), socket.protocol, socket);
      return connection !== undefined && (key !== connection.key || connection.realm !== host.realm);
    });
    for (const socket of moved) this.#withdraw(socket, false, nowMs, 'dissolve');
    for (const socket of moved) this.opened(socket, nowMs);
  }

  hostLost(host: ReportingHost, sockets: Iterable<ReportedSocket>, nowMs: number): void {
    for (const socket of sockets) this.#withdraw(socket, isListening(socket.state), nowMs);
    this.claims.remove(host);
    this.#portraits.delete(host);
  }

  /** Entries of each table that grows with sockets: all are 0 when nothing is open and nothing lingers. */
  get sizes(): Readonly<Record<string, number>> {
    return {
      connections: this.connections.size,
      keys: this.#generations.size,
      halves: this.#connectionOf.size,
      hostsWithSockets: this.#socketsOf.size,
      concerned: this.#concerned.size,
      waiting: this.#waiting.size,
      recentlyClosed: this.recentlyClosed.size,
      listeners: this.listeners.size,
    };
  }

  /** Places the lone halves whose grace time is over and forgets what lingered long enough. Call about once a second. */
  sweep(nowMs: number): void {
    for (const connection of this.#waiting) {
      if (this.isWithinGrace(connection, nowMs)) break;
      this.#place(connection, nowMs);
    }
    for (const connection of this.recentlyClosed.expire(nowMs)) this.#forget(connection, nowMs);
  }

  /** Whether the other end of a lone half may still be on its way. */
  isWithinGrace(connection: Connection, nowMs: number): boolean {
    const waitedMs = nowMs - connection.reportedAtMs;
    // Below 0 when the clock was set back: nobody knows how long it waited.
    return waitedMs >= 0 && waitedMs < this.#limits.graceMs;
  }

  /** The socket that listens behind a half: in its own namespace, or where its address is claimed when it is unseen. */
  listenerBehind(connection: Connection, side: Side): ReportedSocket | null {
    return listenerBehind(connection, side, this);
  }

  #create(key: string, side: Side, socket: ReportedSocket, nowMs: number): Connection {
    this.#lastNumber++;
    const id = `${this.#idPrefix}-${this.#lastNumber.toString(36)}`;
    const connection = newConnection(id, key, side, socket, nowMs);
    const generations = this.#generations.get(key);
    if (generations === undefined) this.#generations.set(key, [connection]);
    else this.#addGeneration(generations, connection, nowMs);
    this.connections.set(connection.id, connection);
    this.#waiting.add(connection);
    this.#attach(connection, side, socket);
    return connection;
  }

  #addGeneration(generations: Connection[], connection: Connection, nowMs: number): void {
    generations.push(connection);
    if (generations.length <= generationsMax) return;
    const oldest = generations.find(({ closedAtMs }) => closedAtMs !== null);
    if (oldest === undefined) return;
    this.recentlyClosed.evicted++;
    this.#forget(oldest, nowMs);
  }

  #join(connection: Connection, side: Side, socket: ReportedSocket, nowMs: number): void {
    this.#attach(connection, side, socket);
    this.#conclude(connection, nowMs);
  }

  #attach(connection: Connection, side: Side, socket: ReportedSocket): void {
    connection.halves[side] = socket;
    if (sameEndpoint(socket.local, socket.remote)) connection.halves[otherSide(side)] = socket;
    this.#connectionOf.set(socket, connection);
    this.#concerned.attach(connection, socket);
  }

  /** Brings every conclusion about a connection up to what its halves now say, and tells the observer. */
  #conclude(connection: Connection, nowMs: number): void {
    const halves = reportedHalves(connection);
    connection.openedAtMs = Math.min(...halves.map((half) => half.openedAtMs));
    for (const half of halves) learnFromState(connection, half);
    this.#decideDirection(connection);
    this.#findDatagramPeer(connection);
    this.#concludeClosing(connection, halves, nowMs);
    if (connection.placed) this.#observer.updated(connection, nowMs);
    else if (halves.length === 2 || connection.datagramPeer !== null) this.#place(connection, nowMs);
  }

  #decideDirection(connection: Connection): void {
    const decided = decideDirection(connection, (side) => listenerThen(connection, side, this) !== null);
    const current: DirectionRule = connection.direction;
    if (!isStronger(decided.rule, current) && current !== 'unknown') return;
    connection.client = decided.client;
    connection.direction = decided.rule;
  }

  #findDatagramPeer(connection: Connection): void {
    const missing = connection.protocol === 'udp' ? missingSide(connection) : null;
    if (missing === null) connection.datagramPeer = null;
    else connection.datagramPeer = listenerThen(connection, missing, this) ?? connection.datagramPeer;
  }

  #concludeClosing(connection: Connection, halves: readonly ReportedSocket[], nowMs: number): void {
    if (halves.some(isHalfOpen)) {
      connection.closedAtMs = null;
      this.recentlyClosed.delete(connection);
    } else if (connection.closedAtMs === null) {
      const times = halves.map((half) => half.closedAtMs).filter((time) => time !== null);
      connection.closedAtMs = Math.max(connection.openedAtMs, times.length > 0 ? Math.max(...times) : nowMs);
      this.recentlyClosed.add(connection, connection.closedAtMs);
    }
  }

  #place(connection: Connection, nowMs: number): void {
    connection.placed = true;
    this.#waiting.delete(connection);
    this.#observer.placed(connection, nowMs);
  }

  /** The half is open under a new socket now: its old socket ended without a word. */
  #closeMissed(displaced: Connection, side: Side, successor: ReportedSocket, nowMs: number): void {
    const half = displaced.halves[side];
    if (half === null || half === successor) return;
    half.closedAtMs = Math.max(half.openedAtMs, successor.notBeforeMs);
    removeFrom(this.#socketsOf, half.host, half);
    this.#conclude(displaced, nowMs);
  }

  /**
   * Takes a socket back as if it had not been reported: its host is lost, or it belongs to another connection.
   * @param lone what becomes of a connection that has no other half
   */
  #withdraw(
    socket: ReportedSocket,
    wasListening: boolean,
    nowMs: number,
    lone: 'forget' | 'dissolve' = 'forget',
  ): void {
    if (wasListening) return this.#withdrawListener(socket, nowMs);
    removeFrom(this.#socketsOf, socket.host, socket);
    const connection = this.#connectionOf.get(socket);
    if (connection === undefined) return;
    if (reportedHalves(connection).every((half) => half === socket)) {
      this.#forget(connection, nowMs, lone);
    } else {
      this.#connectionOf.delete(socket);
      connection.halves[connection.halves.a === socket ? 'a' : 'b'] = null;
      this.#concerned.detach(connection, socket);
      this.#conclude(connection, nowMs);
    }
    if (connection.ambiguous) this.#settleRivals(connection.key, nowMs);
  }

  /** A rival of ambiguous halves is gone: what is left of them may be told apart, and find its other end. */
  #settleRivals(key: string, nowMs: number): void {
    const settled = settledRivals(this.#generations.get(key) ?? []);
    for (const connection of settled) connection.ambiguous = false;
    for (const connection of settled) {
      const side = connection.halves.a === null ? 'b' : 'a';
      const socket = connection.halves[side];
      if (socket === null || missingSide(connection) === null) continue;
      const others = this.#generations.get(key)!.filter((other) => other !== connection);
      const placement = placeHalf(others, side, socket);
      if (placement.kind !== 'join') continue;
      this.#withdraw(socket, false, nowMs, 'dissolve');
      addTo(this.#socketsOf, socket.host, socket);
      this.#join(placement.connection, side, socket, nowMs);
    }
  }

  #forget(connection: Connection, nowMs: number, how: 'forget' | 'dissolve' = 'forget'): void {
    for (const half of reportedHalves(connection)) this.#connectionOf.delete(half);
    this.#concerned.remove(connection);
    const left = (this.#generations.get(connection.key) ?? []).filter((other) => other !== connection);
    if (left.length === 0) this.#generations.delete(connection.key);
    else this.#generations.set(connection.key, left);
    this.connections.delete(connection.id);
    this.#waiting.delete(connection);
    this.recentlyClosed.delete(connection);
    if (!connection.placed) return;
    if (how === 'dissolve') this.#observer.dissolved(connection, nowMs);
    else this.#observer.forgotten(connection, nowMs);
  }

  /** Also when a known listener's owners changed. What closed under an earlier listener keeps that one's name. */
  #listenerOpened(socket: ReportedSocket, nowMs: number): void {
    if (!this.listeners.add(socket)) return;
    for (const connection of this.#concerned.byListener(socket)) {
      const isSettled = connection.closedAtMs !== null && connection.direction === 'listener';
      if (!isSettled) this.#conclude(connection, nowMs);
    }
  }

  #withdrawListener(socket: ReportedSocket, nowMs: number): void {
    this.listeners.remove(socket);
    if (socket.protocol !== 'udp') return;
    for (const connection of this.#concerned.byListener(socket)) {
      if (connection.datagramPeer !== socket) continue;
      connection.datagramPeer = null;
      this.#conclude(connection, nowMs);
    }
  }
}
