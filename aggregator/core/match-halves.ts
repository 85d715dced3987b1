/** The passes over a block of opened halves in their order, from tuples to rows that know both ends; and over a single key. */
import type { AgentSlots } from './agent-slots.ts';
import type { Block } from './block.ts';
import type { ConnectionRows } from './connection-rows.ts';
import { type HalfColumns, joinHalves, type Leave, standElsewhere } from './joining.ts';
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

/** One use more of the key of tuple `at`, of which everything is elsewhere from then on. @returns its stub, or -1 for want of room */
export function retainKey(
  block: Block,
  rows: ConnectionRows,
  tuples: TupleColumns,
  at: number,
  leave: Leave,
): number {
  const { index, store, words } = rows;
  block.count = 1;
  block.ordered = 1;
  block.order[0] = 0;
  canonicalise(block, tuples, at, rows.seed);
  for (const group of block.groups(index)) {
    if (group.from === group.to) continue;
    findCells(block, group, index.reach, words);
    fileRows(block, group, index, store);
    const cell = block.cell[0]!;
    if (cell < 0) return -1;
    const row = group.cells.words[cell + 1]! - 1;
    standElsewhere(rows, row, leave);
    return row;
  }
  return -1;
}
