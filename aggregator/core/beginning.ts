/**
 * The first halves of connections: keys that nobody has get rows, which are taken and fetched for the whole block and
 * written in one go.
 */
import { type Block, columnAt, outcomes } from './block.ts';
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
import type { Halves } from './halves.ts';
import { evidenceOfEnd, isSelf, joinHalf, type Leave, type OpenedColumns, openedColumns } from './joining.ts';
import { seekKey } from './open-passes.ts';
import { never } from './ticks.ts';

/** Columns of the block. */
const orderAt = columnAt('order');
const hashAt = columnAt('hash');
const aAt = columnAt('a');
const bAt = columnAt('b');
const portsAt = columnAt('ports');
const placeAt = columnAt('place');
const sideAt = columnAt('side');
const cellAt = columnAt('cell');
const firstAt = columnAt('first');
const freshAt = columnAt('fresh');
const takenAt = columnAt('taken');
const rowAt = columnAt('row');
const outcomeAt = columnAt('outcome');

/** Takes the halves of block.fresh. Fills their rows and outcomes. */
export function beginHalves(rows: ConnectionRows, half: Halves, from: number, leave: Leave): void {
  const { index, store, words, memory } = rows;
  const { block, cells } = memory;
  const { words: own, freshCount, taken } = block;
  const columns = openedColumns(half, from);
  const takenCount = store.takeAll(taken, freshCount);
  askFor(words, taken, takenCount);
  let used = 0;
  for (let j = 0; j < freshCount; j++) {
    const k = own[freshAt + j]!;
    // Another key stands there, or its own: a half before it may have brought that.
    if (cells[own[cellAt + k]! + 1] !== 0 && seekKey(block, k, index, words)) {
      joinHalf(rows, k, columns, leave);
      continue;
    }
    if (own[cellAt + k]! < 0 || used === takenCount) {
      refuse(block, k);
      continue;
    }
    const at = own[takenAt + used++]!;
    own[firstAt + k] = at;
    fileRow(rows, k, at);
    if (isSelf(words, at)) joinHalf(rows, k, columns, leave);
    else begin(rows, k, at, columns);
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
export function fileRow({ index, words, memory }: ConnectionRows, k: number, at: number): void {
  const { cells, block } = memory;
  const { words: own } = block;
  const cell = own[cellAt + k]!;
  cells[cell] = own[hashAt + k]!;
  cells[cell + 1] = (at >> rowShift) + 1;
  index.size++;
  words[at] = own[aAt + k]!;
  words[at + 1] = own[bAt + k]!;
  words[at + 2] = own[portsAt + k]!;
  words[at + 3] = own[placeAt + k]!;
}

function begin(rows: ConnectionRows, k: number, at: number, columns: OpenedColumns): void {
  const { words, memory } = rows;
  const { words: own } = memory.block;
  const { words: told } = columns;
  const i = own[orderAt + k]!;
  const side = own[sideAt + k]!;
  words[at + holderWord + side] = told[columns.holder + i]! + 1;
  words[at + openedWord + side] = told[columns.opened + i]!;
  words[at + bornAfterWord] = told[columns.bornAfter + i]!;
  words[at + factsWord]! |= facts.filed | evidenceOfEnd(side, told[columns.evidence + i]!);
  words[at + closedWord] = never;
  rows.useAddresses(at);
  own[rowAt + i] = at >> rowShift;
  own[outcomeAt + i] = outcomes.lone;
}
