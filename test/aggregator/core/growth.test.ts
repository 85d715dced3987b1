/** Tens of thousands of connections through growth, a full table and the end: the same as the plain core, and bounded. */
import { expect, test } from 'vitest';
import { CorePair } from './core-pair.ts';
import type { PlainHalf } from './plain-core.ts';

const connections = 3000;
const limits = { rowsMax: 1 << 14, graceTicks: 300, lingerTicks: 1000, lingerMax: 1 << 20 };

function halves(agent: 0 | 1, from: number, count: number): PlainHalf[] {
  return Array.from({ length: count }, (_, i) => {
    const number = from + i;
    const client = [0x0a000000 + (number >> 6), 32768 + (number & 63)] as const;
    const server = [20, 443] as const;
    const [local, remote] = agent === 0 ? [client, server] : [server, client];
    return {
      agent,
      slot: number,
      local: local[0],
      remote: remote[0],
      localPort: local[1],
      remotePort: remote[1],
      place: 2,
      holder: agent,
      opened: 0,
      bornAfter: -50,
      evidence: 0,
    };
  });
}

function agree<T>([core, plain]: [T, T]): void {
  expect(core).toEqual(plain);
}

test('both ends of thousands, told while the index grows', () => {
  const pair = new CorePair(2, limits);
  for (let from = 0; from < connections; from += 200) {
    agree(pair.open(0, halves(0, from, 200), 0));
    // The other ends come late, so that they are found in tables that have grown meanwhile.
    if (from >= 1000) agree(pair.open(1, halves(1, from - 1000, 200), 0));
  }
  expect(pair.core.rows.index.shift).toBeLessThan(22);
  agree(pair.connections());
  agree(pair.edges());
  pair.sweep(300);
  agree(pair.edges());
  pair.withdraw(0);
  agree(pair.connections());
  pair.withdraw(1);
  pair.sweep(2000);
  expect([pair.core.live, pair.core.rows.index.size]).toEqual([0, 0]);
});

test('a full table refuses halves, leaves their slots free, and takes them when there is room', () => {
  const pair = new CorePair(2, { ...limits, rowsMax: 100 });
  const told = pair.open(0, halves(0, 0, 150), 0)[0];
  expect(told.filter((outcome) => outcome === 'lone')).toHaveLength(100);
  expect(told.filter((outcome) => outcome === 'refused')).toHaveLength(50);
  pair.withdraw(0);
  pair.sweep(1);
  expect(pair.open(0, halves(0, 100, 50), 1)[0]).toEqual(Array.from({ length: 50 }, () => 'lone'));
});

test('half a block may be refused: slots out of range and taken ones', () => {
  const pair = new CorePair(2, limits);
  const told = halves(0, 0, 6).map((half, i) => ({ ...half, slot: [0, 0, -1, 1 << 14, 5, 0x7fffffff][i]! }));
  agree(pair.open(0, told, 0));
  expect(pair.open(0, told, 0)[0]).toEqual(Array.from({ length: 6 }, () => 'badSlot'));
  expect(pair.core.live).toBe(2);
  agree(pair.close(0, 3, 0));
  agree(pair.close(1, 0, 0));
  agree(pair.close(0, 5, 0));
  agree(pair.close(0, 5, 0));
});

test('more than a block at once is an error of the caller', () => {
  const pair = new CorePair(1, limits);
  const column = new Int32Array(300);
  expect(() => pair.core.close(column, column, 0, 257, [][0]!)).toThrow(
    'a block has at most 256 halves, not 257',
  );
});
