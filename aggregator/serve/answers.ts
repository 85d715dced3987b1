/**
 * One function per question: the live view and a request in, a document out. gRPC and HTTP both answer with them.
 *
 * Each throws FilterError when the query does not parse and InvalidRequest when another parameter is wrong.
 */
import type {
  ConnectionsDocument,
  DepsDocument,
  EdgeDocument,
  FromDocument,
  HostsDocument,
  ListenersDocument,
  MapDocument,
  PeerDocument,
  SeenCounts,
  ServicesDocument,
  ToDocument,
} from '../../model/document.ts';
import { isLoopback } from '../../model/ip.ts';
import { endMatches, filterMatches } from '../../query/evaluate.ts';
import { FilterError } from '../../query/filter-error.ts';
import { parseFilter } from '../../query/parser.ts';
import { everything, type Term } from '../../query/syntax.ts';
import { parseTarget } from '../../query/target.ts';
import type { ReportingHost } from '../correlate/report.ts';
import { coverageDocument, documentHead, hostsIn } from './coverage.ts';
import { reachedEdges } from './dependencies.ts';
import { connectionDocument, edgeDocument, hostDocument, listenerEndDocument } from './documents.ts';
import type { ConnectionView, FleetView, ListenerView } from './fleet-view.ts';
import {
  hasAddress,
  isInRealm,
  knowsName,
  type Selection,
  selectedEdges,
  serviceDocuments,
} from './inventory.ts';
import { countListenerUsage, listenerDocument } from './listener-usage.ts';
import { isOpenConnection, peerDocuments } from './peers.ts';
import { type AnswerRequest, rowLimit, rowsMax } from './request.ts';
import { type SortFields, sortRows } from './sort.ts';
import * as sorting from './sort-fields.ts';
import { connectionSubject, filterEnd, hostSubject, listenerSubject } from './subjects.ts';
import { type Findings, fromSummary, toSummary } from './summary.ts';

/** A question and how it is answered. `now` is unix milliseconds. */
export type Answer<Document> = (view: FleetView, request: AnswerRequest, now: number) => Document;

/** Open ones before closed ones, newest first. */
export const connections: Answer<ConnectionsDocument> = (view, request, now) => {
  const selection = selectionOf(request);
  const found = [...view.connections()].filter(
    (connection) =>
      isInRealm(connection.server.realm, selection) &&
      filterMatches(selection.filter, connectionSubject(connection)),
  );
  const ordered = found.toSorted(compareConnections);
  const sorted = sortRows(ordered, request.sort, sorting.connectionFields);
  return {
    ...documentHead(view, request.realm, now),
    connections: sorted.slice(0, rowLimit(request)).map(connectionDocument),
    total: found.length,
  };
};

function compareConnections(a: ConnectionView, b: ConnectionView): number {
  return Number(isOpenConnection(b)) - Number(isOpenConnection(a)) || b.openedAtMs - a.openedAtMs;
}

/** Who talks to a target, and who listens there. */
export const to: Answer<ToDocument> = (view, request, now) => {
  const term = parseTarget(request.q);
  const listeners = listenersAt(view, term, request);
  const peers = peerDocuments(connectionsWith(view, request, term, 'server'), 'client');
  return {
    ...documentHead(view, request.realm, now),
    target: request.q.trim(),
    summary: toSummary(findingsOf(view, request, term, peers, now), listeners),
    listeners: listeners.map(listenerEndDocument),
    clients: cut(peers, request, sorting.peerFields),
    coverage: coverageDocument(view, request.realm),
  };
};

/** Whom a source talks to. */
export const from: Answer<FromDocument> = (view, request, now) => {
  const term = parseTarget(request.q);
  const peers = peerDocuments(connectionsWith(view, request, term, 'client'), 'server');
  return {
    ...documentHead(view, request.realm, now),
    source: request.q.trim(),
    summary: fromSummary(findingsOf(view, request, term, peers, now)),
    servers: cut(peers, request, sorting.peerFields),
    coverage: coverageDocument(view, request.realm),
  };
};

function findingsOf(
  view: FleetView,
  { realm }: AnswerRequest,
  term: Term,
  peers: readonly PeerDocument[],
  now: number,
): Findings {
  const isNamed = term.kind === 'name' || term.kind === 'named-port';
  const isKnown = !isNamed || knowsName(view, term.name);
  const ip = term.kind === 'endpoint' ? term.endpoint.ip : term.kind === 'ip' ? term.ip : null;
  const isWatched = ip === null || isLoopback(ip) || hasAddress(view, ip);
  return { term, isKnown, isWatched, peers, coverage: coverageDocument(view, realm), realm, now };
}

