/**
 * The passes by which a block of slots finds its rows. No key is hashed: a slot knows its row.
 *
 *     claimSlots     slots that opened halves ask for; a half whose slot is taken is left out
 *     findSlots      slot → row and end; one that nothing has is left out
 *     touchRows      fetches all rows at once
 *     hashRows       row → hash, for what is to leave the index
 */
import type { AgentSlots } from './agent-slots.ts';
import { type Block, outcomes } from './block.ts';
import { rowShift } from './connection-row.ts';
import { hashKey } from './key-hash.ts';

/** Fills block.order with the halves that have a slot. */
export function claimSlots(block: Block, column: Int32Array, from: number, slots: AgentSlots): void {
  const { order, outcome, count } = block;
  let claimed = 0;
  for (let i = 0; i < count; i++) {
    if (slots.claim(column[from + i]!)) order[claimed++] = i;
    else outcome[i] = outcomes.badSlot;
  }
  block.ordered = claimed;
}

/** Fills block.row and block.side, and block.order with those that were found. @param frees the slots are free afterwards */
export function findSlots(
  block: Block,
  column: Int32Array,
  from: number,
  slots: AgentSlots,
  frees: boolean,
): void {
  const { order, outcome, row, side, count } = block;
  let found = 0;
  for (let i = 0; i < count; i++) {
    const slot = column[from + i]!;
    const entry = frees ? slots.take(slot) : slots.get(slot);
    if (entry < 0) {
      outcome[i] = outcomes.badSlot;
      continue;
    }
    row[i] = entry >> 1;
    side[i] = entry & 1;
    order[found++] = i;
  }
  block.ordered = found;
}

export function touchRows(block: Block, words: Int32Array): void {
  const { order, row, ordered } = block;
  let touched = 0;
  for (let k = 0; k < ordered; k++) touched ^= words[row[order[k]!]! << rowShift]!;
  block.touched ^= touched;
}

export function hashRows(block: Block, words: Int32Array, seed: number): void {
  const { order, row, hash, ordered } = block;
  for (let k = 0; k < ordered; k++) {
    const i = order[k]!;
    const first = row[i]! << rowShift;
    hash[i] = hashKey(seed, words[first]!, words[first + 1]!, words[first + 2]!, words[first + 3]!);
  }
}
