/** When agents that come in may begin their snapshots. */
import { expect, test } from 'vitest';
import { SnapshotStarts } from '../../../aggregator/ingest/snapshot-starts.ts';

test('some begin at once, and the others one after the other', () => {
  const starts = new SnapshotStarts({ snapshotsPerSecond: 100, snapshotsAtOnce: 3 });
  expect(Array.from({ length: 6 }, () => starts.next(1000))).toEqual([0, 0, 0, 10, 20, 30]);
  // Two of the six turns that were taken are over.
  expect(starts.next(1020)).toBe(20);
});

test('whoever comes in alone waits for nobody', () => {
  const starts = new SnapshotStarts({ snapshotsPerSecond: 100, snapshotsAtOnce: 1 });
  expect([0, 10, 20, 5000, 5010].map((nowMs) => starts.next(nowMs))).toEqual([0, 0, 0, 0, 0]);
});

test('a fleet of a thousand is back in ten seconds', () => {
  const starts = new SnapshotStarts({ snapshotsPerSecond: 100, snapshotsAtOnce: 50 });
  const waits = Array.from({ length: 1000 }, () => starts.next(7));
  expect(Math.max(...waits)).toBe(9500);
  expect(waits.filter((ms) => ms === 0)).toHaveLength(50);
});