function* connectionsWith(
  view: FleetView,
  request: AnswerRequest,
  term: Term,
  side: 'client' | 'server',
): Iterable<ConnectionView> {
  for (const connection of view.connections()) {
    const end = connection[side];
    if (request.realm !== '' && end.realm !== request.realm) continue;
    if (endMatches(term, filterEnd(end))) yield connection;
  }
}

/** By host and port. */
function listenersAt(view: FleetView, term: Term, request: AnswerRequest): readonly ListenerView[] {
  const found = [...view.listeners()].filter(
    (listener) =>
      (request.realm === '' || listener.socket.host.realm === request.realm) &&
      endMatches(term, listenerSubject(listener).server),
  );
  return sortRows(sortRows(found, 'port', sorting.listenerViewFields), 'host', sorting.listenerViewFields);
}

/** By host and port, each with its users. */
export const listeners: Answer<ListenersDocument> = (view, request, now) => {
  const selection = selectionOf(request);
  const usage = countListenerUsage(view);
  const found = [...view.listeners()]
    .filter(
      (listener) =>
        isInRealm(listener.socket.host.realm, selection) &&
        filterMatches(selection.filter, listenerSubject(listener)),
    )
    .map((listener) => listenerDocument(listener, usage.get(listener.socket)!));
  const ordered = sortRows(sortRows(found, 'port', sorting.listenerFields), 'host', sorting.listenerFields);
  return {
    ...documentHead(view, request.realm, now),
    listeners: sortRows(ordered, request.sort, sorting.listenerFields).slice(0, rowLimit(request)),
    total: found.length,
  };
};

export const services: Answer<ServicesDocument> = (view, request, now) => ({
  ...documentHead(view, request.realm, now),
  services: cut(serviceDocuments(view, selectionOf(request)), request, sorting.serviceFields),
});

export const hosts: Answer<HostsDocument> = (view, request, now) => {
  const { filter } = selectionOf(request);
  const matches = countMatches(view);
  const found = hostsIn(view, request.realm)
    .filter((host) => filterMatches(filter, hostSubject(host)))
    .map((host) => hostDocument(host, matches.get(host) ?? { both: 0, client: 0, server: 0 }));
  return { ...documentHead(view, request.realm, now), hosts: cut(found, request, sorting.hostFields) };
};

/** Open connections of each host by which ends are seen; one with both ends on a host counts once. */
function countMatches(view: FleetView): Map<ReportingHost, SeenCounts> {
  const counts = new Map<ReportingHost, { both: number; client: number; server: number }>();
  for (const connection of view.connections()) {
    if (!isOpenConnection(connection)) continue;
    for (const host of new Set([connection.client.socket?.host, connection.server.socket?.host])) {
      if (host === undefined) continue;
      const count = counts.get(host) ?? { both: 0, client: 0, server: 0 };
      count[connection.seen] += 1;
      counts.set(host, count);
    }
  }
  return counts;
}

/** Without a filter all services, also those without edges; with one, those that it or a selected edge names. */
export const map: Answer<MapDocument> = (view, request, now) => {
  const selection = selectionOf(request);
  const edges = selectedEdges(view, selection).map(edgeDocument).toSorted(compareEdges);
  const named = new Set(edges.flatMap((edge) => [edge.client, edge.server]));
  const all = serviceDocuments(view, { ...selection, filter: everything });
  const matching = selection.filter === everything ? all : serviceDocuments(view, selection);
  const matched = new Set(matching.map(({ service }) => service));
  return {
    ...documentHead(view, request.realm, now),
    services: all.filter(({ service }) => named.has(service) || matched.has(service)),
    edges: cut(edges, request, sorting.edgeFields),
  };
};

/** By client, server and port. */
function compareEdges(a: EdgeDocument, b: EdgeDocument): number {
  const [one, other] = a.client === b.client ? [a.server, b.server] : [a.client, b.client];
  if (one === other) return a.port - b.port;
  return one < other ? -1 : 1;
}

/** What a service needs or, in reverse, what needs it, nearest first. */
export const deps: Answer<DepsDocument> = (view, request, now) => {
  const service = request.q.trim();
  if (service === '') throw new FilterError(1, 'the name of a service', 'the end');
  const all = { filter: everything, realm: request.realm };
  const reached = reachedEdges(selectedEdges(view, all), service, request.depth, request.reverse);
  return {
    ...documentHead(view, request.realm, now),
    service,
    edges: cut(reached.map(edgeDocument), request, sorting.edgeFields),
  };
};

function selectionOf(request: AnswerRequest): Selection {
  return { filter: parseFilter(request.q), realm: request.realm };
}

/** Sorted, and cut when a limit was asked for: these lists are as long as the fleet is wide, and have no default limit. */
function cut<Row>(rows: readonly Row[], request: AnswerRequest, fields: SortFields<Row>): readonly Row[] {
  const sorted = sortRows(rows, request.sort, fields);
  return sorted.slice(0, request.limit === 0 ? rowsMax : rowLimit(request));
}
