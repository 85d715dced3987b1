/** Forgets, a block at a time, what is over and lingered long enough or is too much. */
import { type Block, blockMax } from './block.ts';
import { type Closing, forget } from './closing.ts';
import { closedWord, facts, factsWord, lifeOf, rowShift } from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import { isQueuedLife, queuedRow, type RowQueue } from './row-queue.ts';
import { fetchHomes } from './slot-passes.ts';

export interface LingerTicks {
  readonly lingerTicks: number;
  readonly lingerMax: number;
}

/** What the block's columns mean here: the entry of the queue, and its tick. */
const entryColumn = 'place';
const tickColumn = 'ports';

/** @returns whether there may be more that is due */
export function forgetBlock(
  rows: ConnectionRows,
  closing: Closing,
  limits: LingerTicks,
  tick: number,
): boolean {
  const { block } = rows.memory;
  takeDue(block, closing.over, limits, tick);
  rows.memory.fetchRows();
  fetchHomes(rows);
  for (let i = 0; i < block.count; i++) {
    if (!isStillOver(rows.words, block[entryColumn][i]!, block[tickColumn][i]!)) continue;
    if (tick - block[tickColumn][i]! < limits.lingerTicks) closing.evicted++;
    rows.unfile(block.row[i]!, block.hash[i]!);
    forget(rows, block.row[i]!, closing.edges);
  }
  return block.count === blockMax;
}

function takeDue(block: Block, over: RowQueue, { lingerTicks, lingerMax }: LingerTicks, tick: number): void {
  let count = 0;
  for (; count < blockMax && over.size > 0; count++) {
    if (tick - over.tick < lingerTicks && over.size <= lingerMax) break;
    block.order[count] = count;
    block[tickColumn][count] = over.tick;
    const entry = over.shift();
    block[entryColumn][count] = entry;
    block.row[count] = queuedRow(entry);
    block.first[count] = queuedRow(entry) << rowShift;
  }
  block.count = count;
  block.ordered = count;
}

/** Whether what an entry names came to its end at that tick, and lingers. */
function isStillOver(words: Int32Array, entry: number, tick: number): boolean {
  const first = queuedRow(entry) << rowShift;
  const known = words[first + factsWord]!;
  const state = known & (facts.over | facts.forgotten | facts.elsewhere);
  return isQueuedLife(entry, lifeOf(known)) && state === facts.over && words[first + closedWord] === tick;
}
