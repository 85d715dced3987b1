/** The passes over a block of opened halves in their order, from tuples to rows that know both ends; and over a single key. */
import type { AgentSlots } from './agent-slots.ts';
import type { Block } from './block.ts';
import { rowShift } from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import { type HalfColumns, joinHalves, type Leave, standElsewhere } from './joining.ts';
import { canonicalise, fileRows, findCells, type TupleColumns } from './open-passes.ts';
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
  canonicalise(block, half, from, rows.seed, index);
  store.fetchFree(block, block.ordered >> 1);
  findCells(block, index, words);
  fileRows(block, index, store);
  joinHalves(block, rows, half, from, slots, leave);
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
  canonicalise(block, tuples, at, rows.seed, index);
  findCells(block, index, words);
  fileRows(block, index, store);
  const row = block.first[0]! >> rowShift;
  if (row >= 0) standElsewhere(rows, row, leave);
  return row;
}
