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
import { type Block, outcomes } from './block.ts';
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

/** Takes the halves of block.known, which have a row. Fills block.row and block.outcome. */
export function joinHalves(
  block: Block,
  rows: ConnectionRows,
  half: HalfColumns,
  from: number,
  leave: Leave,
): void {
  const { known, knownCount } = block;
  for (let j = 0; j < knownCount; j++) joinHalf(block, known[j]!, rows, half, from, leave);
}

export function joinHalf(
  block: Block,
  k: number,
  rows: ConnectionRows,
  half: HalfColumns,
  from: number,
  leave: Leave,
): void {
  const { words } = rows;
  const i = block.order[k]!;
  const told = from + i;
  const side = block.side[k]!;
  const opened = half.opened[told]!;
  const bornAfter = half.bornAfter[told]!;
  let at = block.first[k]!;
  let made = relate(words, at, side, opened, bornAfter);
  if (made > outcomes.joined) {
    made = joinUnusual(block, k, rows, made, leave);
    at = block.first[k]!;
  }
  block.outcome[i] = made;
  block.row[i] = at >> rowShift;
  if (made > outcomes.joined) return;
  words[at + holderWord + side] = half.holder[told]! + 1;
  words[at + openedWord + side] = opened;
  if (bornAfter > words[at + bornAfterWord]!) words[at + bornAfterWord] = bornAfter;
  words[at + factsWord] = learn(words[at + factsWord]!, evidenceOfEnd(side, half.evidence[told]!));
}

/** What becomes of a half that is not the other end. May give it another row. */
function joinUnusual(block: Block, k: number, rows: ConnectionRows, made: number, leave: Leave): number {
  const { first, cell } = block;
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
  for (let later = k; later < block.ordered; later++)
    if (cell[later] === cell[k]) first[later] = row << rowShift;
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
