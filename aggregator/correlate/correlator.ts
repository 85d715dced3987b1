/**
 * Joins what hosts report into connections: the plain reference implementation, a Map of objects.
 *
 * Each reported socket with a peer is filed under the keys at which it can meet its other end (meetings.ts); the second
 * half that arrives under such a key, and within the same generation, completes the connection. Sockets without a peer
 * are listeners. Every conclusion is incremental per event and told to one observer (the graph); time comes in as
 * `nowMs` only.
 */
import type { Side } from '../../model/four-tuple.ts';
import { type IpAddress, isUnspecified } from '../../model/ip.ts';
import { isListening, type SocketState } from '../../model/socket-state.ts';
import { defaultLingerLimits, type LingerLimits, RecentlyClosed } from '../history/recently-closed.ts';
import { AddressClaims } from './address-claims.ts';
import { addTo, removeFrom } from './concerned.ts';
import { concludeClosing, concludeDirection, concludeOpening, findDatagramPeer } from './conclusions.ts';
import { type Connection, missingSide, reportedHalves } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { Flows } from './flows.ts';
import { Gateways } from './gateways.ts';
import { Joiner, type JoinObserver } from './joining.ts';
import { listenerBehind } from './listener-behind.ts';
import { Listeners } from './listeners.ts';
import type { MatchCounts } from './match-counts.ts';
import { MatchQuality } from './match-quality.ts';
import type { Meeting } from './meetings.ts';
import type { ConnectionObserver } from './observer.ts';
import { differencesOf, type Portrait, portraitOf } from './portrait.ts';
import type { ReportedFlow, ReportedSocket, ReportingHost, SocketReports } from './report.ts';

export interface CorrelatorLimits extends LingerLimits {
  /** How long a lone half waits for its other end before it is placed alone. */
  readonly graceMs: number;
}

export const defaultCorrelatorLimits: CorrelatorLimits = { graceMs: 3_000, ...defaultLingerLimits };

export class Correlator implements SocketReports {
  readonly claims = new AddressClaims();
  readonly listeners = new Listeners();
  readonly flows = new Flows(this.claims);
  readonly gateways: Gateways;
  readonly quality: MatchQuality;
  readonly #table = new ConnectionTable();
  /** Sockets with a peer, by host: what a change of that host's networks or state concerns. */
  readonly #socketsOf = new Map<ReportingHost, Set<ReportedSocket>>();
  readonly #portraits = new Map<ReportingHost, Portrait>();
  /** Not placed yet, in the order of their first report. */
  readonly #waiting = new Set<Connection>();
  readonly recentlyClosed: RecentlyClosed<Connection>;
  readonly #observer: ConnectionObserver;
  readonly #limits: CorrelatorLimits;
  readonly #joiner: Joiner;

