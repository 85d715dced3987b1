/** The index finds what stands in it, at every step of its growth, and refuses what crowds. */
import { expect, test } from 'vitest';
import { MovingIndex, reachMax } from '../../../aggregator/core/moving-index.ts';
import { fc } from '../../support/random-cases.ts';

const max = 1 << 20;

function rowsUnder(index: MovingIndex, hash: number): number[] {
  const { words } = index;
  const found: number[] = [];
  for (let at = index.homeOf(hash); words[at + 1] !== 0; at += 2)
    if (words[at] === hash) found.push(words[at + 1]! - 1);
  return found;
}

test('any history of rows that come and go, across growth', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 100, max: 6000 }), fc.nat(3), (seed, most, spread) => {
      const index = new MovingIndex(max);
      const hashes: number[] = [];
      let state = seed | 1;
      const random = (): number => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state;
      };
      const held = new Set<number>();
      for (let row = 0; row < most; row++) {
        // Few hashes make long runs of equal ones.
        hashes[row] = spread === 0 ? (random() & 0xff) << 24 : random();
        expect(index.insert(hashes[row]!, row)).toBe(true);
        held.add(row);
        if (random() % 3 === 0) {
          const gone = Math.abs(random()) % (row + 1);
          expect(index.remove(hashes[gone]!, gone)).toBe(held.delete(gone));
        }
        if (row % 64 === 0) index.grow();
      }
      expect(index.size).toBe(held.size);
      for (const [row, hash] of hashes.entries()) expect(index.has(hash, row)).toBe(held.has(row));
    }),
    { numRuns: 12 },
  );
});

test('it grows while it is in use, and each hash is looked for in one place', () => {
  const index = new MovingIndex(max);
  const hashOf = (row: number): number => Math.imul(row + 1, 0x9e3779b1);
  let moved = 0;
  for (let row = 0; row < 40_000; row++) {
    index.insert(hashOf(row), row);
    if (row % 256 === 0) index.grow();
    if (index.isGrowing && row % 1000 === 0) {
      moved++;
      for (let known = 0; known <= row; known += 37) expect(rowsUnder(index, hashOf(known))).toEqual([known]);
    }
  }
  expect(moved).toBeGreaterThan(0);
  expect(index.shift).toBeLessThan(22);
});

test('hashes that are all alike are refused beyond the reach, and cost no one else', () => {
  const index = new MovingIndex(max);
  let put = 0;
  while (index.insert(0x12345678, put)) put++;
  expect(put).toBe(reachMax + 1);
  expect(index.insert(1, put)).toBe(true);
  expect(index.remove(0x12345678, 500)).toBe(true);
  expect(index.insert(0x12345678, 500)).toBe(true);
  for (let step = 0; step < 1000; step++) index.grow();
  expect(rowsUnder(index, 0x12345678)).toHaveLength(put);
});

test('a full tail: the highest home is refused beyond the reach too', () => {
  const index = new MovingIndex(max);
  let put = 0;
  while (index.insert(-1, put)) put++;
  expect(put).toBe(reachMax + 1);
  for (let step = 0; step < 1000; step++) index.grow();
  for (let row = 0; row < put; row++) expect(index.remove(-1, row)).toBe(true);
  expect(index.size).toBe(0);
});

test('it grows no further than its rows need', () => {
  const index = new MovingIndex(1000);
  const reserved = index.words.length;
  for (let row = 0; row < 1000; row++) {
    expect(index.insert(Math.imul(row + 1, 0x9e3779b1), row)).toBe(true);
    index.grow();
  }
  expect([index.isGrowing, index.shift, index.words.length]).toEqual([false, 21, reserved]);
  expect(index.bytes).toBe(8 * (2048 + 4 * reachMax));
});
