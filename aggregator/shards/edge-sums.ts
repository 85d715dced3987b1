/** The edges of a core by their numbers, without names: of a shard, or of one that stands alone. Those of shards are added up. */
import type { EdgeKeeper, EdgeTally } from '../core/edge-counts.ts';

export interface EdgeSum extends EdgeTally {
  readonly client: number;
  readonly server: number;
  /** port << 1 | 1 for UDP. */
  readonly port: number;
  readonly scope: number;
}

export class EdgeSums implements EdgeKeeper {
  readonly #all = new Set<EdgeTally & EdgeSum>();
  readonly #max: number;

  /** @param max edges that are kept; connections of further ones count in none */
  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max;
  }

  begin(client: number, server: number, port: number, scope: number): EdgeTally | null {
    if (this.#all.size >= this.#max) return null;
    const counts = { open: 0, total: 0, seen: { both: 0 }, toServer: Number.NaN, toClient: Number.NaN };
    const sum = { client, server, port, scope, ...counts };
    this.#all.add(sum);
    return sum;
  }

  lessened(): void {
    // Nothing but numbers is kept of them here.
  }

  end(tally: EdgeTally): void {
    this.#all.delete(tally as EdgeSum);
  }

  get all(): readonly EdgeSum[] {
    return [...this.#all];
  }
}

/** The edges of a fleet from those of its shards: connections of one edge are of any of them. */
export function addUp(shards: readonly (readonly EdgeSum[])[]): EdgeSum[] {
  const sums = new Map<string, EdgeSum & { seen: { both: number } }>();
  for (const edge of shards.flat()) {
    const key = [edge.client, edge.server, edge.port, edge.scope].join();
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { ...edge, seen: { ...edge.seen } });
    else {
      known.open += edge.open;
      known.total += edge.total;
      known.seen.both += edge.seen.both;
      known.toServer = sumOf(known.toServer, edge.toServer);
      known.toClient = sumOf(known.toClient, edge.toClient);
    }
  }
  return [...sums.values()];
}

/** NaN where nothing was counted. */
function sumOf(one: number, other: number): number {
  if (Number.isNaN(one)) return other;
  return Number.isNaN(other) ? one : one + other;
}
