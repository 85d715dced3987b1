/** How well connections are matched, and how fast, as /metrics shows it. */
import type { Registry } from 'prom-client';
import { type MatchTally, matchResults } from './correlate/match-counts.ts';
import type { LiveView } from './live-view.ts';
import { gaugeByAll, histogram, type Labelled } from './metric-kinds.ts';

/** Hosts that have series of their own; all others are counted under `otherHosts`. Each has 14 at most. */
export const hostSeriesMax = 500;

/** Label of the hosts beyond hostSeriesMax. */
export const otherHosts = '(other hosts)';

export function addMatchMetrics(registry: Registry, view: LiveView): void {
  gaugeByAll(
    registry,
    ['whotalks_match_connections', 'match', 'state'],
    'Connections of the live view, by what came of matching both ends and by whether they are open.',
    () => cellsOf(view.matchCounts().fleet),
  );
  gaugeByAll(
    registry,
    ['whotalks_host_match_connections', 'host', 'match', 'state'],
    'The same of the connections that have an end on a host; results that none has are left out.',
    () => hostSeries(view),
  );
  histogram(
    registry,
    'whotalks_match_latency_seconds',
    'From the arrival of the message that tells of the second end to the connection being complete.',
    view.matchLatency,
  );
}

function cellsOf(tally: MatchTally): Labelled[] {
  return [true, false].flatMap((isOpen) =>
    matchResults.map(
      (result) => [[result, isOpen ? 'open' : 'closed'], tally.count(isOpen, result)] as const,
    ),
  );
}

/** Hosts of one name are counted together. */
function hostSeries(view: LiveView): Labelled[] {
  const sums = new Map<string, Map<string, Labelled>>();
  for (const [host, tally] of view.matchCounts().hosts) {
    const name = sums.has(host.name) || sums.size < hostSeriesMax ? host.name : otherHosts;
    const known = sums.get(name) ?? new Map<string, Labelled>();
    sums.set(name, known);
    for (const [texts, value] of cellsOf(tally)) {
      if (value === 0) continue;
      const key = texts.join();
      known.set(key, [[name, ...texts], value + (known.get(key)?.[1] ?? 0)]);
    }
  }
  return [...sums.values()].flatMap((series) => [...series.values()]);
}
