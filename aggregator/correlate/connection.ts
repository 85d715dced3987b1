/**
 * A connection while it is in the live view: the two halves that hosts reported, and what was concluded from them.
 * Plain state; the correlator is the only one that changes it.
 */
import type { DirectionRule, JoinRule, Seen } from '../../model/document.ts';
import { type Endpoint, sameEndpoint } from '../../model/endpoint.ts';
import type { FourTuple, Side } from '../../model/four-tuple.ts';
import { isOpen, type Protocol, type SocketState } from '../../model/socket-state.ts';
import { outermost } from '../../model/translation.ts';
import type { Counted } from './match-counts.ts';
import type { ReportedFlow, ReportedSocket } from './report.ts';

/**
 * What makes two halves one connection, from the strongest to the weakest: they are of one host and mirror each other at
 * some stage of translation; what the wire shows of one mirrors what it shows of the other; the record of a host that
 * passes the conversation on leads from one to the other; nothing leads there, and no other could be meant (gateways.ts).
 */
const joinRules: readonly JoinRule[] = ['same-host', 'wire', 'forwarder', 'inferred'];

/** Whether `candidate` is stronger evidence than what joined two halves. */
export function isStrongerJoin(candidate: JoinRule, current: JoinRule | null): boolean {
  return current !== null && joinRules.indexOf(candidate) < joinRules.indexOf(current);
}

/** The conversation as a host passes it on: see ForwardedFlow. */
export interface Passage {
  readonly dialed: FourTuple;
  readonly forwarded: FourTuple;
  /** The records that lead there, one of each host on the way; they may be over and forgotten elsewhere. */
  readonly by: readonly ReportedFlow[];
}

export interface Connection {
  readonly id: string;
  readonly protocol: Protocol;
  realm: string;
  /**
   * Where its ends are: what the kernel of a reported half shows as its own, and for a missing one what the wire shows
   * of it. One that is missing since its host was lost stays where it was.
   */
  endpoints: Readonly<Record<Side, Endpoint>>;
  /** The socket behind each half; null = not reported. A reported socket stays here after it closed. */
  readonly halves: Record<Side, ReportedSocket | null>;
  /** The rule that joined its halves; null while it has but one. */
  joinedBy: JoinRule | null;
  /** How it is passed on between its ends; null where no forwarder tells of it. ConnectionTable.lead changes it. */
  via: Passage | null;
  /**
   * The unconnected socket that takes the datagrams of a lone UDP half: its peer has no socket of its own for this
   * conversation. Always null for TCP.
   */
  datagramPeer: ReportedSocket | null;
  client: Side;
  direction: DirectionRule;
  /** The half that sent a SYN or that got one, if a scan caught it. */
  handshakeClient: Side | null;
  /** Several hosts or namespaces report this half of this key, so its other end cannot be told. */
  ambiguous: boolean;
  /** A gateway without an agent may be in between, and nothing tells which of several it leads to. */
  behindGateway: boolean;
  /** Seen in a state that a peer must have answered to reach. */
  established: boolean;
  openedAtMs: number;
  /** null while a half is open. */
  closedAtMs: number | null;
  /** Its place in the map is decided: matched, or alone after the grace time. */
  placed: boolean;
  /** When the first half was reported, aggregator's clock: the grace time counts from here. */
  readonly reportedAtMs: number;
  /** What it counts as in how well connections are matched; null before it is judged. MatchQuality changes it. */
  counted: Counted | null;
}

/** A connection of which `socket` is the only half so far. The correlator attaches it. */
export function newConnection(id: string, side: Side, socket: ReportedSocket, nowMs: number): Connection {
  return {
    id,
    protocol: socket.protocol,
    realm: socket.host.realm,
    endpoints: side === 'a' ? { a: socket.local, b: socket.remote } : { a: socket.remote, b: socket.local },
    halves: { a: null, b: null },
    joinedBy: null,
    via: null,
    datagramPeer: null,
    client: 'a',
    direction: 'unknown',
    handshakeClient: null,
    ambiguous: false,
    behindGateway: false,
    established: false,
    openedAtMs: socket.openedAtMs,
    closedAtMs: null,
    placed: false,
    reportedAtMs: nowMs,
    counted: null,
  };
}

