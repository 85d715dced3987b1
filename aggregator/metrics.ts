/** What /metrics shows of an aggregator (docs/metrics-aggregator.md). Everything is read when it is scraped, so nothing is kept twice. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Bus } from './cluster/bus.ts';
import type { Ingest } from './ingest/ingest.ts';
import { addJournalMetrics } from './journal/journal-metrics.ts';
import type { Kept } from './journal/keeping.ts';
import type { LiveView } from './live-view.ts';
import type { SieveThread } from './lookup/sieve-thread.ts';
import { type LoopDelay, resolutionMs } from './loop-delay.ts';
import { addMatchMetrics } from './match-metrics.ts';
import { counter, gauge, gaugeBy, gauges } from './metric-kinds.ts';
import { addSecurityMetrics, type SecuritySources } from './security-metrics.ts';
import type { AnswerTurns } from './serve/answer-turns.ts';
import type { Watchers } from './serve/watch-feed.ts';

export interface MetricsSources {
  readonly view: LiveView;
  readonly ingest: Pick<Ingest, 'budget' | 'counters' | 'streams' | 'turns'>;
  readonly watchers: Watchers;
  readonly turns: Pick<AnswerTurns, 'waiting' | 'refusedTotal'>;
  readonly bus: Bus;
  readonly loopDelay: Pick<LoopDelay, 'take'>;
  /** null = nothing outlives this run. */
  readonly kept: Kept | null;
  readonly security: SecuritySources;
}

/** Node's own metrics, and those of live view, matching, ingest, event loop, watchers, questions, bus and security. */
export function createRegistry(sources: MetricsSources): Registry {
  const { view, ingest, watchers, turns, bus, loopDelay, kept, security } = sources;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: resolutionMs });
  addFleetMetrics(registry, view);
  addMatchMetrics(registry, view);
  addLoopMetrics(registry, loopDelay);
  addIngestMetrics(registry, ingest);
  addJournalMetrics(registry, kept);
  addWatcherMetrics(registry, watchers);
  addQuestionMetrics(registry, turns);
  addSieveMetrics(registry, view.sieveThread);
  addBusMetrics(registry, bus);
  addSecurityMetrics(registry, security);
  return registry;
}

function addFleetMetrics(registry: Registry, view: LiveView): void {
  const { correlator, edgeTable } = view;
  const { recentlyClosed, plain } = correlator;
  gaugeBy(registry, ['whotalks_hosts', 'state'], 'Hosts by state.', () => {
    const counts = { live: 0, stale: 0, lost: 0 };
    for (const host of view.hosts()) counts[host.state]++;
    return counts;
  });
  gaugeBy(
    registry,
    ['whotalks_connections', 'seen'],
    'Open connections, by the ends that were seen.',
    () => view.matchCounts().fleet.open,
  );
  gauge(
    registry,
    'whotalks_recently_closed',
    'Closed connections still shown.',
    () => recentlyClosed.size + plain.lingering,
  );
  counter(
    registry,
    'whotalks_recently_closed_evicted_total',
    'Closed connections dropped before their time because there were too many.',
    () => recentlyClosed.evicted + plain.evicted,
  );
  counter(
    registry,
    'whotalks_ends_unfiled_total',
    'Ends that cannot be joined because too many open connections have their four-tuple.',
    () => correlator.refused.unfiled,
  );
  counter(
    registry,
    'whotalks_flows_refused_total',
    'Records of conversations passed on that were refused because too many have their four-tuple.',
    () => correlator.flows.refused,
  );
  counter(
    registry,
    'whotalks_undecided_refused_total',
    'Ambiguous ends that are not judged again as time goes by because too many are.',
    () => correlator.refused.undecided,
  );
  gauge(
    registry,
    'whotalks_disputed_addresses',
    'Addresses that several hosts of a realm claim.',
    () => correlator.claims.disputes.size,
  );
  gauge(registry, 'whotalks_edges', 'Dependencies that were ever seen.', () => edgeTable.size);
  counter(
    registry,
    'whotalks_edges_refused_total',
    'Connections that count in no edge because there were too many.',
    () => edgeTable.refused,
  );
}

