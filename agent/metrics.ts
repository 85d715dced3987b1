/** `--metrics`: what Prometheus sees of an agent. Values are read when they are scraped, so nothing is kept twice. */
import { createServer } from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';
import { BindError } from '../wire/bind-error.ts';
import { formatHostPort, parseHostPort, refuseExposure } from '../wire/host-port.ts';
import type { AgentCounters } from './agent-counters.ts';
import type { EventFeed } from './event-feed.ts';
import type { GapLedger } from './export/gap-ledger.ts';
import type { SlotTable } from './export/slot-table.ts';
import type { AgentStream } from './export/stream.ts';
import type { FinderFigure } from './finder.ts';
import type { ShortLived } from './watch/short-lived.ts';

export interface MetricsSources {
  readonly counters: AgentCounters;
  readonly slots: SlotTable;
  readonly gaps: GapLedger;
  readonly stream: AgentStream;
  readonly shortLived: ShortLived;
  /** null = no events. */
  readonly feed: EventFeed | null;
  readonly finders: { readonly figures: readonly FinderFigure[] };
}

export function createAgentRegistry(sources: MetricsSources): Registry {
  const registry = new Registry();
  const found = sources.finders.figures.map(({ kind, name, help, read }) =>
    kind === 'gauge' ? gauge(name, help, read) : counter(name, help, read),
  );
  for (const { kind, name, help, read } of [...scanMetrics(sources), ...eventMetrics(sources), ...found]) {
    if (kind === 'gauge') addGauge(registry, name, help, read);
    else addCounter(registry, name, help, read);
  }
  return registry;
}

interface Metric {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

function gauge(name: string, help: string, read: () => number): Metric {
  return { kind: 'gauge', name: `whotalks_agent_${name}`, help, read };
}

function counter(name: string, help: string, read: () => number): Metric {
  return { kind: 'counter', name: `whotalks_agent_${name}_total`, help, read };
}

function scanMetrics({ counters, slots, gaps, stream }: MetricsSources): Metric[] {
  const { events } = counters;
  return [
    gauge('scan_seconds', 'Duration of the last scan.', () => counters.lastScanMs / 1000),
    gauge('sockets', 'Sockets in the last scan.', () => counters.lastSockets),
    counter('scans', 'Scans.', () => counters.scans),
    counter('failed_scans', 'Scans that failed.', () => counters.failedScans),
    counter('overrun_scans', 'Scans that took longer than the interval.', () => counters.overruns),
    counter('events_opened', 'Sockets opened.', () => events.opened),
    counter('events_changed', 'Sockets changed.', () => events.changed),
    counter('events_closed', 'Sockets closed.', () => events.closed),
    counter('malformed_rows', 'Rows that could not be read.', () => counters.malformedRows),
    counter('lost_events', 'Events dropped before the aggregator took them.', () => gaps.lostEvents),
    counter('refused_messages', 'Messages that the aggregator refused.', () => stream.nacked),
    gauge('pending_sockets', 'Sockets with something to tell.', () => slots.pendingCount),
    gauge('unacknowledged_closes', 'Closed sockets kept until acknowledged.', () => slots.closedCount),
    gauge('in_flight_bytes', 'Bytes sent and not acknowledged.', () => stream.inFlight.bytes),
    gauge('in_step', '1 while the aggregator has this host as it is.', () =>
      Number(stream.state.kind === 'streaming'),
    ),
  ];
}

function eventMetrics({ shortLived, feed }: MetricsSources): Metric[] {
  const totals = feed?.totals ?? { closed: 0, lost: 0, overruns: 0 };
  return [
    counter('connection_events', 'Connections whose end was heard of.', () => totals.closed),
    counter('lost_connection_events', 'Ends of connections that went by unheard.', () => totals.lost),
    counter('event_overruns', 'Times that an unknown number of ends went by.', () => totals.overruns),
    counter('short_connections', 'Connections that no scan has shown.', () => shortLived.total),
    counter('ownerless_short_connections', 'Those whose process is unknown.', () => shortLived.ownerless),
    counter('forgotten_connections', 'Connections that found no room in a table of events.', () => {
      return shortLived.forgottenTotal;
    }),
  ];
}

function addGauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function addCounter(registry: Registry, name: string, help: string, read: () => number): void {
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

export interface MetricsServer {
  /** Where it is scraped; with the port that the system chose for port 0. */
  readonly url: string;
  close(): void;
}

/**
 * Serves /metrics at `address` (HOST:PORT). Throws HostPortError, ExposureError and BindError.
 */
export async function serveMetrics(
  registry: Registry,
  address: string,
  insecure: boolean,
): Promise<MetricsServer> {
  const { host, port } = parseHostPort(address);
  refuseExposure('--metrics', { host, port }, insecure);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('only GET /metrics is here\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      reject(new BindError('--metrics', address, code ?? message));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return {
    url: `http://${formatHostPort({ host, port: boundPort })}/metrics`,
    close: () => server.close(),
  };
}
