/**
 * A connection in the core: 16 words of 32 bits, one cache line.
 *
 *     0   address a       IPv4 as a signed number, or a tagged id (addresses.ts); a is the lesser endpoint, in signed order
 *     1   address b
 *     2   ports           of a << 16 | of b
 *     3   place           scope id << 1 | 1 for UDP
 *     4   holder a        + 1: who has the socket of that end (holders.ts); 0 = not reported
 *     5   holder b
 *     6   opened a        tick (ticks.ts) by which that end had come into being
 *     7   opened b
 *     8   born after      latest tick at which a look at either end did not show it; `never` = nobody looked
 *     9   facts           bits, below
 *     10  edge            + 1 (edge-counts.ts); 0 = counts in none
 *     11  closed          tick of its end, while no end is open; else until when an end that is gone was there
 *     12  bytes a to b    a double: the highest count that either end told
 *     14  bytes b to a    a double
 *
 * Words 0 to 3 are its key. In a free row all others but the facts are 0.
 */
export const rowShift = 4;

export const holderWord = 4;
export const openedWord = 6;
export const bornAfterWord = 8;
export const factsWord = 9;
export const edgeWord = 10;
export const closedWord = 11;
/** In doubles from the start of a row: the bytes that leave end a; those of end b follow. */
export const bytesDouble = 6;

/** 0 = a, 1 = b. */
export type SideBit = 0 | 1;

/** Bits of the facts word. Those of end b stand one higher than those of end a. */
export const facts = {
  /** That end's socket is gone. */
  goneA: 1 << 0,
  goneB: 1 << 1,
  /** That end's socket is there and remembers only (TIME_WAIT). */
  restingA: 1 << 2,
  restingB: 1 << 3,
  /** That end dialed, as the handshake showed. At most one of the two is set. */
  dialedA: 1 << 4,
  dialedB: 1 << 5,
  /** That end dialed, as conntrack of an end tells. Both = it contradicts itself. */
  trackedA: 1 << 6,
  trackedB: 1 << 7,
  /** Seen in a state that a peer must have answered to reach. */
  established: 1 << 8,
  /** Of the decided direction; means nothing before `placed`. */
  clientIsB: 1 << 9,
  /** Its place in the map is decided. */
  placed: 1 << 10,
  /** No end is open. */
  over: 1 << 11,
  /** It is found by its key. Of the connections that had a four-tuple one after the other the youngest is. */
  filed: 1 << 12,
  /** A stub: what stands under this key is in the table of the unusual. Word 6 counts its uses. */
  elsewhere: 1 << 13,
  /** It left the live view, and is here only until its sockets are gone. */
  forgotten: 1 << 14,
  /** Somebody counted its bytes. */
  counted: 1 << 15,
} as const;

/**
 * What a half may tell, as facts about end a where it is that end: that it rests itself, and who dialed. Whether the other end
 * rests or is gone is for the other end to tell.
 */
export const evidenceMask = 0x1f4;

/** The same evidence of a half that is end b. */
export function turned(evidence: number): number {
  return ((evidence & 0x55) << 1) | ((evidence & 0xaa) >>> 1) | (evidence & facts.established);
}

/** Three bits say which rule decided the direction: see directionRules. */
export const ruleShift = 16;
export const ruleMask = 7 << ruleShift;

/** From none to the strongest; a decision is replaced by a stronger one alone. */
export const directionRules = {
  undecided: 0,
  unknown: 1,
  port: 2,
  conntrack: 3,
  handshake: 4,
  listener: 5,
} as const;

/** A listener was behind that end when it was looked for last. */
export const listensA = 1 << 19;
export const listensB = 1 << 20;

/**
 * The bits above number the lives of a row, one connection after the other: an entry of a queue that names another life names
 * nothing.
 */
export const lifeShift = 21;

export function lifeOf(factsOfRow: number): number {
  return factsOfRow >>> lifeShift;
}

/** Whether a connection of the live view is in that row. */
export function isLive(words: Int32Array, row: number): boolean {
  const first = row << rowShift;
  const isTaken = (words[first + holderWord]! | words[first + holderWord + 1]!) !== 0;
  return isTaken && (words[first + factsWord]! & (facts.elsewhere | facts.forgotten)) === 0;
}
