/**
 * The passes by which a block of opened halves finds its rows:
 *
 *     canonicalise   tuple → key, which end, hash, home; no branches
 *     findCells      fetches cells, walks to the first that is free or has the hash, and fetches that row
 *
 * With its row at hand, keys are compared (PassMemory.partHalves): some are known, for the others seekKey goes on. What a half
 * makes of its row is for joining.ts, what it begins for beginning.ts.
 */
import { type Block, columnAt } from './block.ts';
import { rowShift } from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import type { Halves } from './halves.ts';
import { hashKey } from './key-hash.ts';
import { homeOf, type MovingIndex, reachMax } from './moving-index.ts';

/** Columns of the block. */
const orderAt = columnAt('order');
const hashAt = columnAt('hash');
const aAt = columnAt('a');
const bAt = columnAt('b');
const portsAt = columnAt('ports');
const placeAt = columnAt('place');
const sideAt = columnAt('side');
const cellAt = columnAt('cell');

/** End a is the lesser address, in signed order, and for equal ones the lesser port. All ones is a swap. */
export function canonicalise(
  { words: own, ordered }: Block,
  half: Halves,
  from: number,
  seed: number,
  { shift, boundary }: MovingIndex,
): void {
  const { words: told } = half;
  const locals = half.columnAt('local') + from;
  const remotes = half.columnAt('remote') + from;
  const allPorts = half.columnAt('ports') + from;
  const places = half.columnAt('place') + from;
  for (let k = 0; k < ordered; k++) {
    const i = own[orderAt + k]!;
    const l = told[locals + i]!;
    const r = told[remotes + i]!;
    const p = told[allPorts + i]!;
    const difference = (r - l) | 0;
    const isLess = (difference ^ ((l ^ r) & (difference ^ r))) >> 31;
    const isSame = ~((l ^ r) | -(l ^ r)) >> 31;
    const isLowerPort = ((p & 0xffff) - (p >>> 16)) >> 31;
    const swap = isLess | (isSame & isLowerPort);
    const bits = (l ^ r) & swap;
    const a = l ^ bits;
    const b = r ^ bits;
    const key = p ^ ((p ^ ((p << 16) | (p >>> 16))) & swap);
    const place = told[places + i]!;
    const hash = hashKey(seed, a, b, key, place);
    own[aAt + k] = a;
    own[bAt + k] = b;
    own[portsAt + k] = key;
    own[placeAt + k] = place;
    own[sideAt + k] = -swap;
    own[hashAt + k] = hash;
    own[cellAt + k] = homeOf(hash, shift, boundary);
  }
}

/** Walks to the first cell that is free or has its hash, and fetches that row. */
export function findCells({ memory, index }: ConnectionRows): void {
  memory.fetchCells();
  index.reached(memory.findCells(Math.min(index.reach, 2 * reachMax)));
  memory.fetchRows();
}

/**
 * For a half at whose cell another key stands, or its own that came within this block: goes on to where its own is or may be.
 * @returns whether its key is known, with its row then in block.first; else block.cell is free, or -1
 */
export function seekKey(block: Block, k: number, index: MovingIndex, rows: Int32Array): boolean {
  const { hash, cell, first, a, b, ports, place } = block;
  const { words } = index;
  const home = index.homeOf(hash[k]!);
  const end = home + Math.max(index.reach, 2 * reachMax);
  for (let at = cell[k]!; at <= end; at += 2) {
    const row = words[at + 1]! - 1;
    if (row < 0) {
      cell[k] = at - home > 2 * reachMax ? -1 : at;
      index.reached(at - home);
      return false;
    }
    if (words[at] !== hash[k]) continue;
    const word = row << rowShift;
    const differs =
      (rows[word]! ^ a[k]!) |
      (rows[word + 1]! ^ b[k]!) |
      (rows[word + 2]! ^ ports[k]!) |
      (rows[word + 3]! ^ place[k]!);
    if (differs !== 0) continue;
    cell[k] = at;
    first[k] = word;
    return true;
  }
  cell[k] = -1;
  return false;
}
