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
import { columnAt, outcomes } from './block.ts';
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
import type { Halves } from './halves.ts';
import { retainStub } from './stubs.ts';
import { isClearlyOne, isClearlyTwo, never } from './ticks.ts';

/** Columns of the block. */
const orderAt = columnAt('order');
const sideAt = columnAt('side');
const firstAt = columnAt('first');
const knownAt = columnAt('known');
const rowAt = columnAt('row');
const outcomeAt = columnAt('outcome');

/** Takes what is in that row out of the core and makes it a stub. */
export type Leave = (row: number) => void;

/** Takes the halves of block.known, which have a row. Fills block.row and block.outcome. */
export function joinHalves(rows: ConnectionRows, half: Halves, from: number, leave: Leave): void {
  const { words: own, knownCount } = rows.memory.block;
  const columns = openedColumns(half, from);
  for (let j = 0; j < knownCount; j++) joinHalf(rows, own[knownAt + j]!, columns, leave);
}

export function joinHalf(rows: ConnectionRows, k: number, columns: OpenedColumns, leave: Leave): void {
  const { words, memory } = rows;
  const { words: own } = memory.block;
  const { words: told } = columns;
  const i = own[orderAt + k]!;
  const side = own[sideAt + k]!;
  const opened = told[columns.opened + i]!;
  const bornAfter = told[columns.bornAfter + i]!;
  let at = own[firstAt + k]!;
  let made = relate(words, at, side, opened, bornAfter);
  if (made > outcomes.joined) {
    made = joinUnusual(k, rows, made, leave);
    at = own[firstAt + k]!;
  }
  own[outcomeAt + i] = made;
  own[rowAt + i] = at >> rowShift;
  if (made > outcomes.joined) return;
  words[at + holderWord + side] = told[columns.holder + i]! + 1;
  words[at + openedWord + side] = opened;
  if (bornAfter > words[at + bornAfterWord]!) words[at + bornAfterWord] = bornAfter;
  const evidence = evidenceOfEnd(side, told[columns.evidence + i]!);
  words[at + factsWord] = learn(words[at + factsWord]!, evidence);
}

/** Where what is told of halves, beside their tuples, begins in their words. */
export interface OpenedColumns {
  readonly words: Int32Array;
  readonly holder: number;
  readonly opened: number;
  readonly bornAfter: number;
  readonly evidence: number;
}

/** @param from the first half of the block */
export function openedColumns(half: Halves, from: number): OpenedColumns {
  return {
    words: half.words,
    holder: half.columnAt('holder') + from,
    opened: half.columnAt('opened') + from,
    bornAfter: half.columnAt('bornAfter') + from,
    evidence: half.columnAt('evidence') + from,
  };
}

/** What becomes of a half that is not the other end. May give it another row. */
function joinUnusual(k: number, rows: ConnectionRows, made: number, leave: Leave): number {
  const { first, cell, ordered } = rows.memory.block;
  if (made === outcomes.elsewhere) {
    standElsewhere(rows, first[k]! >> rowShift, leave);
    return made;
  }
  const row = rows.succeed(cell[k]!);
  if (row < 0) {
    first[k] = -1;
    return outcomes.refused;
  }
  rows.begin(row);
  rows.words[(row << rowShift) + bornAfterWord] = never;
  rows.words[(row << rowShift) + closedWord] = never;
  // Whoever comes later to this key comes to that row.
  for (let later = k; later < ordered; later++) if (cell[later] === cell[k]) first[later] = row << rowShift;
  return outcomes.lone;
}

function relate(words: Int32Array, first: number, side: number, opened: number, bornAfter: number): number {
  const known = words[first + factsWord]!;
  const own = words[first + holderWord + side]!;
  const other = words[first + holderWord + 1 - side]!;
  if ((known & facts.elsewhere) !== 0) return outcomes.elsewhere;
  // Nobody is there yet: a socket connected to itself.
  if ((own | other) === 0) return outcomes.elsewhere;
  const otherOpened = words[first + openedWord + 1 - side]!;
  if (own !== 0) {
    const bothGone = facts.goneA | facts.goneB;
    const isPast = other !== 0 && (known & bothGone) === bothGone;
    // After the birth of the other end, and after all that is known of its life.
    const since = Math.max(otherOpened, words[first + closedWord]!);
    return isPast && isClearlyTwo(bornAfter, since) ? outcomes.next : outcomes.elsewhere;
  }
  const latestLook = Math.max(words[first + bornAfterWord]!, bornAfter);
  if (!isClearlyOne(latestLook, Math.min(otherOpened, opened))) return outcomes.elsewhere;
  const isGone = (known & (facts.goneA << (1 - side))) !== 0;
  return isGone && !isClearlyOne(opened, words[first + closedWord]!) ? outcomes.elsewhere : outcomes.joined;
}

export function isSelf(words: Int32Array, first: number): boolean {
  const ports = words[first + 2]!;
  return words[first] === words[first + 1] && ports >>> 16 === (ports & 0xffff);
}

/** Evidence of a half that is that end. */
export function evidenceOfEnd(side: number, told: number): number {
  const evidence = told & evidenceMask;
  return (evidence & (side - 1)) | (turned(evidence) & -side);
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
