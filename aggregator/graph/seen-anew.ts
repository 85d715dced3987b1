/**
 * Since when edges are there, found out anew from all connections that count in them: of edges from which the one that was seen
 * first was taken away, as it is known better now.
 */
import type { Edge, Edges } from './edges.ts';

interface Sum {
  count: number;
  firstSeenAtMs: number;
}

export class SeenAnew {
  readonly #edges: Edges;
  readonly #sums = new Map<Edge, Sum>();

  /** Of the edges that are vague now. */
  constructor(edges: Edges) {
    this.#edges = edges;
    for (const edge of edges.vague) {
      this.#sums.set(edge, { count: 0, firstSeenAtMs: Number.POSITIVE_INFINITY });
    }
  }

  /** Whether there are any. */
  get isNeeded(): boolean {
    return this.#sums.size > 0;
  }

  concerns(edge: Edge | null): boolean {
    return edge !== null && this.#sums.has(edge);
  }

  /** One connection counts in that edge. */
  note(edge: Edge | null | undefined, firstSeenAtMs: number): void {
    const sum = edge === null || edge === undefined ? undefined : this.#sums.get(edge);
    if (sum === undefined) return;
    sum.count++;
    sum.firstSeenAtMs = Math.min(sum.firstSeenAtMs, firstSeenAtMs);
  }

  /** All have been noted. */
  settle(): void {
    for (const [edge, { count, firstSeenAtMs }] of this.#sums) {
      this.#edges.settleFirstSeen(edge, count, firstSeenAtMs);
    }
  }
}
