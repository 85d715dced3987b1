/** What an agent tells Prometheus is what docs/metrics.md says, of real collectors. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openCollector } from '../../agent/collect/ladder.ts';
import type { Collector } from '../../agent/collector.ts';
import { GapLedger, reasonsMax } from '../../agent/export/gap-ledger.ts';
import { LoopDelay } from '../../agent/loop-delay.ts';
import { readSource } from '../support/source-tree.ts';
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
    expect(name).toMatch(/^whotalks_agent_[a-z]+(_[a-z]+|_p99)*$/);
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
  metrics.counters.scanDuration!.observe(0.003);
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
    'whotalks_agent_event_loop_delay_max_seconds 0.007',
    'whotalks_agent_event_loop_delay_p99_seconds 0.003',
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
  const holdUp = (ms: number): void => {
    const endMs = performance.now() + ms;
    while (performance.now() < endMs);
  };

  test.each([
    ['at once', 0],
    ['later', 20],
  ])('is the longest of a turn that holds the loop up %s, told once', async (_, afterMs) => {
    const delay = new LoopDelay();
    delay.turnBegins();
    if (afterMs > 0) await sleep(afterMs);
    holdUp(60);
    delay.turnEnds();
    await sleep(20);
    const { maxMs, p99Ms } = delay.take();
    expect(maxMs).toBeGreaterThanOrEqual(50);
    expect(p99Ms).toBeGreaterThan(0);
    expect(p99Ms).toBeLessThanOrEqual(maxMs);
    expect(delay.take()).toEqual({ maxMs: 0, p99Ms: 0 });
    delay.close();
  });

  test('between turns is not looked at', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const delay = new LoopDelay();
      delay.turnBegins();
      expect(vi.getTimerCount()).toBe(1);
      delay.turnEnds();
      await vi.advanceTimersByTimeAsync(500);
      expect(vi.getTimerCount()).toBe(0);
      delay.turnBegins();
      await vi.advanceTimersByTimeAsync(10);
      // No look is late by a clock that shows when it is due.
      expect(delay.take().maxMs).toBe(1e-6);
      delay.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
