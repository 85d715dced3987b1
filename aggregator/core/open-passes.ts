/**
 * The passes by which a block of opened halves finds its rows:
 *
 *     canonicalise   tuple → key, which end, hash; no branches
 *     touchCells     fetches the home of each, all at once
 *     findCells      walks to the first cell that is free or has its hash, and fetches that row
 *     fileRows       compares keys; a key that nobody has gets a row
 *
 * What a half makes of its row is for join.ts.
 */
import { type Block, type Group, outcomes } from './block.ts';
import { rowShift } from './connection-row.ts';
import { hashKey } from './key-hash.ts';
import { homeOf, type MovingIndex, reachMax } from './moving-index.ts';
import type { RowStore } from './row-store.ts';

/** Tuples as each half's own kernel shows them: columns of equal length. */
export interface TupleColumns {
  /** Words of addresses.ts. */
  readonly local: Int32Array;
  readonly remote: Int32Array;
  /** local << 16 | remote. */
  readonly ports: Int32Array;
  /** scope << 1 | 1 for UDP. */
  readonly place: Int32Array;
}

/** End a is the lesser address, in signed order, and for equal ones the lesser port. All ones is a swap. */
export function canonicalise(block: Block, columns: TupleColumns, from: number, seed: number): void {
  const { local, remote, ports, place } = columns;
  const { count } = block;
  for (let i = 0; i < count; i++) {
    const l = local[from + i]!;
    const r = remote[from + i]!;
    const p = ports[from + i]!;
    const difference = (r - l) | 0;
    const isLess = (difference ^ ((l ^ r) & (difference ^ r))) >> 31;
    const isSame = ~((l ^ r) | -(l ^ r)) >> 31;
    const isLowerPort = ((p & 0xffff) - (p >>> 16)) >> 31;
    const swap = isLess | (isSame & isLowerPort);
    const bits = (l ^ r) & swap;
    const a = l ^ bits;
    const b = r ^ bits;
    const key = p ^ ((p ^ ((p << 16) | (p >>> 16))) & swap);
    const at = place[from + i]!;
    block.a[i] = a;
    block.b[i] = b;
    block.ports[i] = key;
    block.place[i] = at;
    block.side[i] = -swap;
    block.hash[i] = hashKey(seed, a, b, key, at);
  }
}

export function touchCells(block: Block, { cells: { words, shift }, from, to }: Group): void {
  const { order, hash } = block;
  let touched = 0;
  for (let k = from; k < to; k++) touched ^= words[homeOf(hash[order[k]!]!, shift)]!;
  block.touched ^= touched;
}

export function findCells(
  block: Block,
  { cells: { words, shift }, from, to }: Group,
  reach: number,
  rows: Int32Array,
): void {
  const { order, hash, cell } = block;
  let touched = 0;
  for (let k = from; k < to; k++) {
    const i = order[k]!;
    const own = hash[i]!;
    let at = homeOf(own, shift);
    const end = at + reach;
    let row = words[at + 1]!;
    while (row !== 0 && words[at] !== own && at < end) {
      at += 2;
      row = words[at + 1]!;
    }
    cell[i] = at;
    // A free cell fetches row 0, which is in the cache.
    touched ^= rows[(row - (row === 0 ? 0 : 1)) << rowShift]!;
  }
  block.touched ^= touched;
}

export function fileRows(block: Block, group: Group, index: MovingIndex, store: RowStore): void {
  const { words, shift } = group.cells;
  const { order, hash, cell, a, b, ports, place } = block;
  const rows = store.words;
  for (let k = group.from; k < group.to; k++) {
    const i = order[k]!;
    const own = hash[i]!;
    const home = homeOf(own, shift);
    const end = home + 2 * reachMax;
    let at = cell[i]!;
    for (; ; at += 2) {
      const found = words[at + 1]!;
      if (found === 0 || at > end) break;
      if (words[at] !== own) continue;
      const first = (found - 1) << rowShift;
      const differs =
        (rows[first]! ^ a[i]!) |
        (rows[first + 1]! ^ b[i]!) |
        (rows[first + 2]! ^ ports[i]!) |
        (rows[first + 3]! ^ place[i]!);
      if (differs === 0) break;
    }
    cell[i] = at;
    if (at <= end && words[at + 1] !== 0) continue;
    const row = at > end ? -1 : store.allocate();
    if (row < 0) {
      cell[i] = -1;
      block.outcome[i] = outcomes.refused;
      continue;
    }
    words[at] = own;
    words[at + 1] = row + 1;
    index.tookCell(at - home);
    const first = row << rowShift;
    rows[first] = a[i]!;
    rows[first + 1] = b[i]!;
    rows[first + 2] = ports[i]!;
    rows[first + 3] = place[i]!;
  }
}
