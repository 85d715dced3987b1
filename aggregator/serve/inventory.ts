/** The services of the fleet: everything that is an end of a connection or an edge, or that listens. */
import type { ServiceDocument } from '../../model/document.ts';
import type { IpAddress } from '../../model/ip.ts';
import { filterMatches } from '../../query/evaluate.ts';
import { everything, type Filter } from '../../query/syntax.ts';
import type { ConnectionEnd, ConnectionView, EdgeView, FleetView, ListenerView } from './fleet-view.ts';
import { connectionSubject, edgeSubject, filterEnd, listenerSubject } from './subjects.ts';

interface Entry {
  readonly hosts: Set<string>;
  readonly instances: Set<string>;
  readonly listens: Map<string, ServiceDocument['listens'][number]>;
  readonly clients: Set<string>;
  readonly servers: Set<string>;
  observed: boolean;
}

/** What a filter and a realm leave of the fleet, by name. */
export interface Selection {
  readonly filter: Filter;
  /** '' = all. */
  readonly realm: string;
}

/** By name. A service is in it when one of its ends, listeners or edges is selected. */
export function serviceDocuments(view: FleetView, selection: Selection): ServiceDocument[] {
  const inventory = new Inventory();
  const { filter } = selection;
  for (const connection of selectedIn(view.connections(), selection)) {
    // Its other end may still be on its way; until then what it is called is not decided.
    if (connection.unseenBecause === 'not-yet') continue;
    for (const side of ['client', 'server'] as const) {
      const isSelected = filterMatches(filter, { client: null, server: filterEnd(connection, side) });
      if (isSelected) inventory.addEnd(connection[side]);
    }
  }
  for (const listener of view.listeners()) {
    if (!isInRealm(listener.socket.host.realm, selection)) continue;
    if (filterMatches(filter, listenerSubject(listener))) inventory.addListener(listener);
  }
  const edges = [...view.edges()].filter((edge) => isInRealm(edge.realm, selection));
  for (const edge of edges) {
    const { client, server } = edgeSubject(edge);
    if (filterMatches(filter, { client: null, server: client })) inventory.addName(edge.client);
    if (filterMatches(filter, { client: null, server })) inventory.addName(edge.server);
  }
  for (const edge of edges) inventory.link(edge);
  return inventory.documents();
}

/** Whether a host, a service or an end of an edge is called so, on any port and in whatever state. */
export function knowsName(view: FleetView, name: string): boolean {
  for (const host of view.hosts()) if (host.name === name) return true;
  for (const { service } of view.listeners()) if (service === name) return true;
  for (const edge of view.edges()) if (edge.client === name || edge.server === name) return true;
  for (const { client, server } of view.connections()) {
    if (client.label === name || server.label === name) return true;
  }
  return false;
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

/** Connections of the realm; a connection crosses no realms, so that its server's tells. */
function* selectedIn(connections: Iterable<ConnectionView>, selection: Selection): Iterable<ConnectionView> {
  for (const connection of connections) if (isInRealm(connection.server.realm, selection)) yield connection;
}

export function isInRealm(realm: string, selection: Selection): boolean {
  return selection.realm === '' || selection.realm === realm;
}

/** The edges that have a selected connection. Those whose connections are all gone are judged by their names and port. */
export function selectedEdges(view: FleetView, selection: Selection): EdgeView[] {
  if (selection.filter === everything) {
    return [...view.edges()].filter((edge) => isInRealm(edge.realm, selection));
  }
  const selected = new Set<string>();
  const connected = new Set<string>();
  for (const connection of selectedIn(view.connections(), selection)) {
    const key = edgeKey({
      client: connection.client.label,
      server: connection.server.label,
      realm: connection.server.realm,
      port: connection.server.endpoint.port,
      protocol: connection.protocol,
    });
    connected.add(key);
    if (selected.has(key)) continue;
    if (filterMatches(selection.filter, connectionSubject(connection))) selected.add(key);
  }
  return [...view.edges()].filter((edge) => {
    if (!isInRealm(edge.realm, selection)) return false;
    const key = edgeKey(edge);
    return connected.has(key) ? selected.has(key) : filterMatches(selection.filter, edgeSubject(edge));
  });
}

function edgeKey(edge: Pick<EdgeView, 'client' | 'server' | 'realm' | 'port' | 'protocol'>): string {
  return JSON.stringify([edge.client, edge.server, edge.realm, edge.port, edge.protocol]);
}

class Inventory {
  readonly #entries = new Map<string, Entry>();

  addName(name: string): Entry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const entry: Entry = {
      hosts: new Set(),
      instances: new Set(),
      listens: new Map(),
      clients: new Set(),
      servers: new Set(),
      observed: false,
    };
    this.#entries.set(name, entry);
    return entry;
  }

  addEnd(end: ConnectionEnd): void {
    const entry = this.addName(end.label);
    if (end.host === null) return;
    entry.observed = true;
    entry.hosts.add(end.host.name);
    for (const { process } of end.owners) {
      entry.instances.add(`${end.host.id}/${process.pid}@${process.startTicks}`);
    }
  }

  addListener({ service, socket }: ListenerView): void {
    const entry = this.addName(service ?? socket.host.name);
    entry.observed = true;
    entry.hosts.add(socket.host.name);
    const listened = { port: socket.local.port, protocol: socket.protocol };
    entry.listens.set(`${listened.port}/${listened.protocol}`, listened);
    for (const { process } of socket.owners) {
      entry.instances.add(`${socket.host.id}/${process.pid}@${process.startTicks}`);
    }
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
        hosts: [...entry.hosts].toSorted(),
        instances: entry.instances.size,
        listens: [...entry.listens.values()].toSorted(
          (a, b) => a.port - b.port || a.protocol.localeCompare(b.protocol),
        ),
        clients: entry.clients.size,
        servers: entry.servers.size,
        observed: entry.observed,
      }));
  }
}
