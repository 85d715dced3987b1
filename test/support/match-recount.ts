/** How well connections are matched, counted anew from all of them: what the counts that are kept have to equal. */
import { type MatchCounts, type MatchTally, matchResults } from '../../aggregator/correlate/match-counts.ts';
import type { ReportingHost } from '../../aggregator/correlate/report.ts';
import type { LiveView } from '../../aggregator/live-view.ts';

/** `name: open matched` → how many; what is 0 is left out. The fleet's name is `*`. */
type Counts = Readonly<Record<string, number>>;

export function recount(view: LiveView): Counts {
  const counts: Record<string, number> = {};
  const add = (key: string): void => {
    counts[key] = (counts[key] ?? 0) + 1;
  };
  for (const { client, server, closedAtMs, seen, unseenBecause } of view.connections()) {
    const state = closedAtMs === null ? 'open' : 'closed';
    const hosts = new Set([client.socket?.host, server.socket?.host].filter((host) => host !== undefined));
    for (const name of ['*', ...[...hosts].map(({ id }) => id)]) {
      add(`${name}: ${state} ${unseenBecause ?? 'matched'}`);
      if (closedAtMs === null) add(`${name}: open, seen ${seen}`);
    }
  }
  return counts;
}

export function kept(view: LiveView): Counts {
  const { fleet, hosts }: MatchCounts = view.matchCounts();
  const tallies: [string, MatchTally][] = Array.from(
    hosts,
    ([{ id }, tally]: [ReportingHost, MatchTally]) => [id, tally],
  );
  const all = [['*', fleet] as const, ...tallies].flatMap(([name, tally]) => [
    ...matchResults.map((result) => [`${name}: open ${result}`, tally.count(true, result)] as const),
    ...matchResults.map((result) => [`${name}: closed ${result}`, tally.count(false, result)] as const),
    ...Object.entries(tally.open).map(([seen, count]) => [`${name}: open, seen ${seen}`, count] as const),
  ]);
  return Object.fromEntries(all.filter(([, count]) => count !== 0));
}
