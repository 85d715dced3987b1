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

/** Fills block.row and block.outcome, and the slots that the halves have claimed. */
export function joinHalves(
  block: Block,
  rows: ConnectionRows,
  half: HalfColumns,
  from: number,
  slots: AgentSlots,
  leave: Leave,
): void {
  const { order, first, side, outcome, row, ordered } = block;
  const { words } = rows;
  const { lone, joined, refused } = outcomes;
  for (let k = 0; k < ordered; k++) {
    const i = order[k]!;
    const told = from + i;
    const end = side[k]!;
    const opened = half.opened[told]!;
    const bornAfter = half.bornAfter[told]!;
    let at = first[k]!;
    let made: number = at < 0 ? refused : relate(words, at, end, opened, bornAfter);
    if (made > joined) {
      made = joinUnusual(block, k, rows, made, leave);
      at = first[k]!;
    }
    outcome[i] = made;
    row[i] = at >> rowShift;
    if (made === refused) {
      slots.free(half.slot[told]!);
      continue;
    }
    slots.set(half.slot[told]!, (at >> (rowShift - 1)) | end);
    if (made > joined) continue;
    if (made === lone) begin(rows, at);
    add(words, at, end, half.holder[told]!, opened, bornAfter, half.evidence[told]!);
  }
}

/** What becomes of a half that is neither alone nor the other end. May give it another row. */
function joinUnusual(block: Block, k: number, rows: ConnectionRows, made: number, leave: Leave): number {
  const { first, cell } = block;
  if (made === outcomes.elsewhere) standElsewhere(rows, first[k]! >> rowShift, leave);
  if (made !== outcomes.next) return made;
  const row = rows.succeed(cell[k]!);
  if (row < 0) return outcomes.refused;
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
  if ((own | other) === 0) return isSelf(words, first) ? outcomes.elsewhere : outcomes.lone;
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

function isSelf(words: Int32Array, first: number): boolean {
  const ports = words[first + 2]!;
  return words[first] === words[first + 1] && ports >>> 16 === (ports & 0xffff);
}

function begin(rows: ConnectionRows, first: number): void {
  rows.begin(first >> rowShift);
  rows.words[first + bornAfterWord] = never;
  rows.words[first + closedWord] = never;
}

function add(
  words: Int32Array,
  first: number,
  side: number,
  holder: number,
  opened: number,
  bornAfter: number,
  told: number,
): void {
  words[first + holderWord + side] = holder + 1;
  words[first + openedWord + side] = opened;
  if (bornAfter > words[first + bornAfterWord]!) words[first + bornAfterWord] = bornAfter;
  const evidence = told & evidenceMask;
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
