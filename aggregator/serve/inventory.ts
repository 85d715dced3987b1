/** The services of the fleet: everything that is an end of a connection or an edge, or that listens. */
import type { ServiceDocument } from '../../model/document.ts';
import type { IpAddress } from '../../model/ip.ts';
import type { Owner, Process } from '../../model/process.ts';
import { type FilterEnd, filterMatches } from '../../query/evaluate.ts';
import { everything, type Filter } from '../../query/syntax.ts';
import type { ReportingHost } from '../correlate/report.ts';
import type { Steps } from '../steps.ts';
import {
  type ConnectionView,
  type EdgeView,
  edgeNameOf,
  type FleetView,
  type ListenerView,
} from './fleet-view.ts';
import { connectionSubject, edgeSubject, filterEnd, listenerSubject } from './subjects.ts';

interface Entry {
  /** By the hosts that it is on. */
  readonly owners: Map<ReportingHost, Set<Process>>;
  readonly instances: Set<string>;
  readonly listens: Map<string, ServiceDocument['listens'][number]>;
  readonly clients: Set<string>;
  readonly servers: Set<string>;
}

/** What a filter and a realm leave of the fleet, by name. */
export interface Selection {
  readonly filter: Filter;
  /** '' = all. */
  readonly realm: string;
}

/** By name. A service is in it when one of its ends, listeners or edges is selected. */
export function* serviceDocuments(view: FleetView, selection: Selection): Steps<ServiceDocument[]> {
  const { filter, realm } = selection;
  const inventory = new Inventory(filter);
  yield* view.search({ filter, realm, of: 'an end' }, (block) => {
    for (const connection of block) {
      if (!isInRealm(connection.server.realm, selection)) continue;
      // Its other end may still be on its way; until then what it is called is not decided.
      if (connection.unseenBecause === 'not-yet') continue;
      inventory.addEnd(connection, 'client');
      inventory.addEnd(connection, 'server');
    }
  });
  for (const listener of view.listeners()) {
    if (isInRealm(listener.socket.host.realm, selection)) inventory.addListener(listener);
  }
  yield;
  const edges = [...(yield* view.edgesInSteps())].filter((edge) => isInRealm(edge.realm, selection));
  for (const edge of edges) inventory.addEdge(edge);
  yield;
  for (const edge of edges) inventory.link(edge);
  return inventory.documents();
}

/** Whether a host, a service or an end of an edge is called so, on any port and in whatever state. */
export function* knowsName(view: FleetView, name: string): Steps<boolean> {
  for (const host of view.hosts()) if (host.name === name) return true;
  for (const { service } of view.listeners()) if (service === name) return true;
  for (const edge of view.edgesAsCounted()) if (edge.client === name || edge.server === name) return true;
  const term = { kind: 'name', name } as const;
  let isKnown = false;
  yield* view.search(
    { filter: { kind: 'term', term }, realm: '', of: 'connection' },
    (block) => {
      isKnown = block.some(({ client, server }) => client.label === name || server.label === name);
    },
    () => isKnown,
  );
  return isKnown;
}

/** Whether a host reports the address as one of its own. */
export function hasAddress(view: FleetView, ip: IpAddress): boolean {
  for (const { netns } of view.hosts()) {
    for (const { addresses } of netns.values()) {
      if (addresses.some((address) => address.ip === ip)) return true;
    }
  }
  return false;
}

/** A connection crosses no realms, so that its server's tells. */
export function isInRealm(realm: string, selection: Selection): boolean {
  return selection.realm === '' || selection.realm === realm;
}

/** The edges that have a selected connection. Those whose connections are all gone are judged by their names and port. */
export function* selectedEdges(view: FleetView, selection: Selection): Steps<EdgeView[]> {
  const { filter, realm } = selection;
  if (filter === everything) {
    return [...(yield* view.edgesInSteps())].filter((edge) => isInRealm(edge.realm, selection));
  }
  const selected = new Set<EdgeView>();
  yield* view.search({ filter, realm, of: 'connection' }, (block) => {
    for (const connection of block) {
      if (!isInRealm(connection.server.realm, selection)) continue;
      const edge = view.edgeNamed(edgeNameOf(connection));
      if (edge === null || selected.has(edge)) continue;
      if (filterMatches(filter, connectionSubject(connection))) selected.add(edge);
    }
  });
  const connected = yield* view.connectedEdges();
  return [...(yield* view.edgesInSteps())].filter((edge) => {
    if (!isInRealm(edge.realm, selection)) return false;
    if (selected.has(edge)) return true;
    return !connected.has(edge) && filterMatches(filter, edgeSubject(edge));
  });
}

class Inventory {
  readonly #entries = new Map<string, Entry>();
  readonly #filter: Filter;

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  addEnd(connection: ConnectionView, side: 'client' | 'server'): void {
    if (this.#filter !== everything && !this.#isSelected(filterEnd(connection, side))) return;
    const { label, host, owners } = connection[side];
    const entry = this.#obtain(label);
    if (host !== null) addOwners(entry, host, owners);
  }

  addListener(listener: ListenerView): void {
    if (!this.#isSelected(listenerSubject(listener).server)) return;
    const { service, socket } = listener;
    const entry = this.#obtain(service ?? socket.host.name);
    const listened = { port: socket.local.port, protocol: socket.protocol };
    entry.listens.set(`${listened.port}/${listened.protocol}`, listened);
    addOwners(entry, socket.host, socket.owners);
  }

  addEdge(edge: EdgeView): void {
    const { client, server } = edgeSubject(edge);
    if (this.#isSelected(client)) this.#obtain(edge.client);
    if (this.#isSelected(server)) this.#obtain(edge.server);
  }

  /** A place answers as a server without a client. */
  #isSelected(place: FilterEnd | null): boolean {
    return filterMatches(this.#filter, { client: null, server: place });
  }

  #obtain(name: string): Entry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const entry: Entry = {
      owners: new Map(),
      instances: new Set(),
      listens: new Map(),
      clients: new Set(),
      servers: new Set(),
    };
    this.#entries.set(name, entry);
    return entry;
  }

  link(edge: EdgeView): void {
    this.#entries.get(edge.client)?.servers.add(edge.server);
    this.#entries.get(edge.server)?.clients.add(edge.client);
  }

  documents(): ServiceDocument[] {
    return [...this.#entries]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([service, entry]) => ({
        service,
        hosts: [...new Set(Array.from(entry.owners.keys(), ({ name }) => name))].toSorted(),
        instances: entry.instances.size,
        listens: [...entry.listens.values()].toSorted(
          (a, b) => a.port - b.port || a.protocol.localeCompare(b.protocol),
        ),
        clients: entry.clients.size,
        servers: entry.servers.size,
        observed: entry.owners.size > 0,
      }));
  }
}

/** Notes that a place of a service is on that host, with these processes, most of which are known from other sockets. */
function addOwners(entry: Entry, host: ReportingHost, owners: readonly Owner[]): void {
  const known = entry.owners.get(host) ?? new Set<Process>();
  entry.owners.set(host, known);
  for (const { process } of owners) {
    if (known.has(process)) continue;
    known.add(process);
    entry.instances.add(`${host.id}/${process.pid}@${process.startTicks}`);
  }
}
