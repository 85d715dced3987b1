/** How long segments stay: as long as a host needs them, within the bound of bytes, and totals beyond. */
import { describe, expect, it } from 'vitest';
import { Retention } from '../../../aggregator/journal/retention.ts';
import { FleetOfTwo, lines } from './fleet-of-two.ts';

const minuteMs = 60_000;

describe('retention', () => {
  it('needs the last snapshot from before what lingers, and what follows', () => {
    const retention = new Retention(15 * minuteMs);
    expect(retention.neededFrom(0)).toBe(Number.POSITIVE_INFINITY);
    retention.snapshotTaken('a', { segment: 1, completeMs: 0 });
    retention.snapshotTaken('a', { segment: 3, completeMs: 10 * minuteMs });
    retention.snapshotTaken('b', { segment: 2, completeMs: 5 * minuteMs });
    expect(retention.neededFrom(20 * minuteMs)).toBe(1);
    expect(retention.neededFrom(25 * minuteMs)).toBe(2);
    retention.snapshotTaken('b', { segment: 4, completeMs: 25 * minuteMs });
    expect(retention.neededFrom(39 * minuteMs)).toBe(2);
    expect(retention.neededFrom(40 * minuteMs)).toBe(3);
    expect(retention.lastSnapshot('a')).toEqual({ segment: 3, completeMs: 10 * minuteMs });
    expect(retention.lastSnapshot('c')).toBe(null);
  });

  it('needs nothing of a host that is lost for as long as closed connections linger', () => {
    const retention = new Retention(15 * minuteMs);
    retention.snapshotTaken('a', { segment: 1, completeMs: 0 });
    retention.hostLost('a', 5 * minuteMs);
    expect(retention.neededFrom(19 * minuteMs)).toBe(1);
    expect(retention.neededFrom(20 * minuteMs)).toBe(Number.POSITIVE_INFINITY);
    retention.snapshotTaken('a', { segment: 9, completeMs: 30 * minuteMs });
    expect(retention.neededFrom(90 * minuteMs)).toBe(9);
  });

  it('needs no snapshot that is gone', () => {
    const retention = new Retention(15 * minuteMs);
    retention.snapshotTaken('a', { segment: 1, completeMs: 0 });
    retention.dropped(1);
    expect(retention.neededFrom(minuteMs)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a journal', () => {
  it('loses its oldest segments, and no connection, total or gap with them', async () => {
    const fleet = await FleetOfTwo.begin({ segmentAgeMs: minuteMs, snapshotAgeMaxMs: 5 * minuteMs });
    fleet.open(1, 2);
    await fleet.pass(minuteMs);
    fleet.close(1);
    for (let minute = 0; minute < 40; minute++) {
      fleet.open(100 + minute);
      await fleet.pass(30_000);
      fleet.close(100 + minute);
      await fleet.pass(30_000);
    }
    const { segments, droppedEarly } = fleet.aggregator.kept!.journal;
    expect(segments.numbers[0]).toBeGreaterThan(10);
    expect(segments.numbers.length).toBeLessThan(30);
    expect(droppedEarly).toBe(0);
    const before = fleet.shown();
    expect(before.edges).toEqual(['shop>store 1/42']);
    expect(before.connections).toEqual(expect.arrayContaining(lines('open', 2)));
    await fleet.aggregator.restart();
    expect(fleet.shown()).toEqual(before);
    await fleet.pass(minuteMs);
    expect(fleet.shown().edges).toEqual(before.edges);
  });

  it('is no longer than it may be, whatever is needed', async () => {
    const limits = { segmentBytes: 1_500, journalBytesMax: 16_000, askAgainMs: 5_000 };
    const fleet = await FleetOfTwo.begin(limits);
    for (let n = 1; n <= 60; n++) {
      fleet.open(n);
      await fleet.pass(1_000);
    }
    const { journal } = fleet.aggregator.kept!;
    expect(journal.segments.bytes).toBeLessThan(22_000);
    expect(journal.droppedEarly).toBeGreaterThan(0);
    // Agents were asked for snapshots before their last ones went.
    const before = fleet.shown();
    expect(before.connections).toHaveLength(60);
    await fleet.aggregator.restart();
    expect(fleet.shown()).toEqual(before);
    await fleet.pass(10_000);
    expect(fleet.shown()).toEqual(before);
    expect(fleet.aggregator.hosts()).toEqual(['db live', 'web live']);
  });
});
