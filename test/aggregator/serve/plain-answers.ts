/**
 * The same questions answered the plain way: all connections, each as an object and in the order in which they were begun, one
 * after the other. What the quick ways are held against.
 */
import { seesAll } from '../../../aggregator/security/sight.ts';
import { connectionDocument, edgeDocument, formatTime } from '../../../aggregator/serve/documents.ts';
import type {
  ConnectionEnd,
  ConnectionView,
  EdgeView,
  FleetView,
} from '../../../aggregator/serve/fleet-view.ts';
import type { AnswerRequest } from '../../../aggregator/serve/request.ts';
import { sortRows } from '../../../aggregator/serve/sort.ts';
import { connectionFields } from '../../../aggregator/serve/sort-fields.ts';
import {
  connectionSubject,
  edgeSubject,
  filterEnd,
  listenerSubject,
} from '../../../aggregator/serve/subjects.ts';
import type { EdgeDocument, PeerDocument, ServiceDocument } from '../../../model/document.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import { endMatches, filterMatches } from '../../../query/evaluate.ts';
import { parseFilter } from '../../../query/parser.ts';
import { parseTarget } from '../../../query/target.ts';

type Side = 'client' | 'server';

function isIn(realm: string, { server }: ConnectionView): boolean {
  return realm === '' || server.realm === realm;
}

export function plainConnections(view: FleetView, { q, realm, sort, limit }: AnswerRequest): object {
  const filter = parseFilter(q);
  const found = [...view.connections()].filter(
    (each) => isIn(realm, each) && filterMatches(filter, connectionSubject(each)),
  );
  const ordered = found.toSorted(
    (a, b) => Number(a.closedAtMs !== null) - Number(b.closedAtMs !== null) || b.openedAtMs - a.openedAtMs,
  );
  const sorted = sortRows(ordered, sort, connectionFields);
  return {
    connections: sorted.slice(0, limit).map((each) => connectionDocument(each, seesAll)),
    total: found.length,
  };
}

