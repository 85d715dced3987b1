/**
 * Stubs: rows that say of a key that what stands under it is in the table of the unusual. So a key is in one place, whoever
 * comes to it later is sent there, and the slots of what left still lead somewhere.
 *
 * A stub counts its uses in the word of `opened a`: the slots that stand for it, and whoever retained its key. With the last
 * one it is gone, and its key is plain again.
 */
import { facts, factsWord, holderWord, lifeOf, lifeShift, openedWord, rowShift } from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import type { EdgeCounts } from './edge-counts.ts';
import { uncount } from './placing.ts';

/**
 * Makes a stub of a filed row, which counts in no edge from then on.
 * @returns a copy of its words as they were; null where nobody was there
 */
export function makeStub(rows: ConnectionRows, row: number, edges: EdgeCounts): Int32Array | null {
  const first = row << rowShift;
  const { words } = rows;
  const known = words[first + factsWord]!;
  const copy = words.slice(first, first + (1 << rowShift));
  uncount(rows, row, edges);
  const uses = Number(hasSlot(copy, known, 0)) + Number(hasSlot(copy, known, 1));
  words.fill(0, first + holderWord, first + (1 << rowShift));
  words[first + factsWord] = (lifeOf(known) << lifeShift) | facts.filed | facts.elsewhere;
  words[first + openedWord] = uses;
  return (copy[holderWord]! | copy[holderWord + 1]!) === 0 ? null : copy;
}

function hasSlot(copy: Int32Array, known: number, side: 0 | 1): boolean {
  return copy[holderWord + side] !== 0 && (known & (facts.goneA << side)) === 0;
}

export function retainStub({ words }: ConnectionRows, row: number): void {
  words[(row << rowShift) + openedWord]! += 1;
}

export function releaseStub(rows: ConnectionRows, row: number): void {
  const at = (row << rowShift) + openedWord;
  rows.words[at]! -= 1;
  if (rows.words[at] !== 0) return;
  rows.unfile(row);
  rows.free(row);
}
