/** Many watchers of one view: each gets what it asked for, all by the same document, a slow one at nobody's cost. */
import { expect, test } from 'vitest';
import { seesAll } from '../../../aggregator/security/sight.ts';
import { TooManyWatchers, Watchers, watchersMax } from '../../../aggregator/serve/watch-feed.ts';
import { watchQueueMax } from '../../../aggregator/serve/watch-queue.ts';
import type { WatchDocument } from '../../../model/document.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';
import { ask } from './story.ts';

function watchedFleet() {
  const fleet = new ReportedFleet();
  const host = fleet.host('web1', { addresses: ['10.0.0.1'] });
  const watchers = new Watchers(fleet.view);
  /** One that takes `count` documents, then none until it is told to resume. */
  const watch = (q: string, count = Number.POSITIVE_INFINITY, sight = seesAll) => {
    const taken: WatchDocument[] = [];
    const feed = watchers.start(ask({ q }), fleet.nowMs, sight, {
      write: (document) => taken.push(document) < count,
    });
    return { taken, feed };
  };
  const open = (port: number): void => {
    fleet.open(host, '10.0.0.1:40000', `10.9.9.9:${port}`, { program: 'curl' });
    fleet.pass(4_000);
  };
  return { fleet, watchers, watch, open };
}

const kinds = (documents: readonly WatchDocument[]): string[] => documents.map(({ kind }) => kind);

test('all that ask for an event get the one document of it', () => {
  const { watch, open } = watchedFleet();
  const [all, some, none] = [watch(''), watch(':80'), watch(':99')];
  open(80);
  expect(kinds(all.taken)).toEqual(['started', 'edge', 'opened']);
  expect(some.taken.at(-1)).toBe(all.taken.at(-1));
  expect(kinds(none.taken)).toEqual(['started']);
});

test('a slow one misses what it has no room for, and others nothing', () => {
  const { watchers, watch, open } = watchedFleet();
  const [fast, slow] = [watch(''), watch('', 1)];
  for (let n = 0; n < watchQueueMax; n++) open(n + 1);
  expect(fast.taken).toHaveLength(1 + 2 * watchQueueMax);
  expect(slow.taken).toHaveLength(1);
  expect(watchers.missedTotal).toBe(watchQueueMax);
  slow.feed.resume();
  expect(slow.taken).toHaveLength(2);
});

test('the view is watched while anybody watches, and by no more than may', () => {
  const { watchers, watch, open } = watchedFleet();
  const feeds = Array.from({ length: watchersMax }, () => watch(''));
  expect(() => watch('')).toThrow(TooManyWatchers);
  for (const { feed } of feeds) {
    feed.close();
    feed.close();
  }
  expect([watchers.open, watchers.refusedTotal]).toEqual([0, 1]);
  open(80);
  expect(kinds(feeds[0]!.taken)).toEqual(['started']);
  const again = watch('');
  open(81);
  expect(kinds(again.taken)).toEqual(['started', 'edge', 'opened']);
});
