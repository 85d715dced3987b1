/** The walk of `deps`: which edges a service needs, or which need it, level by level. Pure. */

interface Arrow {
  readonly client: string;
  readonly server: string;
}

/**
 * Edges reached from `service`, nearest first, each once; cycles end where they began.
 * @param depth levels; 0 = all
 * @param reverse walk from server to client: the blast radius
 */
export function reachedEdges<Edge extends Arrow>(
  edges: Iterable<Edge>,
  service: string,
  depth: number,
  reverse: boolean,
): Edge[] {
  const leaving = new Map<string, Edge[]>();
  for (const edge of edges) {
    const near = reverse ? edge.server : edge.client;
    const known = leaving.get(near);
    if (known === undefined) leaving.set(near, [edge]);
    else known.push(edge);
  }
  const visited = new Set([service]);
  const reached: Edge[] = [];
  let level = [service];
  for (let distance = 0; level.length > 0 && (depth === 0 || distance < depth); distance++) {
    const next: string[] = [];
    for (const edge of level.flatMap((name) => leaving.get(name) ?? [])) {
      reached.push(edge);
      const far = reverse ? edge.client : edge.server;
      if (visited.has(far)) continue;
      visited.add(far);
      next.push(far);
    }
    level = next;
  }
  return reached;
}
