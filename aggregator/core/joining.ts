/**
 * What an opened half makes of the row under its key. The core joins only where nothing else could be meant:
 *
 *     nobody there                                   it begins a connection
 *     the other end alone, of the same birth         it completes it
 *     both ends, gone clearly before its birth       it begins the next connection of that four-tuple
 *
 * All else is unusual (a rival, a missed close, a birth that does not fit or that rounding leaves open, a socket connected to
 * itself) and leaves the core together with what stands there: which of them belong together is decided elsewhere, with
 * everything that is known. Nothing is guessed here.
 */
import type { AgentSlots } from './agent-slots.ts';
import { type Block, type Group, outcomes } from './block.ts';
import {
  bornAfterWord,
  closedWord,
  evidenceMask,
  facts,
  factsWord,
  holderWord,
  openedWord,
  rowShift,
  turned,
} from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import { retainStub } from './stubs.ts';
import { isClearlyOne, isClearlyTwo, never } from './ticks.ts';

/** What else is told of opened halves, beside their tuples (open-passes.ts). */
export interface HalfColumns {
  readonly slot: Int32Array;
  /** Numbers of holders.ts. */
  readonly holder: Int32Array;
  /** Ticks. */
  readonly opened: Int32Array;
  readonly bornAfter: Int32Array;
  /** Facts about end a of a half that is end a: restingA, dialedA, dialedB, trackedA, trackedB, established. */
  readonly evidence: Int32Array;
}

/** Takes what is in that row out of the core and makes it a stub. */
export type Leave = (row: number) => void;

/** Fills block.row and block.outcome, and the slots that the halves have claimed. */
export function joinHalves(
  block: Block,
  { cells, from, to }: Group,
  rows: ConnectionRows,
  half: HalfColumns,
  first: number,
  slots: AgentSlots,
  leave: Leave,
): void {
  const { order, cell, outcome } = block;
  const { words } = rows;
  for (let k = from; k < to; k++) {
    const i = order[k]!;
    const at = cell[i]!;
    const slot = half.slot[first + i]!;
    const side = block.side[i]!;
    let row = at < 0 ? -1 : cells.words[at + 1]! - 1;
    let made: number = outcomes.refused;
    if (row >= 0) {
      made = relate(words, row << rowShift, side, half, first + i);
      if (made === outcomes.next) {
        row = rows.succeed(cells.words, at);
        made = row < 0 ? outcomes.refused : outcomes.lone;
      }
    }
    if (made === outcomes.refused) {
      outcome[i] = made;
      slots.take(slot);
      continue;
    }
    if (made === outcomes.elsewhere) standElsewhere(rows, row, leave);
    else {
      if (made === outcomes.lone) begin(rows, row);
      add(words, row << rowShift, side, half, first + i);
    }
    block.row[i] = row;
    outcome[i] = made;
    slots.set(slot, row, side);
  }
}

function relate(words: Int32Array, first: number, side: number, half: HalfColumns, at: number): number {
  const known = words[first + factsWord]!;
  const own = words[first + holderWord + side]!;
  const other = words[first + holderWord + 1 - side]!;
  if ((known & facts.elsewhere) !== 0) return outcomes.elsewhere;
  if ((own | other) === 0) return isSelf(words, first) ? outcomes.elsewhere : outcomes.lone;
  const otherOpened = words[first + openedWord + 1 - side]!;
  if (own !== 0) {
    const bothGone = facts.goneA | facts.goneB;
    const isPast = other !== 0 && (known & bothGone) === bothGone;
    // After the birth of the other end, and after all that is known of its life.
    const since = Math.max(otherOpened, words[first + closedWord]!);
    return isPast && isClearlyTwo(half.bornAfter[at]!, since) ? outcomes.next : outcomes.elsewhere;
  }
  const opened = half.opened[at]!;
  const bornAfter = Math.max(words[first + bornAfterWord]!, half.bornAfter[at]!);
  if (!isClearlyOne(bornAfter, Math.min(otherOpened, opened))) return outcomes.elsewhere;
  const isGone = (known & (facts.goneA << (1 - side))) !== 0;
  return isGone && !isClearlyOne(opened, words[first + closedWord]!) ? outcomes.elsewhere : outcomes.joined;
}

function isSelf(words: Int32Array, first: number): boolean {
  const ports = words[first + 2]!;
  return words[first] === words[first + 1] && ports >>> 16 === (ports & 0xffff);
}

function begin(rows: ConnectionRows, row: number): void {
  const first = row << rowShift;
  rows.begin(row);
  rows.words[first + bornAfterWord] = never;
  rows.words[first + closedWord] = never;
}

function add(words: Int32Array, first: number, side: number, half: HalfColumns, at: number): void {
  words[first + holderWord + side] = half.holder[at]! + 1;
  words[first + openedWord + side] = half.opened[at]!;
  const bornAfter = half.bornAfter[at]!;
  if (bornAfter > words[first + bornAfterWord]!) words[first + bornAfterWord] = bornAfter;
  const evidence = half.evidence[at]! & evidenceMask;
  words[first + factsWord] = learn(words[first + factsWord]!, side === 0 ? evidence : turned(evidence));
}

/** The handshake is known by who showed it first. */
export function learn(known: number, evidence: number): number {
  const dialed = facts.dialedA | facts.dialedB;
  return (known & dialed) === 0 ? known | evidence : known | (evidence & ~dialed);
}

/** One use more of the stub under a key, which is made where there is none. */
export function standElsewhere(rows: ConnectionRows, row: number, leave: Leave): void {
  const { words } = rows;
  const first = row << rowShift;
  if ((words[first + factsWord]! & facts.filed) === 0) rows.begin(row);
  if ((words[first + factsWord]! & facts.elsewhere) === 0) leave(row);
  retainStub(rows, row);
}
