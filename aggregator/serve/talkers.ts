/** `to` and `from`: who is at the other end of what a target, or a source, is an end of. */
import type { FromDocument, PeerDocument, ToDocument } from '../../model/document.ts';
import { isLoopback } from '../../model/ip.ts';
import { endMatches } from '../../query/evaluate.ts';
import type { Term } from '../../query/syntax.ts';
import { parseTarget } from '../../query/target.ts';
import { type Answer, cut } from './answer.ts';
import { coverageDocument, documentHead } from './coverage.ts';
import { listenerEndDocument } from './documents.ts';
import type { ConnectionView, FleetView, ListenerView } from './fleet-view.ts';
import { hasAddress, knowsName } from './inventory.ts';
import { landingsOf, listenersBehind } from './landings.ts';
import { peerDocuments } from './peers.ts';
import type { AnswerRequest } from './request.ts';
import { sortRows } from './sort.ts';
import * as sorting from './sort-fields.ts';
import { filterEnd, listenerSubject } from './subjects.ts';
import { type Findings, fromSummary, toSummary } from './summary.ts';

/** Who talks to a target, and who listens there. */
export const to: Answer<ToDocument> = (view, request, now) => {
  const term = parseTarget(request.q);
  const connections = [...connectionsWith(view, request, term, 'server')];
  const landings = landingsOf(connections, term);
  const direct = listenersAt(view, term, request);
  const peers = peerDocuments(connections, 'client');
  return {
    ...documentHead(view, request.realm, now),
    target: request.q.trim(),
    summary: toSummary(findingsOf(view, request, term, peers, now), direct, landings),
    listeners: [...new Set([...direct, ...listenersBehind(view, landings)])].map(listenerEndDocument),
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
    if (endMatches(term, filterEnd(connection, side))) yield connection;
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
