/** `to` and `from`: who is at the other end of what a target, or a source, is an end of. */
import type { FromDocument, PeerDocument, ToDocument } from '../../model/document.ts';
import { isLoopback } from '../../model/ip.ts';
import { endMatches } from '../../query/evaluate.ts';
import type { Term } from '../../query/syntax.ts';
import { parseTarget } from '../../query/target.ts';
import type { Steps } from '../steps.ts';
import { type Answer, cut } from './answer.ts';
import { coverageDocument, documentHead } from './coverage.ts';
import { listenerEndDocument } from './documents.ts';
import type { ConnectionView, FleetView, ListenerView } from './fleet-view.ts';
import { hasAddress, knowsName } from './inventory.ts';
import { Landings, listenersBehind } from './landings.ts';
import { PeerGroups } from './peers.ts';
import type { AnswerRequest } from './request.ts';
import { sortRows } from './sort.ts';
import * as sorting from './sort-fields.ts';
import { filterEnd, listenerSubject } from './subjects.ts';
import { type Findings, fromSummary, toSummary } from './summary.ts';

/** Who talks to a target, and who listens there. */
export const to: Answer<ToDocument> = function* (view, request, now, sight) {
  const term = parseTarget(request.q);
  const groups = new PeerGroups('client');
  const landings = new Landings(term);
  yield* eachConnectionWith(view, request, term, 'server', (connection) => {
    groups.add(connection);
    landings.add(connection);
  });
  const landed = landings.ends();
  const direct = listenersAt(view, term, request);
  const peers = groups.documents();
  const findings = yield* findingsOf(view, request, term, peers, now);
  return {
    ...documentHead(view, request.realm, now),
    target: request.q.trim(),
    summary: toSummary(findings, direct, landed),
    listeners: [...new Set([...direct, ...listenersBehind(view, landed)])].map((listener) =>
      listenerEndDocument(listener, sight),
    ),
    clients: cut(peers, request, sorting.peerFields),
    coverage: coverageDocument(view, request.realm),
  };
};

/** Whom a source talks to. */
export const from: Answer<FromDocument> = function* (view, request, now) {
  const term = parseTarget(request.q);
  const groups = new PeerGroups('server');
  yield* eachConnectionWith(view, request, term, 'client', (connection) => groups.add(connection));
  const peers = groups.documents();
  const findings = yield* findingsOf(view, request, term, peers, now);
  return {
    ...documentHead(view, request.realm, now),
    source: request.q.trim(),
    summary: fromSummary(findings),
    servers: cut(peers, request, sorting.peerFields),
    coverage: coverageDocument(view, request.realm),
  };
};

function* findingsOf(
  view: FleetView,
  { realm }: AnswerRequest,
  term: Term,
  peers: readonly PeerDocument[],
  now: number,
): Steps<Findings> {
  const isNamed = term.kind === 'name' || term.kind === 'named-port';
  const isKnown = !isNamed || peers.length > 0 || (yield* knowsName(view, term.name));
  const ip = term.kind === 'endpoint' ? term.endpoint.ip : term.kind === 'ip' ? term.ip : null;
  const isWatched = ip === null || isLoopback(ip) || hasAddress(view, ip);
  return { term, isKnown, isWatched, peers, coverage: coverageDocument(view, realm), realm, now };
}

function eachConnectionWith(
  view: FleetView,
  { realm }: AnswerRequest,
  term: Term,
  side: 'client' | 'server',
  look: (connection: ConnectionView) => void,
): Steps<void> {
  return view.search({ filter: { kind: 'term', term }, realm, of: side }, (block) => {
    for (const connection of block) {
      if (realm !== '' && connection[side].realm !== realm) continue;
      if (endMatches(term, filterEnd(connection, side))) look(connection);
    }
  });
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
