/** Edges of a core that stands alone, by their numbers: the tallies that the live view keeps else. */
import type { EdgeKeeper, EdgeTally } from '../../aggregator/core/edge-counts.ts';

export interface EdgeSum extends EdgeTally {
  readonly client: number;
  readonly server: number;
  /** port << 1 | 1 for UDP. */
  readonly port: number;
  readonly scope: number;
}

export class EdgeSums implements EdgeKeeper {
  readonly all = new Set<EdgeTally & EdgeSum>();
  readonly #max: number;

  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max;
  }

  begin(client: number, server: number, port: number, scope: number): EdgeTally | null {
    if (this.all.size >= this.#max) return null;
    const counts = { open: 0, total: 0, seen: { both: 0 }, toServer: Number.NaN, toClient: Number.NaN };
    const sum = { client, server, port, scope, ...counts };
    this.all.add(sum);
    return sum;
  }

  lessened(): void {
    // Nothing but numbers is kept of them here.
  }

  end(tally: EdgeTally): void {
    this.all.delete(tally as EdgeSum);
  }
}
