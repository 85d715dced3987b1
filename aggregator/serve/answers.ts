/**
 * One function per question: the live view and a request in, a document out. gRPC and HTTP both answer with them.
 *
 * Each throws FilterError when the query does not parse and InvalidRequest when another parameter is wrong.
 */
import type {
  ConnectionsDocument,
  DepsDocument,
  EdgeDocument,
  HostsDocument,
  ListenersDocument,
  MapDocument,
  ServicesDocument,
} from '../../model/document.ts';
import { filterMatches } from '../../query/evaluate.ts';
import { FilterError } from '../../query/filter-error.ts';
import { parseFilter } from '../../query/parser.ts';
import { everything } from '../../query/syntax.ts';
import { type Answer, cut } from './answer.ts';
import { documentHead, hostsIn } from './coverage.ts';
import { reachedEdges } from './dependencies.ts';
import { connectionDocument, edgeDocument, hostDocument } from './documents.ts';
import { FirstRows } from './first-rows.ts';
import type { ConnectionView } from './fleet-view.ts';
import { isInRealm, type Selection, selectedEdges, serviceDocuments } from './inventory.ts';
import { countListenerUsage, listenerDocument, unused } from './listener-usage.ts';
import { isOpenConnection } from './peers.ts';
import { type AnswerRequest, rowLimit } from './request.ts';
import { rowOrder, sortRows } from './sort.ts';
import * as sorting from './sort-fields.ts';
import { connectionSubject, hostSubject, listenerSubject } from './subjects.ts';

export type { Answer } from './answer.ts';
export { from, to } from './talkers.ts';

/** Documents of connections that are made in one step: each takes some microseconds. */
const documentsPerStep = 64;

/** Open ones before closed ones, newest first. */
export const connections: Answer<ConnectionsDocument> = function* (view, request, now, sight) {
  const selection = selectionOf(request);
  const { filter, realm } = selection;
  const order = rowOrder(request.sort, sorting.connectionFields);
  const first = new FirstRows<ConnectionView>(
    rowLimit(request),
    (a, b) => order(a, b) || compareConnections(a, b),
    (connection) => view.held(connection),
  );
  yield* view.search({ filter, realm, of: 'connection' }, (block) => {
    for (const connection of block) {
      if (!isInRealm(connection.server.realm, selection)) continue;
      if (filterMatches(filter, connectionSubject(connection))) first.add(connection);
    }
    first.hold();
  });
  const documents = [];
  for (const connection of first.rows()) {
    documents.push(connectionDocument(connection, sight));
    if (documents.length % documentsPerStep === 0) yield;
  }
  return { ...documentHead(view, request.realm, now), connections: documents, total: first.total };
};

function compareConnections(a: ConnectionView, b: ConnectionView): number {
  return (
    Number(isOpenConnection(b)) - Number(isOpenConnection(a)) ||
    b.openedAtMs - a.openedAtMs ||
    a.number - b.number
  );
}

/** By host and port, each with its users. */
export const listeners: Answer<ListenersDocument> = function* (view, request, now, sight) {
  const selection = selectionOf(request);
  const usage = yield* countListenerUsage(view);
  const found = [...view.listeners()]
    .filter(
      (listener) =>
        isInRealm(listener.socket.host.realm, selection) &&
        filterMatches(selection.filter, listenerSubject(listener)),
    )
    .map((listener) => listenerDocument(listener, usage.get(listener.socket) ?? unused, sight));
  const ordered = sortRows(sortRows(found, 'port', sorting.listenerFields), 'host', sorting.listenerFields);
  return {
    ...documentHead(view, request.realm, now),
    listeners: sortRows(ordered, request.sort, sorting.listenerFields).slice(0, rowLimit(request)),
    total: found.length,
  };
};

export const services: Answer<ServicesDocument> = function* (view, request, now) {
  const found = yield* serviceDocuments(view, selectionOf(request));
  return {
    ...documentHead(view, request.realm, now),
    services: cut(found, request, sorting.serviceFields),
  };
};

export const hosts: Answer<HostsDocument> = function* (view, request, now) {
  const { filter } = selectionOf(request);
  yield;
  const match = view.matches();
  const found = hostsIn(view, request.realm)
    .filter((host) => filterMatches(filter, hostSubject(host)))
    .map((host) => hostDocument(host, match(host), view.disputesOf(host)));
  return { ...documentHead(view, request.realm, now), hosts: cut(found, request, sorting.hostFields) };
};

/** Without a filter all services, also those without edges; with one, those that it or a selected edge names. */
export const map: Answer<MapDocument> = function* (view, request, now) {
  const selection = selectionOf(request);
  const selected = yield* selectedEdges(view, selection);
  const edges = selected.map(edgeDocument).toSorted(compareEdges);
  yield;
  const named = new Set(edges.flatMap((edge) => [edge.client, edge.server]));
  const all = yield* serviceDocuments(view, { ...selection, filter: everything });
  const isAll = selection.filter === everything;
  const matching = isAll ? all : yield* serviceDocuments(view, selection);
  for (const { service } of matching) named.add(service);
  return {
    ...documentHead(view, request.realm, now),
    services: all.filter(({ service }) => named.has(service)),
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
export const deps: Answer<DepsDocument> = function* (view, request, now) {
  const service = request.q.trim();
  if (service === '') throw new FilterError(1, 'the name of a service', 'the end');
  const all = { filter: everything, realm: request.realm };
  const reached = reachedEdges(yield* selectedEdges(view, all), service, request.depth, request.reverse);
  return {
    ...documentHead(view, request.realm, now),
    service,
    edges: cut(reached.map(edgeDocument), request, sorting.edgeFields),
  };
};

function selectionOf(request: AnswerRequest): Selection {
  return { filter: parseFilter(request.q), realm: request.realm };
}
