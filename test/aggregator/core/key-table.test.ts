/** What is interned: keys with their uses, IPv6 addresses, listeners, edges. */
import { expect, test } from 'vitest';
import { Addresses, isInterned, noAddress } from '../../../aggregator/core/addresses.ts';
import { EdgeCounts } from '../../../aggregator/core/edge-counts.ts';
import { KeyTable } from '../../../aggregator/core/key-table.ts';
import { anyV6, Listening } from '../../../aggregator/core/listening.ts';
import { EdgeSums } from '../../../aggregator/shards/edge-sums.ts';
import { fc } from '../../support/random-cases.ts';

test('a key has one row for as long as it is used', () => {
  const key = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.integer());
  const step = fc.tuple(fc.boolean(), fc.nat(30), key);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const table = new KeyTable(64, 1);
      const uses = new Map<string, { row: number; count: number }>();
      for (const [adds, nth, words] of steps) {
        if (adds) {
          const known = uses.get(words.join());
          const row = table.add(...words);
          if (known === undefined) expect(row >= 0 || table.size === 64).toBe(true);
          else expect(row).toBe(known.row);
          if (row >= 0) uses.set(words.join(), { row, count: (known?.count ?? 0) + 1 });
        } else {
          const [text, use] = [...uses][nth % Math.max(1, uses.size)] ?? [];
          if (text === undefined || use === undefined) continue;
          use.count--;
          expect(table.release(use.row)).toBe(use.count === 0);
          if (use.count === 0) uses.delete(text);
        }
        expect(table.size).toBe(uses.size);
      }
    }),
    { numRuns: 200 },
  );
});

test('a full table refuses, counts it, and has room again', () => {
  const table = new KeyTable(2, 1);
  expect([table.add(1, 0, 0, 0), table.add(2, 0, 0, 0), table.add(3, 0, 0, 0)]).toEqual([0, 1, -1]);
  expect(table.refused).toBe(1);
  table.release(0);
  expect(table.add(3, 0, 0, 0)).toBe(0);
});

test('an IPv6 address is one word while it is used; IPv4 is itself, unless it looks like an id', () => {
  const addresses = new Addresses(1, 4);
  const [one, other] = [addresses.retain(0x20010db8, 0, 0, 1), addresses.retain(0x20010db8, 0, 0, 2)];
  expect([isInterned(one), isInterned(other), one === other]).toEqual([true, true, false]);
  expect(addresses.retain(0x20010db8, 0, 0, 1)).toBe(one);
  expect([...addresses.wordsOf(one)]).toEqual([0x20010db8, 0, 0, 1]);
  expect(addresses.retainV4(0x0a000001)).toBe(0x0a000001);
  // 240.0.0.0, told by an agent, is not the first IPv6 address of another one.
  const claimed = addresses.retainV4(0xf0000000 | 0);
  expect([isInterned(claimed), claimed === one]).toEqual([true, false]);
  for (const address of [one, one, other, claimed, 0x0a000001]) addresses.release(address);
  expect(addresses.size).toBe(0);
});

test('beyond its limit an address is none, and is counted', () => {
  const addresses = new Addresses(1, 1);
  addresses.retain(1, 0, 0, 0);
  expect(addresses.retain(2, 0, 0, 0)).toBe(noAddress);
  expect(addresses.refused).toBe(1);
  addresses.release(noAddress);
});

test('who listens: at one address, at all of one family, at all', () => {
  const listening = new Listening(1, 64);
  const port = 443 << 1;
  const has = (address: number, isV6 = false): boolean => listening.has(7, port, address, isV6);
  listening.add(7, port, 20);
  listening.add(7, port, 20);
  expect([
    has(20),
    has(21),
    listening.has(8, port, 20, false),
    listening.has(7, port | 1, 20, false),
  ]).toEqual([true, false, false, false]);
  listening.remove(7, port, 20);
  expect(has(20)).toBe(true);
  listening.add(7, port, 0);
  expect([has(21), has(-0x10000000, true)]).toEqual([true, false]);
  listening.remove(7, port, 0);
  listening.add(7, port, anyV6);
  expect([has(21), has(-0x10000000, true)]).toEqual([true, true]);
  listening.remove(7, port, anyV6);
  listening.remove(7, port, 20);
  listening.remove(7, port, 20);
  expect([has(20), listening.size]).toEqual([false, 0]);
});

test('beyond its limit an edge counts nothing', () => {
  const sums = new EdgeSums(1);
  const edges = new EdgeCounts(1, sums);
  const count = (client: number): number => edges.count(edges.hashOf(client, 2, 3, 4), client, 2, 3, 4);
  expect([count(1), count(1), count(9)]).toEqual([0, 0, -1]);
  edges.uncount(0, true);
  edges.uncount(0, true);
  expect([...sums.all]).toEqual([]);
  expect(count(9)).toBe(0);
});
