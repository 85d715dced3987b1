/** What a source has heard is told between scans, a little at a time; what it lost becomes a gap. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { drainIntervalMs, EventFeed, type EventFeedParts } from '../../agent/event-feed.ts';
import { GapLedger } from '../../agent/export/gap-ledger.ts';
import type { Fate } from '../../agent/succession.ts';
import { ShortLived } from '../../agent/watch/short-lived.ts';
import { SocketWatch } from '../../agent/watch/socket-watch.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import { until } from '../support/until.ts';
import { began, ended, Heard } from './events/heard.ts';
import { owner, row, scan } from './sockets.ts';

const at = (port: number) => ({ ip: '10.1.17.138', port });

const feeds: EventFeed[] = [];

afterEach(async () => {
  for (const feed of feeds.splice(0)) await feed.stop();
});

function makeFeed(more: Partial<EventFeedParts> = {}) {
  const source = new Heard();
  const told: (SocketEvent | SocketFinding)[] = [];
  const shortLived = new ShortLived(() => [owner(77)]);
  const watch = new SocketWatch(1000, shortLived);
  const gaps = new GapLedger();
  const offered: number[] = [];
  let nowMs = 1000;
  const feed = new EventFeed({
    source,
    shortLived,
    watch,
    gaps,
    complete: (events) => events,
    tell: (event) => told.push(event),
    offer: (rows) => offered.push(rows),
    nowMs: () => nowMs,
    ...more,
  });
  feeds.push(feed);
  return {
    feed,
    source,
    told,
    watch,
    shortLived,
    gaps,
    offered,
    setNow: (to: number) => {
      nowMs = to;
    },
  };
}

describe('the feed', () => {
  test('tells and offers by itself, and asks again when nothing happened', async () => {
    const { feed, source, told, offered } = makeFeed();
    feed.start();
    source.waiting.push(ended(1), ended(2));
    await until('both are told', () => told.length === 4);
    expect(told.map(({ kind }) => kind)).toEqual(['opened', 'closed', 'opened', 'closed']);
    await until('it has looked again', () => offered.at(-1) === 0);
    expect(offered.filter((rows) => rows > 0)).toEqual([4]);
    expect(feed.totals).toEqual({ opened: 0, closed: 2, lost: 0, overruns: 0 });
  });

  test('tells what is found out at once in its place', async () => {
    const counters = { bytesSent: 1, bytesReceived: 2, rttUs: 3, retransmits: 0 };
    const { feed, source, told } = makeFeed({
      complete: (events) => events.flatMap((event) => [event, { kind: 'counted', id: event.id, counters }]),
    });
    source.waiting.push(ended(1));
    await feed.catchUp();
    expect(told.map(({ kind }) => kind)).toEqual(['opened', 'counted', 'closed', 'counted']);
  });

  test('catches up with all there is, and lets the event loop run meanwhile', async () => {
    const { feed, source, told } = makeFeed();
    const count = 20_000;
    source.waiting = Array.from({ length: count }, (_, i) => ended(i % 60_000));
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    await feed.catchUp();
    isOver = true;
    expect(told.length).toBe(2 * count);
    expect(turns).toBeGreaterThan(0);
  });

  test('hands on nothing while a scan is applied', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { feed, source, told } = makeFeed();
      feed.start();
      await feed.catchUp();
      source.waiting.push(ended(1));
      await vi.advanceTimersByTimeAsync(5 * drainIntervalMs);
      expect(told).toEqual([]);
      feed.release();
      await vi.advanceTimersByTimeAsync(drainIntervalMs);
      expect(told.map(({ kind }) => kind)).toEqual(['opened', 'closed']);
      await feed.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  test('whoever drains at the same time waits for the other', async () => {
    const { feed, source, told } = makeFeed();
    source.waiting = Array.from({ length: 5000 }, (_, i) => ended(i));
    await Promise.all([feed.catchUp(), feed.catchUp(), feed.catchUp()]);
    expect(told.length).toBe(10_000);
  });

  test('what was lost is a gap since the last look', async () => {
    const { feed, source, gaps, setNow } = makeFeed();
    setNow(2000);
    await feed.catchUp();
    expect(gaps.pendingCount).toBe(0);
    source.lost = { connections: 7, overruns: 0, reason: 'too fast' };
    setNow(3000);
    await feed.catchUp();
    expect(gaps.take(1)).toEqual([
      { id: 1, reason: 'too fast', fromUnixMs: 2000, toUnixMs: 3000, lostEvents: 7 },
    ]);
    source.lost = { connections: 0, overruns: 2, reason: 'too fast' };
    setNow(100_000);
    await feed.catchUp();
    expect(gaps.take(2)).toEqual([
      { id: 2, reason: 'too fast', fromUnixMs: 3000, toUnixMs: 100_000, lostEvents: 0 },
    ]);
    expect(feed.totals).toMatchObject({ lost: 7, overruns: 2 });
  });

  test('sockets of scans that ended are remembered for those who look closer at them', async () => {
    const { feed, source, watch, shortLived } = makeFeed();
    const shown = scan(1480, [row({ local: { ip: '10.1.17.138', port: 1 } })]);
    shortLived.scanned(shown, watch.apply(shown));
    source.waiting.push(ended(1), ended(2));
    await feed.catchUp();
    expect(feed.takeEnded()).toMatchObject([{ kind: 'closed', id: 1, closedAtMs: 1500 }]);
    expect(feed.takeEnded()).toEqual([]);
  });

  test('tells what became of a socket, of what it has not told yet as well', async () => {
    const { feed, source, told, watch, shortLived } = makeFeed();
    const [shown, short] = [row({ local: at(1) }), row({ local: at(2) })];
    const first = scan(1480, [shown]);
    shortLived.scanned(first, watch.apply(first));
    source.waiting.push(ended(2));
    await feed.catchUp();
    const shortId = told[0]!.id;
    const fates = async (): Promise<Fate[]> => {
      await feed.hear();
      return [feed.fateOf(1, shown), feed.fateOf(shortId, short)];
    };
    expect(await fates()).toEqual(['open', 'over']);
    source.waiting.push(ended(1), ended(3), began(3));
    expect(await fates()).toEqual(['over', 'over']);
    source.waiting.push(began(1), began(2));
    expect(await fates()).toEqual(['followed', 'followed']);
    expect(told).toHaveLength(2);
    await feed.catchUp();
    expect(told.slice(2)).toMatchObject([
      { kind: 'closed', id: 1 },
      { kind: 'opened', socket: { local: at(3) } },
      { kind: 'closed', socket: { local: at(3) } },
    ]);
    expect(await fates()).toEqual(['followed', 'followed']);
  });

  test('what a scan shows has begun its handshake before; what began later is another', async () => {
    const { feed, source, watch, shortLived } = makeFeed();
    const shown = row({ local: at(1), state: 'syn-sent' });
    const first = scan(1480, [shown]);
    shortLived.scanned(first, watch.apply(first));
    source.waiting.push(began(1, { openedAtMs: 1485 }));
    await feed.hear();
    expect(feed.fateOf(1, shown)).toBe('open');
    // The end of the one before was lost.
    source.waiting.push(began(1, { openedAtMs: 1500 }));
    await feed.hear();
    expect(feed.fateOf(1, shown)).toBe('followed');
  });

  test('whom a scan shows instead came after', async () => {
    const { feed, source, told, watch, shortLived } = makeFeed();
    source.waiting.push(ended(1));
    await feed.catchUp();
    const next = scan(1600, [row({ local: at(1) })]);
    shortLived.scanned(next, watch.apply(next));
    expect(feed.fateOf(told[0]!.id, row({ local: at(1) }))).toBe('followed');
    expect(feed.fateOf(told[0]!.id + 1, row({ local: at(1) }))).toBe('open');
  });

  test('is over when it is stopped', async () => {
    const { feed, source, told } = makeFeed();
    feed.start();
    await feed.stop();
    await feed.stop();
    expect(source.isClosed).toBe(true);
    source.waiting.push(ended(1));
    await new Promise(setImmediate);
    expect(told).toEqual([]);
  });
});
