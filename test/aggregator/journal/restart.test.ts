/** What an aggregator knows after it was killed and is back: what was durable, once, and nothing else. */
import { describe, expect, it } from 'vitest';
import { FleetOfTwo, lines } from './fleet-of-two.ts';

const edge = (open: number, total: number): string[] => [`shop>store ${open}/${total}`];

describe('an aggregator that is back', () => {
  it('knows what is open, what closed and the totals before anybody tells it, and calls its hosts stale', async () => {
    const fleet = await FleetOfTwo.begin();
    fleet.open(1, 2, 3);
    await fleet.pass(5_000);
    fleet.close(2);
    await fleet.pass(5_000);
    const before = fleet.shown();
    expect(before).toEqual({
      connections: [...lines('open', 1, 3), ...lines('closed', 2)].toSorted(),
      edges: edge(2, 3),
    });
    await fleet.aggregator.restart();
    expect(fleet.shown()).toEqual(before);
    expect(fleet.aggregator.hosts()).toEqual(['db stale', 'web stale']);
    await fleet.pass(10_000);
    expect(fleet.aggregator.hosts()).toEqual(['db live', 'web live']);
    expect(fleet.shown()).toEqual(before);
    expect(fleet.aggregator.events.filter(({ kind }) => kind !== 'host')).toEqual([]);
    expect(fleet.aggregator.gaps()).toEqual([]);
  });

  it('learns what was not durable, and what happened meanwhile, from its agents', async () => {
    const fleet = await FleetOfTwo.begin();
    fleet.open(1, 2);
    await fleet.pass(5_000);
    // The next commit is 200 ms away.
    fleet.close(1);
    fleet.open(3);
    await fleet.pass(100);
    fleet.aggregator.kill();
    fleet.open(4);
    await fleet.pass(2_000);
    fleet.close(4);
    fleet.open(5);
    await fleet.pass(1_000);
    await fleet.aggregator.start();
    await fleet.pass(20_000);
    expect(fleet.shown()).toEqual({
      connections: [...lines('open', 2, 3, 5), ...lines('closed', 1, 4)].toSorted(),
      edges: edge(3, 5),
    });
    expect(fleet.aggregator.gaps()).toEqual([]);
  });

  it('is right however often it is killed, also with torn ends of its journal', async () => {
    const fleet = await FleetOfTwo.begin();
    let closed: number[] = [];
    for (let round = 0; round < 12; round++) {
      fleet.open(10 * round, 10 * round + 1);
      await fleet.pass(100 + 70 * round);
      fleet.close(10 * round);
      closed = [...closed, 10 * round];
      await fleet.pass(50 * (round % 5));
      await fleet.aggregator.restart((length) => Math.floor((length * (round % 4)) / 4));
    }
    await fleet.pass(30_000);
    const rounds = Array.from({ length: 12 }, (_, round) => 10 * round + 1);
    expect(fleet.shown()).toEqual({
      connections: [...lines('open', ...rounds), ...lines('closed', ...closed)].toSorted(),
      edges: edge(12, 24),
    });
    expect(fleet.aggregator.gaps()).toEqual([]);
  });

  it('remembers for how long it has watched, and hosts that are gone', async () => {
    const fleet = await FleetOfTwo.begin();
    const { sinceMs } = fleet.aggregator.view;
    fleet.open(1);
    await fleet.pass(1_000);
    await fleet.db.stream.close();
    await fleet.pass(6 * 60_000);
    expect(fleet.aggregator.hosts()).toEqual(['db lost', 'web live']);
    await fleet.aggregator.restart();
    expect(fleet.aggregator.hosts()).toEqual(['db lost', 'web stale']);
    expect(fleet.aggregator.view.sinceMs).toBe(sinceMs);
  });

  it('forgets what has lingered, and keeps the totals', async () => {
    const fleet = await FleetOfTwo.begin({ segmentAgeMs: 60_000 });
    fleet.open(1, 2);
    await fleet.pass(1_000);
    fleet.close(1);
    await fleet.pass(1_000);
    fleet.aggregator.kill();
    await fleet.aggregator.time.advance(16 * 60_000);
    await fleet.aggregator.start();
    expect(fleet.shown()).toEqual({ connections: lines('open', 2), edges: edge(1, 2) });
    await fleet.pass(60_000);
    expect(fleet.shown()).toEqual({ connections: lines('open', 2), edges: edge(1, 2) });
  });
});