/** Brings `endpoints` up to what its halves and the way between them say. The same object where nothing is different. */
export function locateEnds(connection: Connection): void {
  const [a, b] = [locateEnd(connection, 'a'), locateEnd(connection, 'b')];
  const before = connection.endpoints;
  if (sameEndpoint(a, before.a) && sameEndpoint(b, before.b)) return;
  connection.endpoints = { a, b };
}

function locateEnd({ halves, via, endpoints }: Connection, side: Side): Endpoint {
  const half = halves[side];
  if (half !== null) return half.local;
  const other = halves[otherSide(side)];
  if (other === null) return endpoints[side];
  const seen = outermost(other, other.translation);
  if (via === null) return seen.remote;
  return isSameTuple(via.dialed, seen) ? via.forwarded.remote : via.dialed.local;
}

export function isSameTuple(one: FourTuple, other: FourTuple): boolean {
  return sameEndpoint(one.local, other.local) && sameEndpoint(one.remote, other.remote);
}

/** Takes from the state of a half what stays known when the state changes: who shook hands, and that both did. */
export function learnFromState(connection: Connection, half: ReportedSocket): void {
  const side = connection.halves.a === half ? 'a' : 'b';
  if (half.state === 'syn-sent') connection.handshakeClient ??= side;
  else if (half.state === 'syn-recv') connection.handshakeClient ??= otherSide(side);
  else if (half.state !== 'closed') connection.established = true;
}

export function otherSide(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}

/** The reported halves, one or two. */
export function reportedHalves(connection: Connection): ReportedSocket[] {
  const { a, b } = connection.halves;
  return [a, b].filter((half) => half !== null);
}

/** Whether the conversation exists for that half's kernel. */
export function isHalfOpen(half: ReportedSocket | null): boolean {
  return half !== null && half.closedAtMs === null && isOpen(half.state);
}

/** The half that nobody reported; null when both are. */
export function missingSide(connection: Connection): Side | null {
  if (connection.halves.a === null) return 'a';
  return connection.halves.b === null ? 'b' : null;
}

export function seenOf(connection: Connection): Seen {
  const { halves, client, datagramPeer } = connection;
  if (missingSide(connection) === null || datagramPeer !== null) return 'both';
  return halves[client] !== null ? 'client' : 'server';
}

/** Since when it lingers, once it is over: what was told later than that is shown as long as any other, and may yet find its peer. */
export function lingersFromMs({ reportedAtMs }: Connection, closedAtMs: number): number {
  return Math.max(closedAtMs, reportedAtMs);
}

/** From the liveliest to the deadest: a connection shows the liveliest state of its halves. */
const livelinessOrder: readonly SocketState[] = [
  'established',
  'syn-recv',
  'syn-sent',
  'close-wait',
  'fin-wait-1',
  'fin-wait-2',
  'closing',
  'last-ack',
  'time-wait',
];

/** `closed` when no half has a socket any more. */
export function stateOfConnection(connection: Connection): SocketState {
  const open = reportedHalves(connection).filter((half) => half.closedAtMs === null);
  return liveliestState(open.map((half) => half.state));
}

/** Of halves that are there. */
export function liveliestState(states: readonly SocketState[]): SocketState {
  return livelinessOrder.find((state) => states.includes(state)) ?? 'closed';
}

/** Last moment at which a host that reports it was heard with it. */
export function lastSeenAtMs(connection: Connection): number {
  return Math.max(
    connection.openedAtMs,
    ...reportedHalves(connection).map((half) => half.closedAtMs ?? half.host.lastSeenMs),
  );
}
