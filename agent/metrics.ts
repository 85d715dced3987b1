/** What Prometheus sees of an agent (docs/metrics.md). Values are read when they are scraped, so nothing is kept twice. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AgentCounters } from './agent-counters.ts';
import type { BoundedTable, HasTables } from './bounded-table.ts';
import type { Budget } from './budget.ts';
import type { Collector } from './collector.ts';
import { ProcessCpu } from './cpu-meter.ts';
import type { EventFeed } from './event-feed.ts';
import type { BatchBuilder } from './export/batch-builder.ts';
import type { GapLedger } from './export/gap-ledger.ts';
import type { SlotTable } from './export/slot-table.ts';
import type { AgentStream } from './export/stream.ts';
import type { FinderFigure } from './finder.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { Keeping } from './spool/keeping.ts';
import type { ShortLived } from './watch/short-lived.ts';
import type { SocketWatch } from './watch/socket-watch.ts';

/** Upper bounds of the classes of scan durations, seconds. */
const durationBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export interface MetricsSources {
  readonly counters: AgentCounters;
  readonly budget: Budget;
  readonly collector: Collector;
  readonly finders: HasTables & { readonly figures: readonly FinderFigure[] };
  readonly watch: SocketWatch;
  readonly slots: SlotTable;
  readonly gaps: GapLedger;
  readonly builder: BatchBuilder;
  readonly stream: AgentStream;
  readonly shortLived: ShortLived;
  /** null = no events. */
  readonly feed: EventFeed | null;
  /** null = the agent has no folder. */
  readonly keeping: Pick<Keeping, 'tables' | 'totals'> | null;
  readonly loopDelay: Pick<LoopDelay, 'take'>;
}

/** One value per text of a label. */
type LabelledValues = Iterable<readonly [label: string, value: number]>;

/** Registers metrics under the common prefix. */
class AgentMetrics {
  readonly registry = new Registry();

  gauge(name: string, help: string, read: () => number): void {
    const base = { name: `whotalks_agent_${name}`, help, registers: [this.registry] };
    new Gauge({
      ...base,
      collect() {
        this.set(read());
      },
    });
  }

  /** Several gauges that are read in one go. @param helps by name */
  gaugesTogether<Name extends string>(
    helps: Readonly<Record<Name, string>>,
    read: () => Readonly<Record<Name, number>>,
  ): void {
    const gauges = new Map<Name, Gauge>();
    const collect = (): void => {
      const values = read();
      for (const [name, gauge] of gauges) gauge.set(values[name]);
    };
    for (const [name, help] of Object.entries(helps) as [Name, string][]) {
      const base = { name: `whotalks_agent_${name}`, help, registers: [this.registry] };
      gauges.set(name, new Gauge(gauges.size === 0 ? { ...base, collect } : base));
    }
  }