function addLoopMetrics(registry: Registry, loopDelay: Pick<LoopDelay, 'take'>): void {
  const [max, p99] = ['max', 'p99'].map((name) => `whotalks_event_loop_delay_${name}_seconds`) as [
    string,
    string,
  ];
  gauges(
    registry,
    {
      [max]: 'Longest time that the event loop was kept from its turns, since the last scrape.',
      [p99]: 'What 99 of 100 delays of the event loop were below, since the last scrape.',
    },
    () => {
      const { maxSeconds, p99Seconds } = loopDelay.take();
      return { [max]: maxSeconds, [p99]: p99Seconds };
    },
  );
}

function addIngestMetrics(registry: Registry, ingest: MetricsSources['ingest']): void {
  const { counters } = ingest;
  gauge(registry, 'whotalks_agent_streams', 'Open streams of agents.', () => ingest.streams);
  gauge(
    registry,
    'whotalks_ingest_waiting_messages',
    'Messages of agents that are here and wait for their turn.',
    () => ingest.turns.waiting,
  );
  gauge(
    registry,
    'whotalks_ingest_waiting_bytes',
    'Bytes of messages of agents that are here and wait for their turn.',
    () => ingest.budget.bytes,
  );
  counter(
    registry,
    'whotalks_ingest_streams_over_budget_total',
    'Streams of agents that were ended because too much waited, most of it of them.',
    () => ingest.budget.ended,
  );
  counter(
    registry,
    'whotalks_ingest_turns_cut_short_total',
    'Times that ingest gave the event loop its turn while messages waited.',
    () => ingest.turns.cutShort,
  );
  const totals: readonly (readonly [keyof typeof counters, string, string])[] = [
    ['messages', 'messages', 'Messages of agents.'],
    ['rows', 'rows', 'Rows applied: of snapshots, opened, closed, updated and reowned.'],
    ['snapshots', 'snapshots', 'Snapshots applied.'],
    ['refusedMessages', 'refused_messages', 'Messages answered by Nack.'],
    ['spooled', 'spooled_sockets', 'Sockets out of spools that were told on.'],
    ['spooledAgain', 'spooled_sockets_again', 'Sockets out of spools that had been told before.'],
    ['delayed', 'delayed_snapshots', 'Agents that were told to wait with their first snapshot.'],
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

function addQuestionMetrics(registry: Registry, turns: MetricsSources['turns']): void {
  gauge(registry, 'whotalks_questions', 'Questions that are being answered.', () => turns.waiting);
  counter(registry, 'whotalks_questions_refused_total', 'Questions turned away.', () => turns.refusedTotal);
}

function addSieveMetrics(registry: Registry, thread: SieveThread | null): void {
  const totals: readonly (readonly ['looked' | 'found' | 'refused' | 'failures', string, string])[] = [
    ['looked', 'rows_looked_at', 'Rows that a thread beside the event loop looked at for questions.'],
    ['found', 'rows_found', 'Rows that it found.'],
    ['refused', 'rows_refused', 'Rows that it found, and that were others when their turn came.'],
    ['failures', 'failures', 'Times that it ended; questions then do without it.'],
  ];
  for (const [key, name, help] of totals) {
    counter(registry, `whotalks_question_thread_${name}_total`, help, () => thread?.[key] ?? 0);
  }
}

function addBusMetrics(registry: Registry, bus: Bus): void {
  gauge(registry, 'whotalks_bus_connected', '1 while the bus takes events.', () =>
    Number(bus.state().state === 'connected'),
  );
  gauge(registry, 'whotalks_bus_queued', 'Events that wait for the bus.', () => bus.state().queued);
  counter(registry, 'whotalks_bus_published_total', 'Events the bus has taken.', () => bus.state().published);
  counter(registry, 'whotalks_bus_lost_total', 'Events the bus could not deliver.', () => bus.state().lost);
}
