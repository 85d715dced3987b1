/** What /metrics shows of an aggregator. Everything is read when it is scraped, so nothing is kept twice. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Bus } from './cluster/bus.ts';
import type { Ingest } from './ingest/ingest.ts';
import type { LiveView } from './live-view.ts';
import type { Watchers } from './serve/watch-feed.ts';

export interface MetricsSources {
  readonly view: LiveView;
  readonly ingest: Ingest;
  readonly watchers: Watchers;
  readonly bus: Bus;
}

/** Node's own metrics (with event loop delay), and those of ingest, live view, watchers and bus. */
export function createRegistry({ view, ingest, watchers, bus }: MetricsSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addFleetMetrics(registry, view);
  addIngestMetrics(registry, ingest);
  addWatcherMetrics(registry, watchers);
  addBusMetrics(registry, bus);
  return registry;
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** @param read the total so far */
function counter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** One gauge with a label, read for each of its values. */
function gaugeBy<Value extends string>(
  registry: Registry,
  [name, label]: readonly [name: string, label: string],
  help: string,
  read: () => Readonly<Record<Value, number>>,
): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      for (const [value, count] of Object.entries<number>(read())) this.set({ [label]: value }, count);
    },
  });
}

function addFleetMetrics(registry: Registry, view: LiveView): void {
  const { correlator, edgeTable } = view;
  const { recentlyClosed } = correlator;
  gaugeBy(registry, ['whotalks_hosts', 'state'], 'Hosts by state.', () => {
    const counts = { live: 0, stale: 0, lost: 0 };
    for (const host of view.hosts()) counts[host.state]++;
    return counts;
  });
  gaugeBy(registry, ['whotalks_connections', 'seen'], 'Open connections, by the ends that were seen.', () =>
    view.countOpen(),
  );
  gauge(registry, 'whotalks_recently_closed', 'Closed connections still shown.', () => recentlyClosed.size);
  counter(
    registry,
    'whotalks_recently_closed_evicted_total',
    'Closed connections dropped before their time because there were too many.',
    () => recentlyClosed.evicted,
  );
  counter(
    registry,
    'whotalks_ends_unfiled_total',
    'Ends that cannot be joined because too many open connections have their four-tuple.',
    () => correlator.unfiled,
  );
  counter(
    registry,
    'whotalks_flows_refused_total',
    'Records of conversations passed on that were refused because too many have their four-tuple.',
    () => correlator.flows.refused,
  );
  gauge(registry, 'whotalks_edges', 'Dependencies that were ever seen.', () => edgeTable.size);
  counter(
    registry,
    'whotalks_edges_refused_total',
    'Connections that count in no edge because there were too many.',
    () => edgeTable.refused,
  );
}

function addIngestMetrics(registry: Registry, ingest: Ingest): void {
  const { counters } = ingest;
  gauge(registry, 'whotalks_agent_streams', 'Open streams of agents.', () => ingest.streams);
  const totals: readonly (readonly [keyof typeof counters, string, string])[] = [
    ['messages', 'messages', 'Messages of agents.'],
    ['rows', 'rows', 'Rows applied: of snapshots, opened, closed, updated and reowned.'],
    ['snapshots', 'snapshots', 'Snapshots applied.'],
    ['refusedMessages', 'refused_messages', 'Messages answered by Nack.'],
    ['resyncs', 'resyncs', 'Snapshots asked for because a message was missing or did not fit.'],
    ['faults', 'faults', 'Streams ended because of a fault of the aggregator.'],
  ];
  for (const [key, name, help] of totals) {
    counter(registry, `whotalks_ingest_${name}_total`, help, () => counters[key]);
  }
}

function addWatcherMetrics(registry: Registry, watchers: Watchers): void {
  gauge(registry, 'whotalks_watchers', 'Open watch streams.', () => watchers.open);
  counter(
    registry,
    'whotalks_watch_missed_total',
    'Events left out for slow watchers.',
    () => watchers.missedTotal,
  );
  counter(registry, 'whotalks_watchers_refused_total', 'Watchers turned away.', () => watchers.refusedTotal);
}

function addBusMetrics(registry: Registry, bus: Bus): void {
  gauge(registry, 'whotalks_bus_connected', '1 while the bus takes events.', () =>
    Number(bus.state().state === 'connected'),
  );
  gauge(registry, 'whotalks_bus_queued', 'Events that wait for the bus.', () => bus.state().queued);
  counter(registry, 'whotalks_bus_published_total', 'Events the bus has taken.', () => bus.state().published);
  counter(registry, 'whotalks_bus_lost_total', 'Events the bus could not deliver.', () => bus.state().lost);
}
