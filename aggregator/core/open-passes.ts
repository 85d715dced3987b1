/**
 * The passes by which a block of opened halves finds its rows:
 *
 *     canonicalise   tuple → key, which end, hash, home; no branches
 *     findCells      walks to the first cell that is free or has its hash, and fetches that row
 *     fileRows       compares keys; a key that nobody has gets a row
 *
 * What a half makes of its row is for joining.ts.
 */
import type { Block } from './block.ts';
import { rowShift } from './connection-row.ts';
import { fetchWords } from './fetch-words.ts';
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

/** End a is the lesser address, in signed order, and for equal ones the lesser port. All ones is a swap. Fetches the cells. */
export function canonicalise(
  block: Block,
  columns: TupleColumns,
  from: number,
  seed: number,
  { words, shift, boundary }: MovingIndex,
): void {
  const { local, remote, ports, place } = columns;
  const { order, ordered } = block;
  for (let k = 0; k < ordered; k++) {
    const i = from + order[k]!;
    const l = local[i]!;
    const r = remote[i]!;
    const p = ports[i]!;
    const difference = (r - l) | 0;
    const isLess = (difference ^ ((l ^ r) & (difference ^ r))) >> 31;
    const isSame = ~((l ^ r) | -(l ^ r)) >> 31;
    const isLowerPort = ((p & 0xffff) - (p >>> 16)) >> 31;
    const swap = isLess | (isSame & isLowerPort);
    const bits = (l ^ r) & swap;
    const a = l ^ bits;
    const b = r ^ bits;
    const key = p ^ ((p ^ ((p << 16) | (p >>> 16))) & swap);
    const at = place[i]!;
    const hash = hashKey(seed, a, b, key, at);
    block.a[k] = a;
    block.b[k] = b;
    block.ports[k] = key;
    block.place[k] = at;
    block.side[k] = -swap;
    block.hash[k] = hash;
    block.cell[k] = homeOf(hash, shift, boundary);
  }
  block.fetched ^= fetchWords(words, block.cell, ordered);
}

export function findCells(block: Block, { words, reach }: MovingIndex, rows: Int32Array): void {
  const { hash, cell, first, ordered } = block;
  for (let k = 0; k < ordered; k++) {
    const own = hash[k]!;
    let at = cell[k]!;
    const end = at + reach;
    let row = words[at + 1]!;
    while (row !== 0 && words[at] !== own && at < end) {
      at += 2;
      row = words[at + 1]!;
    }
    cell[k] = at;
    // A free cell fetches row 0, which is in the cache.
    first[k] = (row - ((row | -row) >>> 31)) << rowShift;
  }
  block.fetched ^= fetchWords(rows, first, ordered);
}

/** A half without room has no row: its first word is below 0. */
export function fileRows(block: Block, index: MovingIndex, store: RowStore): void {
  const { hash, cell, first, a, b, ports, place, ordered } = block;
  const { words, shift, boundary } = index;
  const rows = store.words;
  for (let k = 0; k < ordered; k++) {
    const own = hash[k]!;
    const home = homeOf(own, shift, boundary);
    const end = home + 2 * reachMax;
    let at = cell[k]!;
    let row = -1;
    for (; at <= end; at += 2) {
      row = words[at + 1]! - 1;
      if (row < 0) break;
      if (words[at] !== own) continue;
      const word = row << rowShift;
      const differs =
        (rows[word]! ^ a[k]!) |
        (rows[word + 1]! ^ b[k]!) |
        (rows[word + 2]! ^ ports[k]!) |
        (rows[word + 3]! ^ place[k]!);
      if (differs === 0) break;
    }
    cell[k] = at;
    if (row < 0 && at <= end) {
      row = store.allocate();
      if (row >= 0) {
        const word = row << rowShift;
        words[at] = own;
        words[at + 1] = row + 1;
        index.tookCell(at - home);
        rows[word] = a[k]!;
        rows[word + 1] = b[k]!;
        rows[word + 2] = ports[k]!;
        rows[word + 3] = place[k]!;
      }
    }
    first[k] = at <= end ? row << rowShift : -1;
  }
}
