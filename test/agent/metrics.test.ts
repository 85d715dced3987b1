/** What an agent tells Prometheus is what docs/metrics.md says, of real collectors. */
import { afterEach, describe, expect, test } from 'vitest';
import { openCollector } from '../../agent/collect/ladder.ts';
import type { Collector } from '../../agent/collector.ts';
import { GapLedger, reasonsMax } from '../../agent/export/gap-ledger.ts';
import { LoopDelay } from '../../agent/loop-delay.ts';
import { readSource } from '../support/source-tree.ts';
import { until } from '../support/until.ts';
import { workingRungs } from './collect/machine.ts';
import { type OpenedMetrics, openMetrics } from './metrics-sources.ts';

const document = readSource('docs/metrics.md');
const [firstPart, tablePart] = document.split('\n## Tables\n') as [string, string];

/** Cells of the rows of a table whose first cell is a name in backticks. */
function rows(text: string): string[][] {
  return [...text.matchAll(/^\| `(.*)$/gm)].map(([, row]) => row!.replace('`', '').split(' | '));
}

function inOrder(entries: readonly (readonly unknown[])[]): string[] {
  return entries.map((entry) => entry.join(' | ')).toSorted();
}

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

async function open(collector?: Collector): Promise<OpenedMetrics> {
  const metrics = await openMetrics(collector);
  opened.push(metrics);
  return metrics;
}

test('every metric is documented by name, type and meaning, and no other', async () => {
  const { registry } = await open();
  const told = (await registry.getMetricsAsJSON()).map(({ name, type, help }) => [name, String(type), help]);
  const documented = rows(firstPart).map(([name, type, help]) => [
    name!.replace(/\{.*\}$/, ''),
    type,
    help!.replace(/ \|$/, ''),
  ]);
  expect(inOrder(documented)).toEqual(inOrder(told));
});

test('names follow the conventions of Prometheus', async () => {
  const { registry } = await open();
  for (const { name, type } of await registry.getMetricsAsJSON()) {
    expect(name).toMatch(/^whotalks_agent_[a-z]+(_[a-z]+)*$/);
    expect({ name, isTotal: name.endsWith('_total') }).toEqual({ name, isTotal: String(type) === 'counter' });
  }
});

test('every table is documented with its limit, and there is none besides', async () => {
  const limits = new Map<string, number>();
  for (const rung of workingRungs) {
    const collector = await openCollector(rung);
    opened.push(collector);
    await collector.scan();
    for (const { name, limit, size } of (await open(collector)).bounded()) {
      limits.set(name, limit);
      expect({ name, size: size <= limit }).toEqual({ name, size: true });
    }
  }
  const documented = rows(tablePart).map(([name, limit]) => [name, Number(limit)]);
  expect(inOrder(documented)).toEqual(inOrder([...limits]));
});

test('a scrape tells the way of reading, tables, intervals and durations', async () => {
  const metrics = await open();
  metrics.counters.scanDuration.observe(0.003);
  metrics.gaps.lose('the spool is full', 0, 1, 7);
  metrics.gaps.unwatched('a scan failed', 0, 1);
  const text = await metrics.registry.metrics();
  for (const line of [
    'whotalks_agent_collector_info{collector="shown"} 1',
    'whotalks_agent_scan_duration_seconds_bucket{le="0.002"} 0',
    'whotalks_agent_scan_duration_seconds_bucket{le="0.005"} 1',
    'whotalks_agent_interval_seconds 1',
    'whotalks_agent_interval_configured_seconds 1',
    'whotalks_agent_cpu_share_limit 0.02',
    'whotalks_agent_lost_events_total{reason="the spool is full"} 7',
    'whotalks_agent_gaps_total{reason="the spool is full"} 1',
    'whotalks_agent_gaps_total{reason="a scan failed"} 1',
    'whotalks_agent_table_entries{table="watched_sockets"} 0',
    'whotalks_agent_table_limit{table="slots"} 1048576',
    'whotalks_agent_table_refused_total{table="slots"} 0',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  expect(text).toMatch(/^whotalks_agent_cpu_seconds_total [0-9.]+$/m);
  expect(Number(/^whotalks_agent_resident_bytes (.*)$/m.exec(text)![1])).toBeGreaterThan(10 << 20);
});

describe('reasons of losses', () => {
  test('beyond the limit are counted together', () => {
    const gaps = new GapLedger();
    for (let i = 0; i < reasonsMax + 3; i++) gaps.lose(`reason ${i}`, 0, 1, 2);
    expect(gaps.lostByReason.size).toBe(reasonsMax + 1);
    expect(gaps.lostByReason.get('other')).toBe(6);
    expect(gaps.lostByReason.get('reason 0')).toBe(2);
  });
});

describe('the delay of the event loop', () => {
  test('is the longest of a turn, told once', async () => {
    const delay = new LoopDelay();
    expect(delay.takeMaxMs()).toBe(0);
    let maxMs = 0;
    await until('a held-up turn is seen', async () => {
      delay.turnBegins();
      await new Promise((resolve) => setTimeout(resolve, 20));
      const endMs = performance.now() + 60;
      while (performance.now() < endMs);
      delay.turnEnds();
      await new Promise((resolve) => setTimeout(resolve, 5));
      maxMs = delay.takeMaxMs();
      return maxMs >= 50 || `${maxMs} ms`;
    });
    expect(delay.takeMaxMs()).toBe(0);
    delay.close();
  });
});
