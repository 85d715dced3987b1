/** Which column a service stands in: callers left of what they call, as far as cycles allow. */
import { type Drawing, isBetweenTwo } from './drawing.ts';

/** Column per service, 0 = leftmost. */
export function rankServices(drawing: Drawing): Map<string, number> {
  const callees = forwardCallees(drawing);
  const callers = new Map<string, string[]>([...drawing.services.keys()].map((name) => [name, []]));
  for (const [client, servers] of callees) for (const server of servers) callers.get(server)!.push(client);

  const ranks = new Map<string, number>();
  const rank = (name: string): number => {
    const known = ranks.get(name);
    if (known !== undefined) return known;
    const own = Math.max(-1, ...callers.get(name)!.map(rank)) + 1;
    ranks.set(name, own);
    return own;
  };
  for (const name of drawing.services.keys()) rank(name);
  pullRight(ranks, callees, callers);
  return ranks;
}

/** A service that nobody calls stands right before the first it calls, not at the far left with every other. */
function pullRight(
  ranks: Map<string, number>,
  callees: ReadonlyMap<string, readonly string[]>,
  callers: ReadonlyMap<string, readonly string[]>,
): void {
  for (const [name, servers] of callees) {
    if (servers.length === 0 || callers.get(name)!.length > 0) continue;
    ranks.set(name, Math.min(...servers.map((server) => ranks.get(server)!)) - 1);
  }
}

/** The calls without those that close a cycle, found depth first from the services that nobody calls. */
function forwardCallees(drawing: Drawing): Map<string, string[]> {
  const all = new Map<string, string[]>([...drawing.services.keys()].map((name) => [name, []]));
  const called = new Set<string>();
  for (const edge of drawing.edges.filter(isBetweenTwo)) {
    all.get(edge.client)!.push(edge.server);
    called.add(edge.server);
  }
  const forward = new Map<string, string[]>();
  const onPath = new Set<string>();
  const visit = (name: string): void => {
    if (forward.has(name)) return;
    const kept: string[] = [];
    forward.set(name, kept);
    onPath.add(name);
    for (const server of all.get(name)!.sort()) {
      if (onPath.has(server)) continue;
      kept.push(server);
      visit(server);
    }
    onPath.delete(name);
  };
  const roots = [...all.keys()].sort(
    (a, b) => Number(called.has(a)) - Number(called.has(b)) || (a < b ? -1 : 1),
  );
  for (const root of roots) visit(root);
  return forward;
}