/** @param far the end that the rows describe */
export function plainPeers(view: FleetView, { q, realm }: AnswerRequest, far: Side): PeerDocument[] {
  const term = parseTarget(q);
  const near = far === 'client' ? 'server' : 'client';
  const groups = new Map<string, ConnectionView[]>();
  for (const each of view.connections()) {
    if (!isIn(realm, each) || !endMatches(term, filterEnd(each, near))) continue;
    const { service, host, owners, endpoint, realm: at } = each[far];
    const holder = [service, host?.id, owners[0]?.process.comm, owners[0]?.process.user];
    const key = JSON.stringify([
      holder,
      endpoint.ip,
      at,
      each.server.endpoint.port,
      each.protocol,
      dialed(each),
    ]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map((group) => peerOf(group, far)).toSorted(comparePeers);
}

function comparePeers(a: PeerDocument, b: PeerDocument): number {
  return (
    b.open - a.open || Date.parse(b.lastSeenAt) - Date.parse(a.lastSeenAt) || b.connections - a.connections
  );
}

function peerOf(group: readonly ConnectionView[], far: Side): PeerDocument {
  const first = group[0]!;
  const end: ConnectionEnd = first[far];
  const pids = new Set(group.map((each) => each[far].owners[0]?.process.pid ?? null));
  const lastSeenAtMs = Math.max(...group.map((each) => each.lastSeenAtMs));
  const isSeen = group.some(({ seen }) => seen === 'both');
  const last = group.find((each) => each.lastSeenAtMs === lastSeenAtMs)!;
  return {
    service: end.service,
    host: end.host?.name ?? null,
    process: end.owners[0]?.process.comm ?? null,
    user: end.owners[0]?.process.user ?? null,
    ip: end.endpoint.ip,
    port: first.server.endpoint.port,
    protocol: first.protocol,
    connections: group.length,
    open: group.filter(({ closedAtMs }) => closedAtMs === null).length,
    firstSeenAt: formatTime(Math.min(...group.map(({ openedAtMs }) => openedAtMs))),
    lastSeenAt: formatTime(lastSeenAtMs),
    seen: isSeen ? 'both' : first.seen,
    unseenBecause: isSeen ? null : last.unseenBecause,
    pid: pids.size === 1 ? [...pids][0]! : null,
    dialed: dialed(first),
  };
}

function dialed({ server }: ConnectionView): string | null {
  return server.seenAs === null ? null : formatEndpoint(server.seenAs.endpoint);
}

export function plainEdges(view: FleetView, { q, realm }: AnswerRequest): EdgeDocument[] {
  const filter = parseFilter(q);
  const keyOf = (...parts: readonly unknown[]): string => JSON.stringify(parts);
  const keyOfEdge = (each: EdgeView): string =>
    keyOf(each.client, each.server, each.realm, each.port, each.protocol);
  const selected = new Set<string>();
  const connected = new Set<string>();
  for (const each of view.connections()) {
    const { client, server, protocol } = each;
    const key = keyOf(client.label, server.label, server.realm, server.endpoint.port, protocol);
    connected.add(key);
    if (filterMatches(filter, connectionSubject(each))) selected.add(key);
  }
  const found = [...view.edges()].filter((edge) => {
    if (realm !== '' && edge.realm !== realm) return false;
    const key = keyOfEdge(edge);
    if (filter.kind === 'all') return true;
    return connected.has(key) ? selected.has(key) : filterMatches(filter, edgeSubject(edge));
  });
  return found.map(edgeDocument);
}

export function plainServices(view: FleetView, { q, realm }: AnswerRequest): ServiceDocument[] {
  const filter = parseFilter(q);
  const places = new Map<string, Places>();
  const at = (name: string): Places => {
    const known = places.get(name) ?? { hosts: new Set(), instances: new Set(), listens: new Set() };
    places.set(name, known);
    return known;
  };
  const isSelected = (end: Parameters<typeof endMatches>[1]): boolean =>
    filterMatches(filter, { client: null, server: end });
  for (const each of view.connections()) {
    if (!isIn(realm, each) || each.unseenBecause === 'not-yet') continue;
    for (const side of ['client', 'server'] as const) {
      if (!isSelected(filterEnd(each, side))) continue;
      addPlace(at(each[side].label), each[side]);
    }
  }
  for (const listener of view.listeners()) {
    const { socket, service } = listener;
    if (realm !== '' && socket.host.realm !== realm) continue;
    if (!isSelected(listenerSubject(listener).server)) continue;
    addPlace(at(service ?? socket.host.name), socket);
    at(service ?? socket.host.name).listens.add(`${socket.protocol} ${socket.local.port}`);
  }
  const edges = [...view.edges()].filter((edge) => realm === '' || edge.realm === realm);
  for (const edge of edges) {
    const { client, server } = edgeSubject(edge);
    if (isSelected(client)) at(edge.client);
    if (isSelected(server)) at(edge.server);
  }
  return [...places].map(([name, place]) => serviceOf(name, place, edges)).toSorted(compareNames);
}

interface Places {
  readonly hosts: Set<string>;
  readonly instances: Set<string>;
  /** `tcp 80` */
  readonly listens: Set<string>;
}

function addPlace(places: Places, { host, owners }: Pick<ConnectionEnd, 'host' | 'owners'>): void {
  if (host === null) return;
  places.hosts.add(host.name);
  for (const { process } of owners) places.instances.add(`${host.id}/${process.pid}@${process.startTicks}`);
}

function serviceOf(
  service: string,
  { hosts, instances, listens }: Places,
  edges: readonly EdgeView[],
): ServiceDocument {
  const listened = [...listens].map((text) => text.split(' ') as ['tcp' | 'udp', string]);
  return {
    service,
    hosts: [...hosts].toSorted(),
    instances: instances.size,
    listens: listened
      .map(([protocol, port]) => ({ port: Number(port), protocol }))
      .toSorted((a, b) => a.port - b.port || a.protocol.localeCompare(b.protocol)),
    clients: new Set(edges.filter(({ server }) => server === service).map(({ client }) => client)).size,
    servers: new Set(edges.filter(({ client }) => client === service).map(({ server }) => server)).size,
    observed: hosts.size > 0,
  };
}

function compareNames(a: ServiceDocument, b: ServiceDocument): number {
  return a.service < b.service ? -1 : 1;
}
