/**
 * The live view: correlation and graph as the serving side reads them (serve/fleet-view).
 *
 * Observes the correlator and keeps the edges; makes connection views on demand, so that what is not asked costs nothing.
 */
import type { SeenCounts } from '../model/document.ts';
import type { Side } from '../model/four-tuple.ts';
import type { Process } from '../model/process.ts';
import { type Connection, lastSeenAtMs, missingSide, otherSide, seenOf } from './correlate/connection.ts';
import { Correlator, type CorrelatorLimits } from './correlate/correlator.ts';
import { disputeSentences } from './correlate/dispute-words.ts';
import type { MatchCounts } from './correlate/match-counts.ts';
import type { ConnectionObserver } from './correlate/observer.ts';
import type { ReportingHost, SocketReports } from './correlate/report.ts';
import { trafficOf } from './correlate/traffic.ts';
import { type Edge, type EdgeName, type EdgeShare, Edges } from './graph/edges.ts';
import type { Naming } from './graph/naming.ts';
import { LatencyCounts } from './latency-counts.ts';
import { ConnectionViews } from './lookup/connection-views.ts';
import { FleetSearch } from './lookup/fleet-search.ts';
import { ServiceNames } from './lookup/service-names.ts';
import { SieveThread, type SieveThreadOptions } from './lookup/sieve-thread.ts';
import type { ConnectionView, EdgeView, FleetEvent, FleetView, ListenerView } from './serve/fleet-view.ts';
import { atOnce, type Steps } from './steps.ts';

export interface LiveViewOptions {
  readonly naming: Naming;
  readonly limits: CorrelatorLimits;
  /** Since when the fleet is watched. */
  readonly sinceMs: number;
  /** When this run began, about now. Default: sinceMs. */
  readonly startedMs?: number;
  /** Unix milliseconds; asked when an answer is made. */
  readonly clock: () => number;
  readonly hosts: () => Iterable<ReportingHost>;
  /** Milliseconds that never step: the clock of ReportedSocket.acceptedMs. Default: that of the process. */
  readonly monotonicClock?: () => number;
  /** Of the thread that looks at rows for questions. Default: there is none. */
  readonly sieve?: Omit<SieveThreadOptions, 'words'>;
}

