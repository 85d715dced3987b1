/** Ends are remembered for long enough, and not for ever; and each end has a number of its own. */
import { expect, test } from 'vitest';
import { EndHashes } from '../../../agent/watch/end-hash.ts';
import { endLifetimeMs, ToldEnds } from '../../../agent/watch/told-ends.ts';

test('an end is remembered for one lifetime at least and for two at most', () => {
  const ends = new ToldEnds();
  ends.add(1, 1000);
  ends.add(2, 1000 + endLifetimeMs);
  expect([ends.has(1), ends.has(2), ends.has(3)]).toEqual([true, true, false]);
  ends.expire(1000 + 2 * endLifetimeMs);
  expect([ends.has(1), ends.has(2)]).toEqual([false, true]);
  ends.expire(1000 + 3 * endLifetimeMs);
  expect(ends.size).toBe(0);
});

test('when there are too many, any may have been told, until those are over', () => {
  const ends = new ToldEnds(2);
  for (const end of [1, 2, 3]) ends.add(end, 1000);
  expect([ends.has(3), ends.has(4), ends.forgotten, ends.size]).toEqual([true, true, 1, 2]);
  ends.expire(1000 + endLifetimeMs);
  expect(ends.has(4)).toBe(true);
  ends.expire(1000 + 2 * endLifetimeMs);
  expect(ends.has(4)).toBe(false);
});

test('ends that differ in anything have different numbers', () => {
  const hashes = new EndHashes();
  const numbers = new Set<number>();
  let ends = 0;
  for (const ip of ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2']) {
    for (const remote of ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2']) {
      // Every seventh, since all of them take seconds on a machine that is busy.
      for (let port = 1024; port < 9000; port += 7) {
        for (const netns of [4026531840, 4026532177]) {
          numbers.add(hashes.of({ netns, local: { ip, port }, remote: { ip: remote, port: 443 } }));
          numbers.add(hashes.of({ netns, local: { ip, port: 443 }, remote: { ip: remote, port } }));
          ends += 2;
        }
      }
    }
  }
  expect(numbers.size).toBe(ends);
  for (const number of numbers) expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
});

test('an end has the same number whoever asks', () => {
  const end = { netns: 7, local: { ip: '::1', port: 1 }, remote: { ip: '::1', port: 2 } };
  expect(new EndHashes().of(end)).toBe(new EndHashes().of({ ...end }));
});
