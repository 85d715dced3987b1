/**
 * What answers are made from: the live view, as the serving side wants to read it. Correlation and graph satisfy it.
 *
 * What walks over all connections does so in steps, and between two of them the fleet may change. Each step reads between
 * two events. So a connection that was there all the while is read once, as it is when its turn comes; one that begins
 * meanwhile is not read, and one that is forgotten meanwhile may be. A small fleet is read in one step.
 */
import type { DirectionRule, JoinRule, Seen, SeenCounts, UnseenBecause } from '../../model/document.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Owner } from '../../model/process.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';
import type { Filter } from '../../query/syntax.ts';
import type { ReportedSocket, ReportingHost } from '../correlate/report.ts';
import type { Traffic } from '../correlate/traffic.ts';
import type { EdgeName } from '../graph/edges.ts';
import type { Steps } from '../steps.ts';

/** One end of a connection. */
export interface ConnectionEnd {
  readonly endpoint: Endpoint;
  readonly realm: string;
  /** The socket that its host reported (also when closed since); null = this end is unseen. */
  readonly socket: ReportedSocket | null;
  /** For a seen end its host; for an unseen one the host that claims the address, when just one does. */
  readonly host: ReportingHost | null;
  /** Of its socket; null where the end is unseen. */
  readonly netns: number | null;
  /**
   * The processes behind it: the socket's own, or for an ownerless socket on a listener's port that listener's.
   * Empty = unknown.
   */
  readonly owners: readonly Owner[];
  /** Name of the workload; null when neither process, listener nor the operator's names tell it. */
  readonly service: string | null;
  /** What the end is called in edges: service, else host name, else address. Never null. */
  readonly label: string;
  /** Where the other end sees it, when that is translated: what a client dialed, where a server saw it come from. */
  readonly seenAs: SeenAs | null;
}

export interface SeenAs {
  readonly endpoint: Endpoint;
  /** The host that claims the address, when just one does. */
  readonly host: ReportingHost | null;
}

/** Good until others have a turn; FleetView.held gives one that stays. */
export interface ConnectionView {
  /** Stable for the life of the aggregator process. */
  readonly id: string;
  /** In the order in which connections were begun. */
  readonly number: number;
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly seen: Seen;
  readonly unseenBecause: UnseenBecause | null;
  readonly direction: DirectionRule;
  readonly client: ConnectionEnd;
  readonly server: ConnectionEnd;
  readonly openedAtMs: number;
  readonly closedAtMs: number | null;
  readonly lastSeenAtMs: number;
  readonly traffic: Traffic;
  /** What made its halves one connection; null for a lone one. */
  readonly joinedBy: JoinRule | null;
}

/** The edge that it counts in, if there is one: what ends are called in edges is their labels. */
export function edgeNameOf({ protocol, client, server }: ConnectionView): EdgeName {
  const { label, realm, endpoint } = server;
  return { realm, client: client.label, server: label, port: endpoint.port, protocol };
}

export interface ListenerView {
  readonly socket: ReportedSocket;
  readonly service: string | null;
}

/** Counts of one dependency, kept incrementally. */
export interface EdgeView {
  readonly realm: string;
  readonly client: string;
  readonly server: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly open: number;
  readonly total: number;
  readonly firstSeenAtMs: number;
  readonly lastSeenAtMs: number;
  readonly seen: { readonly both: number; readonly client: number; readonly server: number };
  /** Of all its connections, as far as they were counted; null where none was. */
  readonly bytesToServer: number | null;
  readonly bytesToClient: number | null;
}

/** What a question is about, as far as that can be told before connections are looked at. */
export interface Narrowing {
  readonly filter: Filter;
  /** For which the filter is to hold: the connection, its client or server alone, or one of its ends alone. */
  readonly of: 'connection' | 'client' | 'server' | 'an end';
  /** '' = all. */
  readonly realm: string;
}

export interface FleetView {
  /** When this aggregator began to watch. */
  readonly sinceMs: number;
  hosts(): Iterable<ReportingHost>;
  /** Sentences about the addresses of a host that others claim as well. */
  disputesOf(host: ReportingHost): readonly string[];
  /** Tells of a host its open connections, by which ends are seen; one with both ends there counts once. */
  matches(): (host: ReportingHost) => SeenCounts;
  /** Open ones, and closed ones for as long as they linger, at once and in the order in which they were begun. */
  connections(): Iterable<ConnectionView>;
  /**
   * The same in no order, a block for each step. All that the narrowing selects are among them, and others too: who asks
   * looks at each.
   *
   * @param isEnough asked after each block, whether nobody wants more
   */
  search(
    narrowing: Narrowing,
    look: (block: readonly ConnectionView[]) => void,
    isEnough?: () => boolean,
  ): Steps<void>;
  /** The same connection as it is now, to be looked at later. */
  held(connection: ConnectionView): ConnectionView;
  connection(id: string): ConnectionView | null;
  /** Sockets that wait for peers now. */
  listeners(): Iterable<ListenerView>;
  edges(): Iterable<EdgeView>;
  /** The same in steps. */
  edgesInSteps(): Steps<Iterable<EdgeView>>;
  /** The same, but for when those with open connections were seen last: that is as of the last time somebody asked. */
  edgesAsCounted(): Iterable<EdgeView>;
  /** Edges with a connection that is there. */
  connectedEdges(): Steps<ReadonlySet<EdgeView>>;
  /** Null when there is none. */
  edgeNamed(name: EdgeName): EdgeView | null;
  /**
   * Tells every change from now on, in order. Returns the function that ends it.
   * @param isListening while nobody is, changes of connections are not told
   */
  subscribe(listener: (event: FleetEvent) => void, isListening?: () => boolean): () => void;
}

export type FleetEvent =
  /** Its place is decided: matched, or alone after the grace time. */
  | { readonly kind: 'opened'; readonly connection: ConnectionView; readonly atMs: number }
  | { readonly kind: 'closed'; readonly connection: ConnectionView; readonly atMs: number }
  /** Closed without ever having been established. */
  | { readonly kind: 'refused'; readonly connection: ConnectionView; readonly atMs: number }
  | { readonly kind: 'edge'; readonly edge: EdgeView; readonly atMs: number }
  | { readonly kind: 'host'; readonly host: ReportingHost; readonly atMs: number };