export class LiveView implements FleetView, ConnectionObserver {
  readonly correlator: Correlator;
  readonly edgeTable = new Edges();
  readonly sinceMs: number;
  /** From the second end's message to the connection being complete. */
  readonly matchLatency = new LatencyCounts();
  /** To be closed by whoever made the view. */
  readonly sieveThread: SieveThread | null;
  readonly #monotonicClock: () => number;
  readonly #options: LiveViewOptions;
  /** What each placed connection counts as; absent while it waits, or when the edge table was full. */
  readonly #shares = new Map<Connection, EdgeShare>();
  /** Where the ends of each counted connection were: an end that is still there keeps its name when it is unseen. */
  readonly #places = new Map<Connection, Connection['endpoints']>();
  /** Placed, and not told closed yet. */
  readonly #toldOpen = new Set<Connection>();
  /** With whether each of them listens now. */
  readonly #services: ServiceNames;
  readonly #search: FleetSearch;
  readonly #views: ConnectionViews;
  readonly #subscribers = new Map<(event: FleetEvent) => void, () => boolean>();

  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.sinceMs = options.sinceMs;
    this.#monotonicClock = options.monotonicClock ?? (() => performance.now());
    const startedMs = options.startedMs ?? options.sinceMs;
    const idPrefix = Math.floor(startedMs / 1000).toString(36);
    this.#services = new ServiceNames(options.naming);
    this.correlator = new Correlator(this, idPrefix, options.limits, startedMs);
    this.#views = new ConnectionViews({
      correlator: this.correlator,
      naming: options.naming,
      services: this.#services,
      shareOf: (connection) => this.#shares.get(connection),
      clock: options.clock,
    });
    const words = () => this.correlator.plain.rows.sieved;
    this.sieveThread = options.sieve === undefined ? null : new SieveThread({ ...options.sieve, words });
    this.#search = new FleetSearch({
      correlator: this.correlator,
      views: this.#views,
      services: this.#services,
      edgeTable: this.edgeTable,
      sieveThread: this.sieveThread,
    });
  }

  // --- what ingest tells ---

  /** Where ingest sends what hosts report. */
  get reports(): SocketReports {
    const { correlator } = this;
    return {
      kept: (host, left) => correlator.plain.keptOf(host, left),
      opened: (socket, nowMs) => correlator.opened(socket, nowMs),
      changed: (socket, previousState, nowMs) => correlator.changed(socket, previousState, nowMs),
      closed: (socket, nowMs) => correlator.closed(socket, nowMs),
      translated: (socket, nowMs) => correlator.translated(socket, nowMs),
      counted: (socket, nowMs) => correlator.counted(socket, nowMs),
      forwarded: (flow, nowMs) => correlator.forwarded(flow, nowMs),
      forwardEnded: (flow, nowMs, endedAtMs) => correlator.forwardEnded(flow, nowMs, endedAtMs),
      hostChanged: (host, nowMs) => {
        correlator.hostChanged(host, nowMs);
        this.#publish({ kind: 'host', host, atMs: nowMs });
      },
      hostLost: (host, sockets, nowMs) => {
        correlator.hostLost(host, sockets, nowMs);
        this.#publish({ kind: 'host', host, atMs: nowMs });
      },
    };
  }

  /** How long a closed connection is shown. */
  get lingerMs(): number {
    return this.#options.limits.lingerMs;
  }

  // --- what correlation concludes ---

  placed(connection: Connection, nowMs: number): void {
    this.#count(connection, nowMs);
    if (connection.closedAtMs === null) this.#toldOpen.add(connection);
    this.#publishPlaced(connection, nowMs);
  }

  #publishPlaced(connection: Connection, atMs: number): void {
    if (connection.closedAtMs === null || connection.established) this.#publishOf('opened', connection, atMs);
    if (connection.closedAtMs !== null) this.#publishClosed(connection, atMs);
  }

  updated(connection: Connection, nowMs: number): void {
    this.#count(connection, nowMs);
    if (connection.closedAtMs === null) this.#toldOpen.add(connection);
    else if (this.#toldOpen.delete(connection)) this.#publishClosed(connection, nowMs);
  }

  parted(connection: Connection): void {
    this.#places.delete(connection);
  }

  counted(connection: Connection): void {
    const before = this.#shares.get(connection);
    if (before === undefined) return;
    const { bytesToServer, bytesToClient } = trafficOf(connection);
    const share = { ...before, bytesToServer, bytesToClient };
    this.edgeTable.count(share, before);
    this.#shares.set(connection, share);
  }

  matched({ halves, datagramPeer }: Connection): void {
    const [one, other] = [halves.a ?? datagramPeer, halves.b ?? datagramPeer];
    this.plainMatched(Math.max(one?.acceptedMs ?? 0, other?.acceptedMs ?? 0));
  }

  plainMatched(acceptedMs: number): void {
    this.matchLatency.record((this.#monotonicClock() - acceptedMs) / 1000);
  }

  labelOf(process: Process, host: ReportingHost): string {
    return this.#services.ofProcess(process, host) ?? host.name;
  }

  edgeBegan(edge: Edge, nowMs: number): void {
    this.#publish({ kind: 'edge', edge, atMs: nowMs });
  }

  plainPlaced(row: number, nowMs: number): void {
    if (this.#isHeard()) this.#publishPlaced(this.correlator.connections.at(row), nowMs);
  }

  plainClosed(row: number, nowMs: number): void {
    if (this.#isHeard()) this.#publishClosed(this.correlator.connections.at(row), nowMs);
  }

  adopted(connection: Connection): void {
    const share = this.#shareOf(connection, undefined);
    if (this.edgeTable.count(share, null) !== null) this.#shares.set(connection, share);
    this.#places.set(connection, connection.endpoints);
    if (connection.closedAtMs === null) this.#toldOpen.add(connection);
  }

  forgotten(connection: Connection): void {
    const share = this.#shares.get(connection);
    if (share !== undefined) this.edgeTable.settle(share, lastSeenAtMs(connection));
    this.#drop(connection);
  }

  dissolved(connection: Connection): void {
    const share = this.#shares.get(connection);
    if (share !== undefined) this.edgeTable.uncount(share);
    this.#drop(connection);
  }

  #drop(connection: Connection): void {
    this.#shares.delete(connection);
    this.#places.delete(connection);
    this.#toldOpen.delete(connection);
  }

  /** Entries of each internal table; see Correlator.sizes. Edges stay. */
  get sizes(): Readonly<Record<string, number>> {
    return {
      ...this.correlator.sizes,
      shares: this.#shares.size,
      places: this.#places.size,
      toldOpen: this.#toldOpen.size,
    };
  }

  // --- what answers read ---

  hosts(): Iterable<ReportingHost> {
    return this.#options.hosts();
  }

  disputesOf(host: ReportingHost): readonly string[] {
    return disputeSentences(host, this.correlator.claims.disputes.of(host));
  }

  *connections(): Iterable<ConnectionView> {
    for (const connection of this.correlator.connections.values()) yield this.#views.of(connection);
  }

  held(connection: ConnectionView): ConnectionView {
    return this.#search.held(connection);
  }

  connection(id: string): ConnectionView | null {
    const connection = this.correlator.connections.get(id);
    return connection === undefined ? null : this.#views.of(connection);
  }

  *listeners(): Iterable<ListenerView> {
    for (const socket of this.correlator.listeners.all())
      yield { socket, service: this.#services.of(socket) };
  }

  search(...asked: Parameters<FleetView['search']>): Steps<void> {
    return this.#search.search(...asked);
  }

  edges(): Iterable<EdgeView> {
    return atOnce(this.edgesInSteps());
  }

  *edgesInSteps(): Steps<Iterable<EdgeView>> {
    yield* this.#search.touchEdges((connection) => this.#shares.get(connection));
    return this.edgesAsCounted();
  }

  edgesAsCounted(): Iterable<EdgeView> {
    return this.edgeTable.all();
  }

  connectedEdges(): Steps<ReadonlySet<EdgeView>> {
    return this.#search.connectedEdges();
  }

  edgeNamed(name: EdgeName): EdgeView | null {
    return this.edgeTable.find(name) ?? null;
  }

  matches(): (host: ReportingHost) => SeenCounts {
    const { hosts } = this.matchCounts();
    return (host) => hosts.get(host)?.open ?? { both: 0, client: 0, server: 0 };
  }

  /** How well connections are matched now: of the fleet, and of each host that has an end of any. */
  matchCounts(): MatchCounts {
    return this.correlator.matchCounts(this.#options.clock());
  }

  subscribe(listener: (event: FleetEvent) => void, isListening: () => boolean = () => true): () => void {
    this.#subscribers.set(listener, isListening);
    return () => this.#subscribers.delete(listener);
  }

  // --- how ---

  #publishClosed(connection: Connection, atMs: number): void {
    this.#publishOf(connection.established ? 'closed' : 'refused', connection, atMs);
  }

  /** No view is made where nobody would hear of it, as is so most of the time. */
  #publishOf(kind: 'opened' | 'closed' | 'refused', connection: Connection, atMs: number): void {
    if (this.#isHeard()) this.#publish({ kind, connection: this.#views.of(connection), atMs });
  }

  #isHeard(): boolean {
    for (const isListening of this.#subscribers.values()) if (isListening()) return true;
    return false;
  }

  #publish(event: FleetEvent): void {
    for (const subscriber of this.#subscribers.keys()) subscriber(event);
  }

  /** Puts the connection's count where it belongs now. */
  #count(connection: Connection, nowMs: number): void {
    const before = this.#shares.get(connection);
    const share = this.#shareOf(connection, before);
    const counted = this.edgeTable.count(share, before ?? null);
    if (counted === null) this.#shares.delete(connection);
    else this.#shares.set(connection, share);
    this.#places.set(connection, connection.endpoints);
    if (counted?.isNew === true) this.#publish({ kind: 'edge', edge: counted.edge, atMs: nowMs });
  }

  #shareOf(connection: Connection, before: EdgeShare | undefined): EdgeShare {
    const { bytesToServer, bytesToClient } = trafficOf(connection);
    const server = otherSide(connection.client);
    const missing = connection.datagramPeer === null ? missingSide(connection) : null;
    const isThere = this.#places.get(connection) === connection.endpoints;
    const sameWay = isThere && before?.port === connection.endpoints[server].port ? before : undefined;
    // An end that is unseen since its host was lost, or whose address is nobody's any more, keeps the name it had.
    const label = (side: Side, known: string | undefined): string => {
      const end = this.#views.endOf(connection, side);
      const isNameless = end.label === end.endpoint.ip;
      if (side !== missing || known === undefined) return end.label;
      return sameWay?.seen === 'both' || isNameless ? known : end.label;
    };
    return {
      client: label(connection.client, sameWay?.client),
      server: label(server, sameWay?.server),
      port: connection.endpoints[server].port,
      protocol: connection.protocol,
      realm: connection.realm,
      open: connection.closedAtMs === null,
      seen: seenOf(connection),
      firstSeenAtMs: connection.openedAtMs,
      lastSeenAtMs: lastSeenAtMs(connection),
      bytesToServer,
      bytesToClient,
    };
  }
}
