/** What /metrics shows of an aggregator. Gauges are read when they are scraped, so nothing is kept twice. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Bus } from './cluster/bus.ts';
import type { LiveView } from './live-view.ts';
import type { Watchers } from './serve/watch-feed.ts';

export interface MetricsSources {
  readonly view: LiveView;
  readonly watchers: Watchers;
  readonly bus: Bus;
}

/** Node's own metrics (with event loop delay), and those of the live view, watchers and bus. */
export function createRegistry({ view, watchers, bus }: MetricsSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  const { correlator, edgeTable } = view;

  new Gauge({
    name: 'whotalks_hosts',
    help: 'Hosts by state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const state of ['live', 'stale', 'lost'] as const) {
        this.set({ state }, [...view.hosts()].filter((host) => host.state === state).length);
      }
    },
  });
  new Gauge({
    name: 'whotalks_connections',
    help: 'Open connections in the live view, by the ends that were seen.',
    labelNames: ['seen'],
    registers: [registry],
    collect() {
      const counts = view.countOpen();
      for (const seen of ['both', 'client', 'server'] as const) this.set({ seen }, counts[seen]);
    },
  });
  gauge(
    'whotalks_recently_closed',
    'Closed connections that are still shown.',
    () => correlator.recentlyClosed.size,
  );
  counter(
    'whotalks_recently_closed_evicted_total',
    'Closed connections dropped before their time because there were too many.',
    () => correlator.recentlyClosed.evicted,
  );
  gauge('whotalks_edges', 'Dependencies that were ever seen.', () => edgeTable.size);
  counter(
    'whotalks_edges_refused_total',
    'Connections without an edge because there were too many.',
    () => edgeTable.refused,
  );
  gauge('whotalks_watchers', 'Open watch streams.', () => watchers.open);
  counter('whotalks_watch_missed_total', 'Events left out for slow watchers.', () => watchers.missedTotal);
  counter('whotalks_watchers_refused_total', 'Watchers turned away.', () => watchers.refusedTotal);
  gauge('whotalks_bus_connected', '1 while the bus takes events.', () =>
    Number(bus.state().state === 'connected'),
  );
  gauge('whotalks_bus_queued', 'Events that wait for the bus.', () => bus.state().queued);
  counter(
    'whotalks_bus_published_total',
    'Events that the bus has taken for good.',
    () => bus.state().published,
  );
  counter('whotalks_bus_lost_total', 'Events that the bus could not deliver.', () => bus.state().lost);
  return registry;
}
