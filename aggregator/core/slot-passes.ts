/**
 * The passes by which a block of slots finds its rows. No key is hashed: a slot knows its row.
 *
 *     claimSlots     slots that opened halves ask for; a half whose slot is taken is left out
 *     findSlots      slot → row and end; one that nothing has is left out
 *     fetchHomes     row → hash → home, for what is to leave the index
 */
import type { AgentSlots } from './agent-slots.ts';
import { type Block, outcomes } from './block.ts';
import { rowShift } from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import { hashKey } from './key-hash.ts';

/** Fills block.order with the halves that have a slot. */
export function claimSlots(block: Block, column: Int32Array, from: number, slots: AgentSlots): void {
  const { order, outcome, count } = block;
  block.ordered = slots.claimAll(column, from, count, order);
  if (block.ordered < count) outcome.fill(outcomes.badSlot, 0, count);
}

/** Fills block.order with the halves that were found, and their columns. @param frees the slots are free afterwards */
export function findSlots(
  block: Block,
  column: Int32Array,
  from: number,
  slots: AgentSlots,
  frees: boolean,
): void {
  const { order, outcome, row, first, side, count } = block;
  slots.getAll(column, from, count, frees, row);
  let found = 0;
  for (let i = 0; i < count; i++) {
    const half = row[i]!;
    order[found] = i;
    row[i] = half >> 1;
    first[found] = (half >> 1) << rowShift;
    side[found] = half & 1;
    if (half < 0) outcome[i] = outcomes.badSlot;
    else found++;
  }
  block.ordered = found;
}

export function fetchHomes({ words, seed, index, memory }: ConnectionRows): void {
  const { block } = memory;
  const { first, hash, cell, ordered } = block;
  for (let k = 0; k < ordered; k++) {
    const at = first[k]!;
    const own = hashKey(seed, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    hash[k] = own;
    cell[k] = index.homeOf(own);
  }
  memory.fetchCells();
}
