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
import { type IpAddress, isUnspecified } from '../../model/ip.ts';
import { isListening, type SocketState } from '../../model/socket-state.ts';
import { defaultLingerLimits, type LingerLimits, RecentlyClosed } from '../history/recently-closed.ts';
import { AddressClaims } from './address-claims.ts';
import { type Connection, isHalfOpen, missingSide, otherSide, reportedHalves } from './connection.ts';
import { decideDirection, isStronger } from './direction.ts';
import { placeHalf } from './generations.ts';
import { Listeners, portKey } from './listeners.ts';
import type { ReportedSocket, ReportingHost, SocketReports } from './report.ts';
import { scopeOf } from './scope.ts';

/** Told of every conclusion, in order. The connection already has its new values. */
export interface ConnectionObserver {
  /** Its place in the map is decided: matched, or alone after the grace time. Comes once per connection, first. */
  placed(connection: Connection, nowMs: number): void;
  /** After `placed`: an end, its owners, its direction, or whether it is open became different. */
  updated(connection: Connection, nowMs: number): void;
  /** It left the live view: it lingered long enough, or its only reporting host is lost. */
  forgotten(connection: Connection, nowMs: number): void;
}

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
  /** Connections by the port of each end that is reported: whom a listener there concerns. */
  readonly #byPort = new Map<string, Set<Connection>>();
  /** Connections by the realm and address of their missing end. */
  readonly #byMissingEnd = new Map<string, Set<Connection>>();
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
    if (placement.kind === 'join') return this.#join(placement.connection, side, socket, nowMs);
    if (placement.kind === 'new' && placement.displaced !== null) {
      this.#closeMissed(placement.displaced, side, socket, nowMs);
    }
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
    if (connection !== undefined) this.#conclude(connection, nowMs);
  }

  hostChanged(host: ReportingHost, nowMs: number): void {
    this.claims.update(host);
    const sockets = Array.from(this.#socketsOf.get(host) ?? []);
    for (const socket of sockets) {
      const connection = this.#connectionOf.get(socket);
      if (connection === undefined) continue;
      const { key } = tupleKey(scopeOf(socket), socket.protocol, socket);
      if (key === connection.key) {
        this.#conclude(connection, nowMs);
      } else {
        this.#withdraw(socket, false, nowMs);
        this.opened(socket, nowMs);
      }
    }
    const addresses = [...host.netns.values()].flatMap((netns) => netns.addresses.map(({ ip }) => ip));
    for (const connection of this.#missingEndsAt(host.realm, addresses)) this.#conclude(connection, nowMs);
  }

  hostLost(host: ReportingHost, sockets: Iterable<ReportedSocket>, nowMs: number): void {
    for (const socket of sockets) this.#withdraw(socket, isListening(socket.state), nowMs);
    this.claims.remove(host);
  }

  /** Places the lone halves whose grace time is over and forgets what lingered long enough. Call about once a second. */
  sweep(nowMs: number): void {
    for (const connection of this.#waiting) {
      if (nowMs - connection.reportedAtMs < this.#limits.graceMs) break;
      this.#place(connection, nowMs);
    }
    for (const connection of this.recentlyClosed.expire(nowMs)) this.#forget(connection, nowMs);
  }

  /** Whether the other end of a lone half may still be on its way. */
  isWithinGrace(connection: Connection, nowMs: number): boolean {
    return nowMs - connection.reportedAtMs < this.#limits.graceMs;
  }

  /** The socket that listens behind a half: in its own namespace, or where its address is claimed when it is unseen. */
  listenerBehind(connection: Connection, side: Side): ReportedSocket | null {
    const endpoint = connection.endpoints[side];
    const half = connection.halves[side];
    if (half !== null) return this.listeners.find(half.host.id, half.netns, connection.protocol, endpoint);
    const other = connection.halves[otherSide(side)];
    if (other === null || connection.ambiguous) return null;
    const claims = this.claims.of(other.host, other.netns, endpoint.ip);
    const only = claims[0];
    if (only === undefined || claims.length > 1) return null;
    return this.listeners.find(only.host.id, only.netns.inode, connection.protocol, endpoint);
  }

  #create(key: string, side: Side, socket: ReportedSocket, nowMs: number): Connection {
    this.#lastNumber++;
    const connection: Connection = {
      id: `${this.#idPrefix}-${this.#lastNumber.toString(36)}`,
      key,
      protocol: socket.protocol,
      realm: socket.host.realm,
      endpoints: side === 'a' ? { a: socket.local, b: socket.remote } : { a: socket.remote, b: socket.local },
      halves: { a: null, b: null },
      datagramPeer: null,
      client: 'a',
      direction: 'unknown',
      handshakeClient: null,
      ambiguous: false,
      established: false,
      openedAtMs: socket.openedAtMs,
      closedAtMs: null,
      placed: false,
      reportedAtMs: nowMs,
    };
    const generations = this.#generations.get(key);
    if (generations === undefined) this.#generations.set(key, [connection]);
    else generations.push(connection);
    this.connections.set(connection.id, connection);
    this.#waiting.add(connection);
    this.#attach(connection, side, socket);
    return connection;
  }

  #join(connection: Connection, side: Side, socket: ReportedSocket, nowMs: number): void {
    this.#attach(connection, side, socket);
    this.#conclude(connection, nowMs);
  }

  #attach(connection: Connection, side: Side, socket: ReportedSocket): void {
    connection.halves[side] = socket;
    if (sameEndpoint(socket.local, socket.remote)) connection.halves[otherSide(side)] = socket;
    this.#connectionOf.set(socket, connection);
    addTo(this.#byPort, halfPortKey(socket), connection);
    this.#indexMissingEnd(connection);
  }

  #indexMissingEnd(connection: Connection): void {
    for (const side of ['a', 'b'] as const) {
      const key = missingEndKey(connection.realm, connection.endpoints[side].ip);
      if (connection.halves[side] === null) addTo(this.#byMissingEnd, key, connection);
      else removeFrom(this.#byMissingEnd, key, connection);
    }
  }

  /** Brings every conclusion about a connection up to what its halves now say, and tells the observer. */
  #conclude(connection: Connection, nowMs: number): void {
    const halves = reportedHalves(connection);
    connection.openedAtMs = Math.min(...halves.map((half) => half.openedAtMs));
    for (const half of halves) this.#learnFromState(connection, half);
    this.#decideDirection(connection);
    this.#findDatagramPeer(connection);
    this.#concludeClosing(connection, halves, nowMs);
    if (connection.placed) this.#observer.updated(connection, nowMs);
    else if (halves.length === 2 || connection.datagramPeer !== null) this.#place(connection, nowMs);
  }

  #learnFromState(connection: Connection, half: ReportedSocket): void {
    const side = connection.halves.a === half ? 'a' : 'b';
    if (half.state === 'syn-sent') connection.handshakeClient ??= side;
    else if (half.state === 'syn-recv') connection.handshakeClient ??= otherSide(side);
    else if (half.state !== 'closed') connection.established = true;
  }

  #decideDirection(connection: Connection): void {
    const decided = decideDirection(connection, (side) => {
      const listener = this.listenerBehind(connection, side);
      // A listener born after the connection ended says nothing about it: its port was a client's before.
      return listener !== null && listener.notBeforeMs < (connection.closedAtMs ?? Number.POSITIVE_INFINITY);
    });
    const current: DirectionRule = connection.direction;
    if (!isStronger(decided.rule, current) && current !== 'unknown') return;
    connection.client = decided.client;
    connection.direction = decided.rule;
  }

  #findDatagramPeer(connection: Connection): void {
    const missing = connection.protocol === 'udp' ? missingSide(connection) : null;
    if (missing === null) connection.datagramPeer = null;
    else connection.datagramPeer = this.listenerBehind(connection, missing) ?? connection.datagramPeer;
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

  /** Takes a socket back as if it had not been reported: its host is lost, or it moved to another scope. */
  #withdraw(socket: ReportedSocket, wasListening: boolean, nowMs: number): void {
    if (wasListening) return this.#withdrawListener(socket, nowMs);
    removeFrom(this.#socketsOf, socket.host, socket);
    const connection = this.#connectionOf.get(socket);
    if (connection === undefined) return;
    if (reportedHalves(connection).every((half) => half === socket)) return this.#forget(connection, nowMs);
    this.#connectionOf.delete(socket);
    removeFrom(this.#byPort, halfPortKey(socket), connection);
    connection.halves[connection.halves.a === socket ? 'a' : 'b'] = null;
    this.#indexMissingEnd(connection);
    this.#conclude(connection, nowMs);
  }

  #forget(connection: Connection, nowMs: number): void {
    for (const half of reportedHalves(connection)) {
      this.#connectionOf.delete(half);
      removeFrom(this.#byPort, halfPortKey(half), connection);
    }
    for (const endpoint of Object.values(connection.endpoints)) {
      removeFrom(this.#byMissingEnd, missingEndKey(connection.realm, endpoint.ip), connection);
    }
    const left = (this.#generations.get(connection.key) ?? []).filter((other) => other !== connection);
    if (left.length === 0) this.#generations.delete(connection.key);
    else this.#generations.set(connection.key, left);
    this.connections.delete(connection.id);
    this.#waiting.delete(connection);
    this.recentlyClosed.delete(connection);
    if (connection.placed) this.#observer.forgotten(connection, nowMs);
  }

  /** Also when a known listener's owners changed. */
  #listenerOpened(socket: ReportedSocket, nowMs: number): void {
    this.listeners.add(socket);
    for (const connection of this.#behind(socket)) this.#conclude(connection, nowMs);
  }

  #withdrawListener(socket: ReportedSocket, nowMs: number): void {
    this.listeners.remove(socket);
    for (const connection of this.#behind(socket)) {
      if (connection.datagramPeer !== socket) continue;
      connection.datagramPeer = null;
      this.#conclude(connection, nowMs);
    }
  }

  /** The connections that a listener concerns: with a half on its port, or with a missing end at its address and port. */
  #behind(listener: ReportedSocket): Set<Connection> {
    const { host, netns, local } = listener;
    const addresses = isUnspecified(local.ip)
      ? (host.netns.get(netns)?.addresses ?? []).map((address) => address.ip)
      : [local.ip];
    const connections = new Set(this.#byPort.get(halfPortKey(listener)));
    for (const connection of this.#missingEndsAt(host.realm, addresses)) {
      const side = missingSide(connection);
      if (side !== null && connection.endpoints[side].port === local.port) connections.add(connection);
    }
    return connections;
  }

  #missingEndsAt(realm: string, addresses: readonly IpAddress[]): Connection[] {
    return addresses.flatMap((ip) => [...(this.#byMissingEnd.get(missingEndKey(realm, ip)) ?? [])]);
  }
}

function halfPortKey(socket: ReportedSocket): string {
  return portKey(socket.host.id, socket.netns, socket.protocol, socket.local.port);
}

function missingEndKey(realm: string, ip: IpAddress): string {
  return `${realm}|${ip}`;
}

function addTo<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, new Set([value]));
  else values.add(value);
}

function removeFrom<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = index.get(key);
  if (values?.delete(value) === true && values.size === 0) index.delete(key);
}
