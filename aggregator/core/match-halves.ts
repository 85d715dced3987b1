/** The passes over a block of opened halves in their order: from tuples to rows that know both ends. */
import type { AgentSlots } from './agent-slots.ts';
import type { Block } from './block.ts';
import type { ConnectionRows } from './connection-rows.ts';
import { type HalfColumns, joinHalves, type Leave } from './joining.ts';
import { canonicalise, fileRows, findCells, type TupleColumns, touchCells } from './open-passes.ts';
import { claimSlots } from './slot-passes.ts';

/** Halves [from, from + block.count), all of one agent. Fills block.row and block.outcome. */
export function matchHalves(
  block: Block,
  rows: ConnectionRows,
  half: TupleColumns & HalfColumns,
  from: number,
  slots: AgentSlots,
  leave: Leave,
): void {
  const { index, store, words } = rows;
  claimSlots(block, half.slot, from, slots);
  canonicalise(block, half, from, rows.seed);
  block.touched ^= store.touchFree(block.ordered >> 1);
  for (const group of block.groups(index)) {
    touchCells(block, group);
    findCells(block, group, index.reach, words);
    fileRows(block, group, index, store);
    joinHalves(block, group, rows, half, from, slots, leave);
  }
}
