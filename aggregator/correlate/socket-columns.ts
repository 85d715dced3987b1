/**
 * What stands beside the core for each half of a plain connection, by half (row << 1 | end): what the core rounds or has no
 * use for. A half has one cache line, in which all stands that counting it touches, and some columns of their own for what is
 * asked for rarely. Memory is reserved for the most halves, and taken as it is written to.
 *
 *     line   double 0   sent          bytes, as last counted; NaN where nobody has counted them
 *                   1   received
 *                   2   opened        ms, as ReportedSocket has it
 *                   3   closed        ms; NaN while it is there
 *                   4   id            the agent's number. Of kept ones alone, as all that follows but for the next three
 *            word  10   round trip    us, as last counted
 *                  11   retransmits
 *                  12   unseen        for how many ms before it was opened nobody had looked; `neverLooked` = unknown
 *                  13   inode
 *                  14   fd            of the one owner; noFd where it has none
 *                  15   owner         who has it, and in which epoch of its agent (kept-owners.ts)
 *     slot              the agent's, while it is there
 *     unshown           once it is closed: for how many ms before that no look had shown it as established (lives.ts)
 *     marks             bits, below
 *
 * Slot and unshown share a word, as a closed socket has no slot.
 */
import { neverLooked } from '../../wire/protocol.ts';
import { alignedWords } from '../core/aligned-words.ts';

/** Of a line, to its first double and its first word. */
const doublesShift = 3;
export const lineShift = 4;

export const doubleOf = { sent: 0, received: 1, opened: 2, closed: 3, id: 4 } as const;

export const wordOf = { rttUs: 10, retransmits: 11, unseen: 12, inode: 13, fd: 14, owner: 15 } as const;

export const marks = {
  /** All of the socket is in these columns; else it is an object of whoever told it. */
  kept: 1 << 0,
  /** Conntrack of its host tells that it dialed, or that it was dialed; nothing is translated. */
  trackedClient: 1 << 1,
  trackedServer: 1 << 2,
} as const;

export const noFd = 0xffffffff;

/** Whether there is room for when a socket came into being: whole milliseconds, of which some 49 days were not looked at. */
export function isBirthKept(openedAtMs: number, notBeforeMs: number): boolean {
  const unseenMs = openedAtMs - notBeforeMs;
  return notBeforeMs === 0 || (unseenMs >= 0 && unseenMs < neverLooked && Number.isInteger(unseenMs));
}

/** The highest that `unshown` can tell: 49 days, which stand for ever. */
const unshownMax = 0xffffffff;

export class SocketColumns {
  /** All lines; a line begins at half << lineShift. */
  readonly lines: Int32Array;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  /** Slot or unshown. */
  readonly #ends: Uint32Array;
  readonly #marks: Uint8Array;

  /** @param max halves */
  constructor(max: number) {
    this.lines = alignedWords(max << lineShift);
    const { buffer, byteOffset, length } = this.lines;
    this.#words = new Uint32Array(buffer, byteOffset, length);
    this.#doubles = new Float64Array(buffer, byteOffset, length / 2);
    this.#ends = new Uint32Array(max);
    this.#marks = new Uint8Array(max);
  }

  /** A half that begins: it is there, and nobody has counted it. */
  begin(half: number, openedAtMs: number, notBeforeMs: number): void {
    const first = half << doublesShift;
    const unseen = notBeforeMs === 0 ? neverLooked : openedAtMs - notBeforeMs;
    const doubles = this.#doubles;
    doubles[first + doubleOf.sent] = Number.NaN;
    doubles[first + doubleOf.opened] = openedAtMs;
    doubles[first + doubleOf.closed] = Number.NaN;
    this.#words[(half << lineShift) + wordOf.unseen] = unseen;
    this.#marks[half] = 0;
  }

  /** @param column of doubleOf */
  double(half: number, column: number): number {
    return this.#doubles[(half << doublesShift) + column]!;
  }

  setDouble(half: number, column: number, value: number): void {
    this.#doubles[(half << doublesShift) + column] = value;
  }

  /** @param column of wordOf */
  word(half: number, column: number): number {
    return this.#words[(half << lineShift) + column]!;
  }

  setWord(half: number, column: number, value: number): void {
    this.#words[(half << lineShift) + column] = value;
  }

  /** As ReportedSocket has it. */
  notBeforeMs(half: number): number {
    const unseenMs = this.word(half, wordOf.unseen);
    return unseenMs === neverLooked ? 0 : this.double(half, doubleOf.opened) - unseenMs;
  }

  slotOf(half: number): number {
    return this.#ends[half]!;
  }

  setSlot(half: number, slot: number): void {
    this.#ends[half] = slot;
  }

  /** Until when a look has shown it as established, which is closed. */
  establishedUntilMs(half: number): number {
    return this.double(half, doubleOf.closed) - this.#ends[half]!;
  }

  /** The same is told. It must be closed already, and has no slot from now on. */
  setEstablishedUntil(half: number, untilMs: number): void {
    const unshownMs = Math.ceil(this.double(half, doubleOf.closed) - untilMs);
    this.#ends[half] = Math.min(unshownMax, Math.max(0, unshownMs));
  }

  isClosed(half: number): boolean {
    return !Number.isNaN(this.double(half, doubleOf.closed));
  }

  /** Whether somebody counted its bytes. */
  isCounted(half: number): boolean {
    return !Number.isNaN(this.double(half, doubleOf.sent));
  }

  has(half: number, mark: number): boolean {
    return (this.#marks[half]! & mark) !== 0;
  }

  mark(half: number, mark: number): void {
    this.#marks[half]! |= mark;
  }

  unmark(half: number, mark: number): void {
    this.#marks[half]! &= ~mark;
  }

  /** Takes counters as they are. @returns whether that is new */
  setCounts(half: number, sent: number, received: number, rttUs: number, retransmits: number): boolean {
    const first = half << doublesShift;
    const doubles = this.#doubles;
    const word = half << lineShift;
    const words = this.#words;
    const isSame =
      doubles[first + doubleOf.sent] === sent &&
      doubles[first + doubleOf.received] === received &&
      words[word + wordOf.rttUs] === rttUs &&
      words[word + wordOf.retransmits] === retransmits;
    if (isSame) return false;
    doubles[first + doubleOf.sent] = sent;
    doubles[first + doubleOf.received] = received;
    words[word + wordOf.rttUs] = rttUs;
    words[word + wordOf.retransmits] = retransmits;
    return true;
  }

  /** Takes what counters have grown by, as grownBy of model/socket-counters has it. @returns as setCounts */
  grow(half: number, sent: number, received: number, rttUs: number): boolean {
    const first = half << doublesShift;
    const doubles = this.#doubles;
    const known = doubles[first + doubleOf.sent]!;
    if (Number.isNaN(known)) return this.setCounts(half, sent, received, rttUs, 0);
    const rttAt = (half << lineShift) + wordOf.rttUs;
    const isSame = sent === 0 && received === 0 && (rttUs === 0 || this.#words[rttAt] === rttUs);
    if (isSame) return false;
    doubles[first + doubleOf.sent] = Math.min(Number.MAX_SAFE_INTEGER, known + sent);
    doubles[first + doubleOf.received] = Math.min(
      Number.MAX_SAFE_INTEGER,
      doubles[first + doubleOf.received]! + received,
    );
    if (rttUs !== 0) this.#words[rttAt] = rttUs;
    return true;
  }
}
