/** Which rows two scans do not have in common. */
import { describe, expect, it } from 'vitest';
import { differenceOf } from '../../../agent/watch/row-difference.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { fc } from '../../support/random-cases.ts';
import { row } from '../sockets.ts';

const pool: readonly OwnedSocket[] = Array.from({ length: 2000 }, (_, inode) => row({ inode }));

function rows(from: number, to: number): OwnedSocket[] {
  return pool.slice(from, to);
}

function inodes(of: readonly OwnedSocket[]): number[] {
  return of.map(({ inode }) => inode);
}

function inWords(before: readonly OwnedSocket[], now: readonly OwnedSocket[]): [number[], number[]] | null {
  const difference = differenceOf(before, now);
  return difference && [inodes(difference.gone), inodes(difference.shown)];
}

describe('the difference', () => {
  it.each<[string, OwnedSocket[], OwnedSocket[], number[], number[]]>([
    ['of nothing', [], [], [], []],
    ['of equal rows in two arrays', rows(0, 5), rows(0, 5), [], []],
    ['one more at the end', rows(0, 5), rows(0, 6), [], [5]],
    ['one more at the start', rows(1, 5), rows(0, 5), [], [0]],
    ['one more in between', [...rows(0, 2), ...rows(3, 5)], rows(0, 5), [], [2]],
    ['one less', rows(0, 5), [...rows(0, 2), ...rows(3, 5)], [2], []],
    ['one replaced', rows(0, 5), [...rows(0, 2), pool[9]!, ...rows(3, 5)], [2], [9]],
    ['one moved', rows(0, 5), [...rows(1, 5), pool[0]!], [], []],
    ['all replaced', rows(0, 3), rows(3, 6), [0, 1, 2], [3, 4, 5]],
    [
      'a whole process less and another one more',
      rows(0, 900),
      rows(200, 1100),
      range(0, 200),
      range(900, 1100),
    ],
    ['two neighbours that change places', rows(0, 5), [pool[1]!, pool[0]!, ...rows(2, 5)], [], []],
  ])('%s', (_, before, now, gone, shown) => {
    expect(inWords(before, now)).toEqual([gone, shown]);
  });

  it.each<[string, OwnedSocket[], OwnedSocket[]]>([
    ['all new', rows(0, 1000), rows(1000, 2000)],
    ['in another order', rows(0, 2000), rows(0, 2000).toReversed()],
  ])('is not worth looking for: %s', (_, before, now) => {
    expect(differenceOf(before, now)).toBeNull();
  });

  it('is what sets say, whatever came, went and moved', () => {
    const some = fc.shuffledSubarray(rows(0, 30));
    fc.assert(
      fc.property(some, some, (before, now) => {
        const expected = [
          before.filter((one) => !now.includes(one)),
          now.filter((one) => !before.includes(one)),
        ];
        expect(inWords(before, now)).toEqual(expected.map(inodes));
      }),
    );
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
