/**
 * Whether a connection is open, and how it leaves: it is over when no end is open, lingers, is forgotten, and its row is free
 * as soon as its sockets are gone too.
 */
import { closedWord, edgeWord, facts, factsWord, holderWord, lifeOf, rowShift } from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import type { EdgeCounts } from './edge-counts.ts';
import type { RowQueue } from './row-queue.ts';
import { never } from './ticks.ts';

/** What closing changes beside the rows. */
export interface Closing {
  readonly edges: EdgeCounts;
  /** What is over, in the order in which it came to be, with the tick of its end. */
  readonly over: RowQueue;
  /** Connections that were forgotten before their time because too many lingered. */
  evicted: number;
}

const notOpen = facts.goneA | facts.goneB | facts.restingA | facts.restingB | facts.over;

/** An end's socket is gone. What is over already was so before. */
export function markGone(words: Int32Array, first: number, side: number, tick: number): void {
  const known = words[first + factsWord]!;
  words[first + factsWord] = known | (facts.goneA << side);
  if ((known & facts.over) === 0 && tick > words[first + closedWord]!) words[first + closedWord] = tick;
}

/** Opens or closes a connection as its ends are. @param tick when it is over, if no socket of it is gone yet */
export function settle(rows: ConnectionRows, row: number, tick: number, { edges, over }: Closing): void {
  const first = row << rowShift;
  const { words } = rows;
  const known = words[first + factsWord]!;
  // What is there and is neither gone nor resting is open, and was before.
  if ((known & notOpen) === 0) return;
  const isOver = (known & facts.over) !== 0;
  if (isOver === !hasOpenEnd(words, first, known)) return;
  const edge = words[first + edgeWord]! - 1;
  if (isOver) {
    words[first + factsWord] = known & ~facts.over;
    // What is gone was there until then: it is over then at the earliest.
    if ((known & (facts.goneA | facts.goneB)) === 0) words[first + closedWord] = never;
    if (edge >= 0) edges.countOpen(edge, 1);
    return;
  }
  words[first + factsWord] = known | facts.over;
  if (words[first + closedWord] === never) words[first + closedWord] = tick;
  if (edge >= 0) edges.countOpen(edge, -1);
  over.push(row, lifeOf(known), words[first + closedWord]!);
}

function hasOpenEnd(words: Int32Array, first: number, known: number): boolean {
  const a = words[first + holderWord] !== 0 && (known & (facts.goneA | facts.restingA)) === 0;
  return a || (words[first + holderWord + 1] !== 0 && (known & (facts.goneB | facts.restingB)) === 0);
}

/** Whether no slot stands for an end of it any more. */
export function hasNoSocket(words: Int32Array, first: number): boolean {
  const known = words[first + factsWord]!;
  const a = words[first + holderWord] === 0 || (known & facts.goneA) !== 0;
  return a && (words[first + holderWord + 1] === 0 || (known & facts.goneB) !== 0);
}

/** It leaves the live view; it stays in the totals of its edge. It must not be filed any more. */
export function forget(rows: ConnectionRows, row: number, edges: EdgeCounts): void {
  const first = row << rowShift;
  const { words } = rows;
  const edge = words[first + edgeWord]! - 1;
  if (edge >= 0 && (words[first + factsWord]! & facts.over) === 0) edges.countOpen(edge, -1);
  words[first + edgeWord] = 0;
  words[first + factsWord]! |= facts.forgotten;
  rows.forgot(row);
  if (hasNoSocket(words, first)) rows.free(row);
}