  /** @param idPrefix told apart from other runs of the aggregator, so that an id never means two connections. */
  constructor(
    observer: ConnectionObserver,
    idPrefix: string,
    limits: CorrelatorLimits = defaultCorrelatorLimits,
  ) {
    this.#observer = observer;
    this.#limits = limits;
    this.recentlyClosed = new RecentlyClosed(limits);
    this.quality = new MatchQuality({
      claims: this.claims,
      table: this.#table,
      isWithinGrace: (connection, nowMs) => this.isWithinGrace(connection, nowMs),
      matched: (connection) => observer.matched(connection),
    });
    const reported = { table: this.#table, flows: this.flows, claims: this.claims };
    const joiner = new Joiner(reported, idPrefix, this.#joinObserver());
    this.#joiner = joiner;
    this.gateways = new Gateways(this.claims, {
      connectionOf: (socket) => this.#table.connectionOf(socket),
      infer: (one, other, nowMs) => joiner.infer(one, other, nowMs),
      partInferred: (connection, nowMs) => joiner.part(connection, nowMs),
      doubt: (connection) => this.quality.doubt(connection),
    });
  }

  get connections(): ReadonlyMap<string, Connection> {
    return this.#table.connections;
  }

  /** Halves that cannot be joined because too many open connections stand under their key. */
  get unfiled(): number {
    return this.#table.unfiled;
  }

  opened(socket: ReportedSocket, nowMs: number): void {
    if (isListening(socket.state)) return this.#listenerOpened(socket, nowMs);
    if (isUnspecified(socket.remote.ip) && socket.remote.port === 0) return;
    addTo(this.#socketsOf, socket.host, socket);
    this.#joiner.take(socket, nowMs);
    this.#joiner.settle(socket, socket.state, nowMs);
  }

  changed(socket: ReportedSocket, previousState: SocketState, nowMs: number): void {
    if (isListening(previousState) !== isListening(socket.state)) {
      this.#withdraw(socket, isListening(previousState), nowMs);
      return this.opened(socket, nowMs);
    }
    if (isListening(socket.state)) return this.#listenerOpened(socket, nowMs);
    const connection = this.#table.connectionOf(socket);
    if (connection !== undefined) this.#conclude(connection, nowMs);
    this.#joiner.settle(socket, previousState, nowMs);
  }

  closed(socket: ReportedSocket, nowMs: number): void {
    if (isListening(socket.state)) return this.listeners.remove(socket);
    removeFrom(this.#socketsOf, socket.host, socket);
    const half = this.#table.halfOf(socket);
    if (half === undefined) return;
    this.#conclude(half.connection, nowMs);
    this.#joiner.settle(socket, socket.state, nowMs);
    const connection = this.#table.connectionOf(socket);
    if (connection?.ambiguous === true) this.#joiner.settleRivals(half.standing, nowMs);
    // A record that began after it is over leads to the end of another conversation.
    if (connection !== undefined && connection.via !== null) this.#joiner.seek(socket, nowMs);
  }

  translated(socket: ReportedSocket, nowMs: number): void {
    if (this.#joiner.refile(socket, nowMs)) return this.#joiner.settle(socket, socket.state, nowMs);
    // Its role tells the direction even where nothing is translated.
    const connection = this.#table.connectionOf(socket);
    if (connection !== undefined) this.#conclude(connection, nowMs);
  }

  counted(socket: ReportedSocket, nowMs: number): void {
    const connection = this.#table.connectionOf(socket);
    if (connection?.placed) this.#observer.counted(connection, nowMs);
  }

  forwarded(flow: ReportedFlow, nowMs: number): void {
    this.#seekAt(this.flows.add(flow, nowMs), nowMs);
  }

  forwardEnded(flow: ReportedFlow, nowMs: number): void {
    this.flows.end(flow, nowMs);
  }

  hostChanged(host: ReportingHost, nowMs: number): void {
    const portrait = portraitOf(host);
    if (!this.#portraits.has(host)) this.gateways.hostAppeared(host);
    const before = this.#portraits.get(host) ?? null;
    const changed = differencesOf(before, portrait);
    this.#portraits.set(host, portrait);
    if (changed.claims) {
      this.claims.update(host);
      this.#claimedAnew(host, changed.claimed, nowMs);
    }
    if (changed.scope) this.#moveToScopes(host, nowMs);
    if (changed.name || changed.netns.size > 0) {
      for (const socket of this.#socketsOf.get(host) ?? []) {
        const connection = this.#table.connectionOf(socket);
        const isConcerned = changed.name || changed.netns.has(socket.netns);
        if (connection !== undefined && isConcerned) this.#conclude(connection, nowMs);
      }
    }
    if (changed.state || changed.scope || changed.claims) this.quality.doubtAround(host, before, portrait);
    for (const ip of changed.addresses) {
      for (const connection of this.#table.concerned.byMissingEnd(host.realm, ip))
        this.#conclude(connection, nowMs);
    }
  }

  /** Files anew what belongs to another scope since the host's realm or its networks changed. */
  #moveToScopes(host: ReportingHost, nowMs: number): void {
    for (const flow of this.flows.of(host)) {
      this.flows.remove(flow);
      this.forwarded(flow, nowMs);
    }
    for (const socket of this.#socketsOf.get(host) ?? []) this.#joiner.refile(socket, nowMs);
  }

  /** The halves that the wire shows there may be led to their other end. */
  #seekAt(meetings: readonly Meeting[], nowMs: number): void {
    for (const { key, side } of meetings) {
      const ends = this.#table
        .at(key)
        .filter(({ standing }) => standing.key === key && standing.side === side);
      for (const { socket } of ends) this.#joiner.seek(socket, nowMs);
    }
  }

  /** Others claim these addresses now, or do not any more: that decides who may translate to them, and lead through them. */
  #claimedAnew({ realm }: ReportingHost, addresses: readonly IpAddress[], nowMs: number): void {
    const led = addresses.flatMap((ip) => this.flows.claimedAnew(ip));
    for (const ip of addresses) {
      for (const socket of this.#table.translatedTo(ip)) this.#joiner.refile(socket, nowMs);
      for (const connection of this.#table.ledThrough(ip)) this.#joiner.judgeWay(connection, nowMs);
      for (const connection of this.#table.concerned.byMissingEnd(realm, ip)) this.gateways.note(connection);
      this.gateways.claimedAnew(ip);
    }
    this.#seekAt(led, nowMs);
  }

  hostLost(host: ReportingHost, sockets: Iterable<ReportedSocket>, nowMs: number): void {
    for (const socket of sockets) this.#withdraw(socket, isListening(socket.state), nowMs);
    this.claims.remove(host);
    const portrait = this.#portraits.get(host) ?? null;
    this.#claimedAnew(host, [...(portrait?.addresses ?? [])], nowMs);
    this.quality.doubtAround(host, portrait);
    this.#portraits.delete(host);
    this.gateways.hostLost(host);
  }

  /** Entries of each table that grows with what is reported: all are 0 when nothing is open and nothing lingers. */
  get sizes(): Readonly<Record<string, number>> {
    return {
      ...this.#table.sizes,
      hostsWithSockets: this.#socketsOf.size,
      waiting: this.#waiting.size,
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
    for (const connection of this.#waiting) {
      if (this.isWithinGrace(connection, nowMs)) break;
      this.#place(connection, nowMs);
      this.quality.judge(connection, nowMs);
    }
    for (const connection of this.recentlyClosed.expire(nowMs)) this.#forget(connection, nowMs);
    this.flows.expire(nowMs);
    this.gateways.sweep(nowMs);
    this.quality.settle(nowMs);
  }

  /** How well connections are matched now: of the fleet, and of each host that has an end of any. */
  matchCounts(nowMs: number): MatchCounts {
    for (const connection of this.#waiting) {
      if (this.isWithinGrace(connection, nowMs)) break;
      this.quality.doubt(connection);
    }
    this.quality.settle(nowMs);
    return this.quality.counts;
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

  /** Brings every conclusion about a connection up to what its halves now say, and tells the observer. */
  #conclude(connection: Connection, nowMs: number): void {
    concludeOpening(connection);
    concludeDirection(connection, this);
    findDatagramPeer(connection, this);
    if (concludeClosing(connection, nowMs)) this.recentlyClosed.add(connection, connection.closedAtMs!);
    else if (connection.closedAtMs === null) this.recentlyClosed.delete(connection);
    this.gateways.note(connection);
    if (connection.placed) this.#observer.updated(connection, nowMs);
    else if (missingSide(connection) === null || connection.datagramPeer !== null)
      this.#place(connection, nowMs);
    this.quality.judge(connection, nowMs);
  }

  #place(connection: Connection, nowMs: number): void {
    connection.placed = true;
    this.#waiting.delete(connection);
    this.#observer.placed(connection, nowMs);
  }

  /** Takes a socket back as if it had not been reported: its host is lost, or it listens from now on. */
  #withdraw(socket: ReportedSocket, wasListening: boolean, nowMs: number): void {
    if (wasListening) return this.#withdrawListener(socket, nowMs);
    removeFrom(this.#socketsOf, socket.host, socket);
    const half = this.#table.halfOf(socket);
    if (half === undefined) return;
    const { connection } = half;
    if (reportedHalves(connection).every((other) => other === socket)) {
      this.#forget(connection, nowMs);
    } else {
      this.#table.detach(half);
      this.gateways.forget(socket);
      connection.joinedBy = null;
      this.#conclude(connection, nowMs);
    }
    if (connection.ambiguous) this.#joiner.settleRivals(half.standing, nowMs);
  }

  #forget(connection: Connection, nowMs: number): void {
    for (const socket of reportedHalves(connection)) this.gateways.forget(socket);
    this.#table.remove(connection);
    this.#leave(connection);
    if (connection.placed) this.#observer.forgotten(connection, nowMs);
  }

  #leave(connection: Connection): void {
    this.#waiting.delete(connection);
    this.recentlyClosed.delete(connection);
    this.quality.leave(connection);
  }

  #joinObserver(): JoinObserver {
    return {
      created: (connection) => this.#waiting.add(connection),
      rejoined: (connection, nowMs) => this.#conclude(connection, nowMs),
      parted: (connection) => {
        if (connection.placed) this.#observer.parted(connection);
      },
      merged: (connection, nowMs) => {
        this.#leave(connection);
        if (connection.placed) this.#observer.dissolved(connection, nowMs);
      },
      doubted: (connection) => this.quality.doubt(connection),
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

  /** Also when a known listener's owners changed. What closed under an earlier listener keeps that one's name. */
  #listenerOpened(socket: ReportedSocket, nowMs: number): void {
    if (!this.listeners.add(socket)) return;
    for (const connection of this.#table.concerned.byListener(socket)) {
      const isSettled = connection.closedAtMs !== null && connection.direction === 'listener';
      if (!isSettled) this.#conclude(connection, nowMs);
    }
  }

  #withdrawListener(socket: ReportedSocket, nowMs: number): void {
    this.listeners.remove(socket);
    if (socket.protocol !== 'udp') return;
    for (const connection of this.#table.concerned.byListener(socket)) {
      if (connection.datagramPeer !== socket) continue;
      connection.datagramPeer = null;
      this.#conclude(connection, nowMs);
    }
  }
}
