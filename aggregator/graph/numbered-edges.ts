/** The edges of the fleet as the core counts in them, by number: one table of edges for all connections. */
import type { EdgeKeeper } from '../core/edge-counts.ts';
import type { Edge, Edges } from './edges.ts';
import type { Names } from './names.ts';

export class NumberedEdges implements EdgeKeeper<Edge> {
  readonly #edges: Edges;
  readonly #names: Names;
  readonly #realmOf: (scope: number) => string;
  /** Edges that nobody had before, since this was emptied last. */
  readonly begun: Edge[] = [];

  constructor(edges: Edges, names: Names, realmOf: (scope: number) => string) {
    this.#edges = edges;
    this.#names = names;
    this.#realmOf = realmOf;
  }

  begin(client: number, server: number, port: number, scope: number): Edge | null {
    const names = this.#names;
    const obtained = this.#edges.obtain({
      realm: this.#realmOf(scope),
      client: names.textOf(client),
      server: names.textOf(server),
      port: port >> 1,
      protocol: (port & 1) === 1 ? 'udp' : 'tcp',
    });
    if (obtained === null) return null;
    names.retainAgain(client);
    names.retainAgain(server);
    if (obtained.isNew) this.begun.push(obtained.edge);
    return obtained.edge;
  }

  lessened(edge: Edge): void {
    this.#edges.lessened(edge);
  }

  end(edge: Edge, client: number, server: number): void {
    this.#names.release(client);
    this.#names.release(server);
    this.#edges.lessened(edge);
    this.#edges.dropEmpty(edge);
  }
}
