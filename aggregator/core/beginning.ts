/**
 * The first halves of connections: keys that nobody has get rows, which are taken and fetched for the whole block and
 * written in one go.
 */
import { type Block, outcomes } from './block.ts';
import {
  bornAfterWord,
  closedWord,
  facts,
  factsWord,
  holderWord,
  openedWord,
  rowShift,
} from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import { evidenceOfEnd, type HalfColumns, isSelf, joinHalf, type Leave } from './joining.ts';
import { seekKey } from './open-passes.ts';
import { never } from './ticks.ts';

/** Takes the halves of block.fresh. Fills their rows and outcomes. */
export function beginHalves(
  block: Block,
  rows: ConnectionRows,
  half: HalfColumns,
  from: number,
  leave: Leave,
): void {
  const { fresh, freshCount, cell, first, order, taken } = block;
  const { index, store, words } = rows;
  const cells = index.words;
  const takenCount = store.takeAll(taken, freshCount);
  askFor(words, taken, takenCount);
  let used = 0;
  for (let j = 0; j < freshCount; j++) {
    const k = fresh[j]!;
    // Another key stands there, or its own: a half before it may have brought that.
    if (cells[cell[k]! + 1] !== 0 && seekKey(block, k, index, words)) {
      joinHalf(block, k, rows, half, from, leave);
      continue;
    }
    if (cell[k]! < 0 || used === takenCount) {
      refuse(block, k);
      continue;
    }
    const at = taken[used++]!;
    first[k] = at;
    fileRow(block, k, rows, at);
    if (isSelf(words, at)) joinHalf(block, k, rows, half, from, leave);
    else {
      begin(rows, at, block.side[k]!, half, from + order[k]!);
      block.row[order[k]!] = at >> rowShift;
      block.outcome[order[k]!] = outcomes.lone;
    }
  }
  while (used < takenCount) store.release(taken[used++]! >> rowShift);
}

/**
 * Has free rows fetched. To write is better than to read: a processor waits for what it reads, and not for where it writes.
 * The word that is written is 0 in a free row.
 */
function askFor(words: Int32Array, taken: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) words[taken[i]! + holderWord] = 0;
}

function refuse({ first, order, outcome }: Block, k: number): void {
  first[k] = -1;
  outcome[order[k]!] = outcomes.refused;
}

/** The key of that half leads to the row from then on. */
export function fileRow(block: Block, k: number, { index, words }: ConnectionRows, at: number): void {
  const cells = index.words;
  const cell = block.cell[k]!;
  cells[cell] = block.hash[k]!;
  cells[cell + 1] = (at >> rowShift) + 1;
  index.size++;
  words[at] = block.a[k]!;
  words[at + 1] = block.b[k]!;
  words[at + 2] = block.ports[k]!;
  words[at + 3] = block.place[k]!;
}

function begin(rows: ConnectionRows, at: number, side: number, half: HalfColumns, told: number): void {
  const { words } = rows;
  words[at + holderWord + side] = half.holder[told]! + 1;
  words[at + openedWord + side] = half.opened[told]!;
  words[at + bornAfterWord] = half.bornAfter[told]!;
  words[at + factsWord]! |= facts.filed | evidenceOfEnd(side, half.evidence[told]!);
  words[at + closedWord] = never;
  rows.useAddresses(at);
}