  counter(name: string, help: string, read: () => number): void {
    const base = { name: `whotalks_agent_${name}_total`, help, registers: [this.registry] };
    new Counter({
      ...base,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  gauges(name: string, help: string, label: string, read: () => LabelledValues): void {
    const base = { name: `whotalks_agent_${name}`, help, labelNames: [label], registers: [this.registry] };
    new Gauge({
      ...base,
      collect() {
        this.reset();
        for (const [text, value] of read()) this.set({ [label]: text }, value);
      },
    });
  }

  counters(name: string, help: string, label: string, read: () => LabelledValues): void {
    const base = {
      name: `whotalks_agent_${name}_total`,
      help,
      labelNames: [label],
      registers: [this.registry],
    };
    new Counter({
      ...base,
      collect() {
        this.reset();
        for (const [text, value] of read()) this.inc({ [label]: text }, value);
      },
    });
  }
}

export function createAgentRegistry(sources: MetricsSources): Registry {
  const metrics = new AgentMetrics();
  addScans(metrics, sources);
  addCost(metrics, sources);
  addEvents(metrics, sources);
  addLosses(metrics, sources);
  addSpool(metrics, sources);
  addStream(metrics, sources);
  for (const { kind, name, help, read } of sources.finders.figures) metrics[kind](name, help, read);
  addTables(metrics, () => tablesOf(sources));
  return metrics.registry;
}

/** Every table with a limit. */
export function tablesOf(sources: Omit<MetricsSources, 'loopDelay'>): readonly BoundedTable[] {
  const { watch, shortLived, feed, slots, gaps, builder, stream, collector, finders, keeping } = sources;
  const owners: readonly HasTables[] = [watch, shortLived, slots, gaps, builder, stream, finders];
  return [
    ...owners.flatMap(({ tables }) => tables),
    ...(feed?.tables ?? []),
    ...(collector.tables ?? []),
    ...(keeping?.tables ?? []),
  ];
}

function addScans(metrics: AgentMetrics, { counters, collector }: MetricsSources): void {
  metrics.gauges('collector_info', 'The way by which sockets are read; always 1.', 'collector', () => [
    [collector.name, 1],
  ]);
  counters.scanDuration = new Histogram({
    name: 'whotalks_agent_scan_duration_seconds',
    help: 'How long scans took.',
    buckets: durationBuckets,
    registers: [metrics.registry],
  });
  metrics.counter('scans', 'Scans.', () => counters.scans);
  metrics.counter('failed_scans', 'Scans that failed.', () => counters.failedScans);
  metrics.counter('overrun_scans', 'Scans that took longer than the interval.', () => counters.overruns);
  metrics.gauge('sockets', 'Sockets in the last scan.', () => counters.lastSockets);
  metrics.gauge('namespaces', 'Network namespaces in the last scan.', () => counters.lastNamespaces);
  metrics.gauge('blind_spots', 'Sentences about what the host cannot see.', () => counters.cannotSee.length);
  for (const kind of ['opened', 'changed', 'closed'] as const) {
    metrics.counter(`events_${kind}`, `Sockets ${kind}.`, () => counters.events[kind]);
  }
}

function addCost(metrics: AgentMetrics, { budget, loopDelay }: MetricsSources): void {
  const whole = new ProcessCpu();
  metrics.counter('cpu_seconds', 'CPU used by the process, user and system.', () => whole.usedMs / 1000);
  metrics.gauge('resident_bytes', 'Memory of the process that is resident.', () => process.memoryUsage.rss());
  metrics.gauge('interval_seconds', 'From the start of one scan to the next, now.', () => {
    return budget.intervalMs / 1000;
  });
  metrics.gauge('interval_configured_seconds', 'What --interval asks for.', () => budget.configuredMs / 1000);
  metrics.counter('interval_changes', 'Times that the interval was changed to keep to --cpu-max.', () => {
    return budget.changes;
  });
  metrics.gauge('cpu_share', 'Part of a core that was used lately; 0 while not measured.', () => {
    return budget.share ?? 0;
  });
  metrics.gauge('cpu_share_limit', 'What --cpu-max allows; 0 = no limit.', () => budget.shareMax);
  metrics.gaugesTogether(
    {
      event_loop_delay_max_seconds:
        'Longest time that scans kept the event loop from its turns, since the last scrape.',
      event_loop_delay_p99_seconds:
        'What 99 of 100 delays of the event loop during scans were below, since the last scrape.',
    },
    () => {
      const { maxMs, p99Ms } = loopDelay.take();
      return {
        event_loop_delay_max_seconds: maxMs / 1000,
        event_loop_delay_p99_seconds: p99Ms / 1000,
      };
    },
  );
}

function addEvents(metrics: AgentMetrics, { shortLived, feed }: MetricsSources): void {
  const totals = feed?.totals ?? { closed: 0, lost: 0, overruns: 0 };
  metrics.counter('connection_events', 'Connections whose end was heard of.', () => totals.closed);
  metrics.counter('lost_connection_events', 'Ends of connections that went by unheard.', () => totals.lost);
  metrics.counter('event_overruns', 'Times that an unknown number of ends went by.', () => totals.overruns);
  metrics.counters('event_losses', 'What the source of events did not tell, by what it was.', 'kind', () => {
    return Object.entries(feed?.lostByKind ?? {});
  });
  metrics.counter('short_connections', 'Connections that no scan has shown.', () => shortLived.total);
  metrics.counter('ownerless_short_connections', 'Those whose process is unknown.', () => {
    return shortLived.ownerless;
  });
}

function addLosses(metrics: AgentMetrics, { counters, gaps }: MetricsSources): void {
  metrics.counter('malformed_rows', 'Rows that could not be read.', () => counters.malformedRows);
  metrics.counters('lost_events', 'Events dropped before the aggregator took them.', 'reason', () => {
    return gaps.lostByReason;
  });
  metrics.counters('gaps', 'Intervals that were not watched, or lost events.', 'reason', () => {
    return gaps.gapsByReason;
  });
}

function addSpool(metrics: AgentMetrics, { keeping }: MetricsSources): void {
  const totals = (): Keeping['totals'] => keeping?.totals ?? { spooled: 0, told: 0, damaged: 0 };
  metrics.counter('spooled_sockets', 'Closed sockets that went to the spool.', () => totals().spooled);
  metrics.counter('spooled_messages_told', 'Messages told out of the spool.', () => totals().told);
  metrics.counter('spool_damages', 'Pieces of the spool that could not be read.', () => totals().damaged);
}

function addStream(metrics: AgentMetrics, { slots, stream }: MetricsSources): void {
  metrics.gauge('in_step', '1 while the aggregator has this host as it is.', () =>
    Number(stream.state.kind === 'streaming'),
  );
  metrics.counter('refused_messages', 'Messages that the aggregator refused.', () => stream.nacked);
  metrics.gauge('pending_sockets', 'Sockets with something to tell.', () => slots.pendingCount);
}

function addTables(metrics: AgentMetrics, read: () => readonly BoundedTable[]): void {
  const each = (value: (table: BoundedTable) => number) => (): LabelledValues =>
    read().map((table) => [table.name, value(table)] as const);
  metrics.gauges(
    'table_entries',
    'Entries of each table that has a limit.',
    'table',
    each(({ size }) => size),
  );
  metrics.gauges(
    'table_limit',
    'How many entries each table has room for.',
    'table',
    each(({ limit }) => limit),
  );
  metrics.counters(
    'table_refused',
    'What found no room in a table.',
    'table',
    each(({ refusedTotal }) => refusedTotal),
  );
}
