/** The index against a Map of everything that is in it, with hashes that are good, and that are all alike. */
import { describe, expect, it } from 'vitest';
import { SlotIndex } from '../../agent/slot-index.ts';
import { fc } from '../support/random-cases.ts';

/** Keys by slot, as an owner of an index has them. */
class Keyed {
  readonly keys: number[] = [];
  readonly hash: (key: number) => number;
  readonly index = new SlotIndex();

  constructor(hash: (key: number) => number) {
    this.hash = hash;
  }

  find(key: number): number {
    return this.index.find(this.hash(key), (slot) => this.keys[slot] === key);
  }

  add(key: number): number {
    const slot = this.keys.push(key) - 1;
    this.index.add(this.hash(key), slot);
    return slot;
  }

  delete(slot: number): boolean {
    return this.index.delete(this.hash(this.keys[slot]!), slot);
  }
}

const hashes = {
  'the key itself': (key: number) => key,
  'one for all': () => 7,
  'one of four, which go round the end': (key: number) => -(key % 4),
};

describe.each(Object.entries(hashes))('an index by %s', (_, hash) => {
  it('finds what is in it, and nothing else', () => {
    const keys = fc.integer({ min: 0, max: 300 });
    const steps = fc.array(fc.record({ key: keys, isAdded: fc.boolean() }), { maxLength: 600 });
    fc.assert(
      fc.property(steps, (taken) => {
        const keyed = new Keyed(hash);
        const slots = new Map<number, number>();
        for (const { key, isAdded } of taken) {
          expect(keyed.find(key)).toBe(slots.get(key) ?? -1);
          if (isAdded && !slots.has(key)) slots.set(key, keyed.add(key));
          if (!isAdded && slots.has(key)) {
            expect(keyed.delete(slots.get(key)!)).toBe(true);
            expect(keyed.delete(slots.get(key)!)).toBe(false);
            slots.delete(key);
          }
        }
        expect(keyed.index.size).toBe(slots.size);
        for (const [key, slot] of slots) expect(keyed.find(key)).toBe(slot);
      }),
      { numRuns: 50 },
    );
  });
});

it('grows and shrinks with what is in it', () => {
  const keyed = new Keyed((key) => key);
  const many = 100_000;
  for (let key = 0; key < many; key++) keyed.add(key);
  for (let key = 0; key < many; key++) expect(keyed.find(key)).toBe(key);
  for (let slot = 0; slot < many - 10; slot++) keyed.delete(slot);
  expect(keyed.index.size).toBe(10);
  for (let key = many - 20; key < many; key++) expect(keyed.find(key)).toBe(key < many - 10 ? -1 : key);
});

it('makes room for many at once, whatever is in it', () => {
  const keyed = new Keyed((key) => key);
  for (const count of [0, 3, 100, 90, 5000]) {
    keyed.index.reserve(count);
    while (keyed.keys.length < count) keyed.add(keyed.keys.length);
    expect(keyed.index.size).toBe(keyed.keys.length);
    for (const key of keyed.keys) expect(keyed.find(key)).toBe(key);
    expect(keyed.find(keyed.keys.length)).toBe(-1);
  }
});
