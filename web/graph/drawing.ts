/** The map document as it is drawn: one node per service, one line per pair of services however many ports they use. */
import type { EdgeDocument, MapDocument } from '../../model/document.ts';
import { groupBy } from './group.ts';

export interface DrawnService {
  readonly name: string;
  /** False for a peer that no agent reports. */
  readonly observed: boolean;
  readonly hosts: readonly string[];
  /** Ports on which it is called or listens, ascending, each once. */
  readonly ports: readonly number[];
}

export interface DrawnEdge {
  /** Unique for the pair, whatever the names hold. */
  readonly id: string;
  readonly client: string;
  readonly server: string;
  readonly open: number;
  readonly total: number;
  /** No connection of it was seen from both its ends. */
  readonly oneEnd: boolean;
  /** What it is made of, one per server port and protocol. */
  readonly parts: readonly EdgeDocument[];
}

export interface Drawing {
  /** By name, in alphabetical order, so that every browser draws the same. */
  readonly services: ReadonlyMap<string, DrawnService>;
  /** Self-calls included. */
  readonly edges: readonly DrawnEdge[];
}

export function drawingOf(map: Pick<MapDocument, 'services' | 'edges'>): Drawing {
  const known = new Map(map.services.map((service) => [service.service, service]));
  const names = new Set([...known.keys(), ...map.edges.flatMap((edge) => [edge.client, edge.server])]);
  const services = new Map<string, DrawnService>();
  const called = groupBy(map.edges, (edge) => edge.server);
  for (const name of [...names].sort()) {
    const service = known.get(name);
    const incoming = called.get(name) ?? [];
    const ports = [...(service?.listens ?? []), ...incoming].map((entry) => entry.port);
    services.set(name, {
      name,
      observed: service?.observed ?? false,
      hosts: service?.hosts ?? [],
      ports: [...new Set(ports)].sort((a, b) => a - b),
    });
  }
  return { services, edges: mergeEdges(map.edges) };
}

/** Whether it leads from one service to another. A self-call has no say in where a service stands. */
export function isBetweenTwo(edge: Pick<DrawnEdge, 'client' | 'server'>): boolean {
  return edge.client !== edge.server;
}

/** The id of the edge between two services. */
export function edgeId(client: string, server: string): string {
  return JSON.stringify([client, server]);
}

function mergeEdges(edges: readonly EdgeDocument[]): DrawnEdge[] {
  const pairs = groupBy(edges, (edge) => edgeId(edge.client, edge.server));
  return [...pairs].map(([id, parts]) => ({
    id,
    client: parts[0]!.client,
    server: parts[0]!.server,
    open: parts.reduce((sum, part) => sum + part.open, 0),
    total: parts.reduce((sum, part) => sum + part.total, 0),
    oneEnd: parts.every((part) => part.seen.both === 0),
    parts,
  }));
}
