/** What an aggregator tells Prometheus: exact lines of how connections are matched, and that every metric is documented. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { createInProcessBus } from '../../aggregator/cluster/in-process.ts';
import { newIngestCounters } from '../../aggregator/ingest/ingest-counters.ts';
import { LatencyCounts, latencyBounds } from '../../aggregator/latency-counts.ts';
import { LoopDelay } from '../../aggregator/loop-delay.ts';
import { hostSeriesMax, otherHosts } from '../../aggregator/match-metrics.ts';
import { createRegistry } from '../../aggregator/metrics.ts';
import { AuditTrail } from '../../aggregator/security/audit-trail.ts';
import { PageSessions } from '../../aggregator/security/page-sessions.ts';
import { AnswerTurns } from '../../aggregator/serve/answer-turns.ts';
import { Watchers } from '../../aggregator/serve/watch-feed.ts';
import { ReportedFleet } from '../support/reported-fleet.ts';
import { readSource } from '../support/source-tree.ts';

function registryOf(fleet: ReportedFleet, delays = { maxSeconds: 0, p99Seconds: 0 }) {
  return createRegistry({
    view: fleet.view,
    ingest: {
      counters: newIngestCounters(),
      streams: 0,
      budget: { bytes: 5, ended: 2 },
      turns: { waiting: 0, cutShort: 0 },
    },
    watchers: new Watchers(fleet.view),
    turns: new AnswerTurns(),
    bus: createInProcessBus(),
    loopDelay: { take: () => delays },
    kept: null,
    security: {
      gate: { held: 0, forgottenTotal: 0 },
      audit: new AuditTrail({ log: pino({ level: 'silent' }), file: null, clock: () => 0 }),
      login: { sessions: new PageSessions() },
    },
  });
}

/** The lines of one metric, without its help and type. */
async function linesOf(fleet: ReportedFleet, name: string): Promise<string[]> {
  const text = await registryOf(fleet).metrics();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name}_`));
}

/** Those that say something else than 0. */
async function countsOf(fleet: ReportedFleet, name: string): Promise<string[]> {
  return (await linesOf(fleet, name)).filter((line) => !line.endsWith(' 0'));
}

/** Two hosts with an agent, 10.0.0.1 and 10.0.0.2. */
function pair(): ReportedFleet {
  const fleet = new ReportedFleet();
  fleet.host('web', { addresses: ['10.0.0.1'] });
  fleet.host('db', { addresses: ['10.0.0.2'] });
  return fleet;
}

const host = (fleet: ReportedFleet, name: string) => fleet.hosts.get(name)!;

test('every metric is documented by name, type and meaning, and no other', async () => {
  const told = (await registryOf(new ReportedFleet()).getMetricsAsJSON())
    .filter(({ name }) => name.startsWith('whotalks_'))
    .map(({ name, type, help }) => [name, String(type), help].join(' | '));
  const [table] = readSource('docs/metrics-aggregator.md').split('\n## ');
  const documented = [...table!.matchAll(/^\| `([a-z0-9_]+)(?:\{.*\})?` \| (.*) \|$/gm)].map(
    ([, name, rest]) => `${name} | ${rest}`,
  );
  expect(documented.toSorted()).toEqual(told.toSorted());
});

describe('match counts', () => {
  test('tell of both ends, and of why one is unseen', async () => {
    const fleet = pair();
    fleet.open(host(fleet, 'web'), '10.0.0.1:40000', '10.0.0.2:5432');
    fleet.open(host(fleet, 'db'), '10.0.0.2:5432', '10.0.0.1:40000');
    fleet.open(host(fleet, 'web'), '10.0.0.1:40001', '10.9.9.9:443');
    expect(await countsOf(fleet, 'whotalks_match_connections')).toEqual([
      'whotalks_match_connections{match="matched",state="open"} 1',
      'whotalks_match_connections{match="not-yet",state="open"} 1',
    ]);
    fleet.pass(4_000);
    expect(await linesOf(fleet, 'whotalks_match_connections')).toEqual([
      'whotalks_match_connections{match="matched",state="open"} 1',
      'whotalks_match_connections{match="no-agent",state="open"} 1',
      'whotalks_match_connections{match="agent-stale",state="open"} 0',
      'whotalks_match_connections{match="not-yet",state="open"} 0',
      'whotalks_match_connections{match="closed-first",state="open"} 0',
      'whotalks_match_connections{match="translated",state="open"} 0',
      'whotalks_match_connections{match="ambiguous",state="open"} 0',
      'whotalks_match_connections{match="matched",state="closed"} 0',
      'whotalks_match_connections{match="no-agent",state="closed"} 0',
      'whotalks_match_connections{match="agent-stale",state="closed"} 0',
      'whotalks_match_connections{match="not-yet",state="closed"} 0',
      'whotalks_match_connections{match="closed-first",state="closed"} 0',
      'whotalks_match_connections{match="translated",state="closed"} 0',
      'whotalks_match_connections{match="ambiguous",state="closed"} 0',
    ]);
    expect(await linesOf(fleet, 'whotalks_host_match_connections')).toEqual([
      'whotalks_host_match_connections{host="web",match="matched",state="open"} 1',
      'whotalks_host_match_connections{host="web",match="no-agent",state="open"} 1',
      'whotalks_host_match_connections{host="db",match="matched",state="open"} 1',
    ]);
    expect(await linesOf(fleet, 'whotalks_connections')).toEqual([
      'whotalks_connections{seen="both"} 1',
      'whotalks_connections{seen="client"} 1',
      'whotalks_connections{seen="server"} 0',
    ]);
  });

  test('follow the host that should have the other end, with no word about the connection', async () => {
    const fleet = pair();
    fleet.open(host(fleet, 'web'), '10.0.0.1:40000', '10.0.0.2:5432');
    fleet.pass(4_000);
    const shown = async () =>
      (await countsOf(fleet, 'whotalks_match_connections')).map((line) => line.slice(26));
    expect(await shown()).toEqual(['{match="translated",state="open"} 1']);
    host(fleet, 'db').state = 'stale';
    fleet.view.reports.hostChanged(host(fleet, 'db'), fleet.nowMs);
    expect(await shown()).toEqual(['{match="agent-stale",state="open"} 1']);
    fleet.host('db-clone', { addresses: ['10.0.0.2'] });
    expect(await shown()).toEqual(['{match="ambiguous",state="open"} 1']);
    for (const name of ['db', 'db-clone']) fleet.view.reports.hostLost(host(fleet, name), [], fleet.nowMs);
    expect(await shown()).toEqual(['{match="no-agent",state="open"} 1']);
  });

  test('of what closed are kept while it lingers', async () => {
    const fleet = pair();
    fleet.close(fleet.open(host(fleet, 'web'), '10.0.0.1:40000', '10.0.0.2:5432'));
    fleet.pass(4_000);
    expect(await countsOf(fleet, 'whotalks_match_connections')).toEqual([
      'whotalks_match_connections{match="closed-first",state="closed"} 1',
    ]);
    fleet.pass(60 * 60_000);
    expect(await countsOf(fleet, 'whotalks_match_connections')).toEqual([]);
    expect(await linesOf(fleet, 'whotalks_host_match_connections')).toEqual([]);
  });

  test('are of a bounded number of hosts, and the others together; names are text', async () => {
    const fleet = new ReportedFleet();
    for (let n = 0; n < hostSeriesMax + 3; n++) {
      const name = n === 0 ? 'a"}\n1' : `h${n}`;
      fleet.open(fleet.host(name), `10.0.${n >> 8}.${n & 255}:40000`, '10.9.9.9:443');
    }
    fleet.pass(4_000);
    const lines = await linesOf(fleet, 'whotalks_host_match_connections');
    expect(lines).toHaveLength(hostSeriesMax + 1);
    const series = (name: string, count: number) =>
      `whotalks_host_match_connections{host="${name}",match="no-agent",state="open"} ${count}`;
    expect([lines[0], lines.at(-2), lines.at(-1)]).toEqual([
      series('a\\"}\\n1', 1),
      series(`h${hostSeriesMax - 1}`, 1),
      series(otherHosts, 3),
    ]);
  });

  test('of hosts with one name are one series', async () => {
    const fleet = new ReportedFleet();
    for (const id of ['one', 'two']) {
      const clone = fleet.host(id);
      clone.name = 'same';
      fleet.open(clone, `10.0.0.${id.length}:4000${id.length}`, id === 'one' ? '10.9.9.9:1' : '10.9.9.9:2');
    }
    expect(await linesOf(fleet, 'whotalks_host_match_connections')).toEqual([
      'whotalks_host_match_connections{host="same",match="not-yet",state="open"} 2',
    ]);
  });
});

describe('match latency', () => {
  test('is from the message of the second end to the connection', async () => {
    const fleet = pair();
    const [web, db] = [host(fleet, 'web'), host(fleet, 'db')];
    fleet.open(web, '10.0.0.1:40000', '10.0.0.2:5432');
    fleet.nowMs += 2_000;
    const second = fleet.build(db, '10.0.0.2:5432', '10.0.0.1:40000');
    fleet.nowMs += 4;
    fleet.view.reports.opened(second, fleet.nowMs);
    const lines = await linesOf(fleet, 'whotalks_match_latency_seconds');
    expect(lines).toEqual([
      ...['0.0001', '0.00025', '0.0005', '0.001', '0.0025'].map(
        (le) => `whotalks_match_latency_seconds_bucket{le="${le}"} 0`,
      ),
      ...['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf'].map(
        (le) => `whotalks_match_latency_seconds_bucket{le="${le}"} 1`,
      ),
      'whotalks_match_latency_seconds_sum 0.004',
      'whotalks_match_latency_seconds_count 1',
    ]);
  });

  test('counts a connection once, however often it is told of', () => {
    const fleet = pair();
    const [web, db] = [host(fleet, 'web'), host(fleet, 'db')];
    const first = fleet.open(web, '10.0.0.1:40000', '10.0.0.2:5432');
    const second = fleet.open(db, '10.0.0.2:5432', '10.0.0.1:40000');
    fleet.change(first, 'close-wait');
    fleet.close(second);
    fleet.close(first);
    expect(fleet.view.matchLatency.count).toBe(1);
  });

  test('waits for a translation that is told later', () => {
    const fleet = pair();
    const [web, db] = [host(fleet, 'web'), host(fleet, 'db')];
    const inside = fleet.open(web, '172.17.0.2:40000', '10.0.0.2:5432');
    fleet.open(db, '10.0.0.2:5432', '10.0.0.1:61000');
    fleet.nowMs += 700;
    fleet.translate(inside, 'client', ['10.0.0.1:61000>10.0.0.2:5432']);
    expect(fleet.view.matchLatency).toMatchObject({ count: 1, sumSeconds: 0.7 });
  });

  test('a bound is part of its class; what is above all is in the last', () => {
    const counts = new LatencyCounts();
    for (const seconds of [-1, 0.1, 0.1000001, 11]) counts.record(seconds);
    const below = (bound: number) => counts.cumulative[latencyBounds.indexOf(bound as never)];
    expect([below(0.0001), below(0.1), below(0.25), below(10), counts.count]).toEqual([1, 2, 3, 3, 4]);
    expect(counts.sumSeconds).toBeCloseTo(11.2000001, 9);
  });
});

describe('the delay of the event loop', () => {
  const open: LoopDelay[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  test('is shown as longest and 99th of 100', async () => {
    const text = await registryOf(pair(), { maxSeconds: 0.25, p99Seconds: 0.015 }).metrics();
    expect(text.split('\n').filter((line) => line.startsWith('whotalks_event_loop'))).toEqual([
      'whotalks_event_loop_delay_max_seconds 0.25',
      'whotalks_event_loop_delay_p99_seconds 0.015',
    ]);
  });

  test('is that of a loop that was held up, told once', async () => {
    const delay = new LoopDelay();
    open.push(delay);
    await sleep(50);
    const endMs = performance.now() + 300;
    while (performance.now() < endMs);
    await sleep(50);
    const told = delay.take();
    // Up to 20 ms had passed since the last look, and they are taken off.
    expect(told.maxSeconds).toBeGreaterThanOrEqual(0.25);
    expect(told.p99Seconds).toBeLessThanOrEqual(told.maxSeconds);
    expect(delay.take()).toEqual({ maxSeconds: 0, p99Seconds: 0 });
  });
});
