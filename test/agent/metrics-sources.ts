/** An agent's parts as metrics see them, with a stream that was never started. */
import { pino } from 'pino';
import type { Registry } from 'prom-client';
import { AgentCounters } from '../../agent/agent-counters.ts';
import type { BoundedTable } from '../../agent/bounded-table.ts';
import { Budget } from '../../agent/budget.ts';
import type { Collector } from '../../agent/collector.ts';
import { defaultAgentConfig, defaultSpoolBytes } from '../../agent/config.ts';
import { ProcessCpu } from '../../agent/cpu-meter.ts';
import { EventFeed } from '../../agent/event-feed.ts';
import { connectPlaintext } from '../../agent/export/connection.ts';
import { Finders } from '../../agent/finders.ts';
import { createAgentRegistry, type MetricsSources, tablesOf } from '../../agent/metrics.ts';
import { ShortLived } from '../../agent/watch/short-lived.ts';
import { SocketWatch } from '../../agent/watch/socket-watch.ts';
import { closedUnackedMax, slotsMax } from '../../wire/agent-limits.ts';
import { createTestAgent } from '../aggregator/ingest/in-memory-link.ts';
import { Heard } from './events/heard.ts';

const shownCollector: Collector = {
  name: 'shown',
  scan: () => Promise.reject(new Error('nothing to show')),
  close: () => undefined,
};

export interface OpenedMetrics extends MetricsSources {
  readonly registry: Registry;
  readonly bounded: () => readonly BoundedTable[];
  close(): void;
}

export async function openMetrics(collector: Collector = shownCollector): Promise<OpenedMetrics> {
  const finders = await Finders.open(defaultAgentConfig, true);
  const budget = new Budget({
    ...defaultAgentConfig,
    cpu: new ProcessCpu(),
    monotonicMs: () => 0,
    log: pino({ level: 'silent' }),
  });
  const agent = createTestAgent(connectPlaintext, Date.now, { closedUnackedMax, slotsMax });
  const [watch, shortLived] = [new SocketWatch(), new ShortLived(() => [])];
  const sources = {
    ...agent,
    counters: new AgentCounters(),
    budget,
    collector,
    finders,
    watch,
    shortLived,
    feed: new EventFeed({
      source: new Heard(),
      shortLived,
      watch,
      gaps: agent.gaps,
      complete: (told) => told,
      tell: () => {},
      offer: () => {},
      nowMs: Date.now,
    }),
    keeping: {
      tables: [{ name: 'spool_bytes', size: 0, limit: defaultSpoolBytes, refusedTotal: 0 }],
      totals: { spooled: 0, told: 0, damaged: 0 },
    },
    loopDelay: { take: () => ({ maxMs: 7, p99Ms: 3 }) },
  };
  return {
    ...sources,
    registry: createAgentRegistry(sources),
    bounded: () => tablesOf(sources),
    close: () => finders.close(),
  };
}
