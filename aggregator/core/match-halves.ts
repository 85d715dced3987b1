/** The passes over a block of opened halves in their order, from tuples to rows that know both ends; and over a single key. */
import type { AgentSlots } from './agent-slots.ts';
import { beginHalves, fileRow } from './beginning.ts';
import { rowShift } from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import type { Halves } from './halves.ts';
import { joinHalves, type Leave, standElsewhere } from './joining.ts';
import { canonicalise, findCells, seekKey } from './open-passes.ts';
import { claimSlots } from './slot-passes.ts';

/** Halves [from, from + block.count), all of one agent. Fills block.row and block.outcome. */
export function matchHalves(
  rows: ConnectionRows,
  half: Halves,
  from: number,
  slots: AgentSlots,
  leave: Leave,
): void {
  const { block } = rows.memory;
  claimSlots(block, half.slot, from, slots);
  canonicalise(block, half, from, rows.seed, rows.index);
  findCells(rows);
  rows.memory.partHalves();
  // None of them stands anywhere yet.
  block.row.fill(-1, 0, block.count);
  const leaveWithHalves = leavingWith(rows, half, from, slots, leave);
  joinHalves(rows, half, from, leaveWithHalves);
  beginHalves(rows, half, from, leaveWithHalves);
  slots.setAll(half.slot, from, block);
}

/**
 * What stands under a key leaves in the midst of a block, and so do halves that have come to it with this block: their slots
 * lead to their row while it leaves, as those of all others do, and to nothing afterwards.
 */
function leavingWith(
  rows: ConnectionRows,
  half: Halves,
  from: number,
  slots: AgentSlots,
  leave: Leave,
): Leave {
  return (row) => {
    const { order, row: standing, side, first, ordered } = rows.memory.block;
    const leaving = new Set([row, ...rows.olderThan(row)]);
    const left: number[] = [];
    for (let k = 0; k < ordered; k++) {
      const own = standing[order[k]!]!;
      if (!leaving.has(own) || first[k] !== own << rowShift) continue;
      slots.set(half.slot[from + order[k]!]!, own, side[k]!);
      left.push(k);
    }
    leave(row);
    for (const k of left) {
      standing[order[k]!] = row;
      first[k] = -1;
      slots.willBeFreed();
    }
  };
}

/** One use more of the key of tuple `at`, of which everything is elsewhere from then on. @returns its stub, or -1 for want of room */
export function retainKey(rows: ConnectionRows, tuples: Halves, at: number, leave: Leave): number {
  const { block } = rows.memory;
  block.count = 1;
  block.ordered = 1;
  block.order[0] = 0;
  canonicalise(block, tuples, at, rows.seed, rows.index);
  if (!seekKey(block, 0, rows.index, rows.words)) {
    if (block.cell[0]! < 0 || rows.store.takeAll(block.taken, 1) === 0) return -1;
    fileRow(rows, 0, block.taken[0]!);
    block.first[0] = block.taken[0]!;
  }
  const row = block.first[0]! >> rowShift;
  standElsewhere(rows, row, leave);
  return row;
}
