/**
 * Where a connection counts in the map: which end is the client, and in which edge it is. Both its ends are there; what has
 * one end alone is no matter of the core once its grace is over.
 *
 * Directions go by the rules of correlate/direction.ts, from strong to weak evidence, and are only replaced by stronger ones.
 */
import { type Addresses, isInterned } from './addresses.ts';
import { type Block, outcomes } from './block.ts';
import {
  bytesDouble,
  directionRules,
  edgeWord,
  facts,
  factsWord,
  holderWord,
  listensA,
  listensB,
  rowShift,
  ruleMask,
  ruleShift,
} from './connection-row.ts';
import type { ConnectionRows } from './connection-rows.ts';
import type { EdgeCounts } from './edge-counts.ts';
import type { Holders } from './holders.ts';
import type { Listening } from './listening.ts';

/** What places connections, beside their rows. */
export interface Surroundings {
  readonly holders: Holders;
  readonly listening: Listening;
  readonly edges: EdgeCounts;
  readonly addresses: Addresses;
}

/** Looks for a listener behind an end that is reported. @returns whether that is different from before */
export function listenFor(words: Int32Array, first: number, side: number, around: Surroundings): boolean {
  const known = words[first + factsWord]!;
  const bit = listensA << side;
  const netns = around.holders.netnsOf(words[first + holderWord + side]! - 1);
  const address = words[first + side]!;
  const isThere = around.listening.has(netns, portOf(words, first, side), address, isInterned(address));
  if (isThere === ((known & bit) !== 0)) return false;
  words[first + factsWord] = known ^ bit;
  return true;
}

/**
 * Decides the direction of each connection that a block completed, as far as that is known better, and counts it where it
 * belongs; it is placed from then on. In two passes, so that edges are fetched side by side.
 */
export function placeJoined(block: Block, rows: ConnectionRows, around: Surroundings): void {
  const { order, outcome, row, ordered } = block;
  const { words } = rows;
  let joined = 0;
  for (let k = 0; k < ordered; k++) {
    const i = order[k]!;
    const first = row[i]! << rowShift;
    if (outcome[i] !== outcomes.joined || (words[first + factsWord]! & facts.elsewhere) !== 0) continue;
    prepare(block, i, rows, row[i]!, around);
    order[joined++] = i;
  }
  for (let k = 0; k < joined; k++) commit(block, order[k]!, rows, row[order[k]!]!, around.edges);
}

/** The same for one that is placed already, when more is known of who began it: its count moves where it is turned round. */
export function placeAnew(block: Block, rows: ConnectionRows, row: number, around: Surroundings): void {
  const at = (row << rowShift) + factsWord;
  const before = rows.words[at]!;
  direct(rows.words, row << rowShift, around);
  const decided = rows.words[at]!;
  if (((before ^ decided) & facts.clientIsB) === 0) return;
  rows.words[at] = before;
  uncount(rows, row, around.edges);
  rows.words[at] = decided;
  prepare(block, 0, rows, row, around);
  commit(block, 0, rows, row, around.edges);
}

/** Decides its direction, and puts the key of its edge into the block's columns. */
function prepare(block: Block, i: number, rows: ConnectionRows, row: number, around: Surroundings): void {
  const first = row << rowShift;
  const { words } = rows;
  const { edges, holders } = around;
  direct(words, first, around);
  const server = (words[first + factsWord]! & facts.clientIsB) === 0 ? 1 : 0;
  const client = holders.nameOf(words[first + holderWord + 1 - server]! - 1);
  const name = holders.nameOf(words[first + holderWord + server]! - 1);
  const port = portOf(words, first, server);
  const scope = words[first + 3]! >> 1;
  const hash = edges.hashOf(client, name, port, scope);
  block.a[i] = client;
  block.b[i] = name;
  block.ports[i] = port;
  block.place[i] = scope;
  block.hash[i] = hash;
  block.fetched ^= edges.touch(hash);
}

function commit(block: Block, i: number, rows: ConnectionRows, row: number, edges: EdgeCounts): void {
  const first = row << rowShift;
  const { words } = rows;
  const known = words[first + factsWord]!;
  const edge = edges.count(block.hash[i]!, block.a[i]!, block.b[i]!, block.ports[i]!, block.place[i]!);
  words[first + factsWord] = known | facts.placed;
  words[first + edgeWord] = edge + 1;
  if (edge < 0) return;
  if ((known & facts.over) !== 0) edges.countOpen(edge, -1);
  if ((known & facts.counted) !== 0) countBytes(rows, first, edge, edges, 1);
}

/** Takes back what it counts in an edge. */
export function uncount(rows: ConnectionRows, row: number, edges: EdgeCounts): void {
  const first = row << rowShift;
  const { words } = rows;
  const edge = words[first + edgeWord]! - 1;
  if (edge < 0) return;
  const known = words[first + factsWord]!;
  if ((known & facts.counted) !== 0) countBytes(rows, first, edge, edges, -1);
  edges.uncount(edge, (known & facts.over) === 0);
  words[first + edgeWord] = 0;
}

function countBytes(
  { words, doubles }: ConnectionRows,
  first: number,
  edge: number,
  edges: EdgeCounts,
  sign: 1 | -1,
): void {
  const at = (first >> 1) + bytesDouble;
  const fromA = sign * doubles[at]!;
  const fromB = sign * doubles[at + 1]!;
  if ((words[first + factsWord]! & facts.clientIsB) === 0) edges.addBytes(edge, fromA, fromB);
  else edges.addBytes(edge, fromB, fromA);
}

/** port << 1 | 1 for UDP of that end. */
function portOf(words: Int32Array, first: number, side: number): number {
  const ports = words[first + 2]!;
  return ((side === 0 ? ports >>> 16 : ports & 0xffff) << 1) | (words[first + 3]! & 1);
}

function direct(words: Int32Array, first: number, around: Surroundings): void {
  const known = words[first + factsWord]!;
  const rule = (known & ruleMask) >>> ruleShift;
  if (rule === directionRules.listener) return;
  const a = (known & listensA) !== 0;
  const b = (known & listensB) !== 0;
  if (a !== b) decide(words, first, directionRules.listener, a);
  else if (rule < directionRules.handshake) directWithoutListener(words, first, known, rule, around);
}

function directWithoutListener(
  words: Int32Array,
  first: number,
  known: number,
  rule: number,
  { holders, addresses }: Surroundings,
): void {
  const trackedA = (known & facts.trackedA) !== 0;
  if ((known & (facts.dialedA | facts.dialedB)) !== 0) {
    decide(words, first, directionRules.handshake, (known & facts.dialedB) !== 0);
  } else if (trackedA !== ((known & facts.trackedB) !== 0)) {
    decide(words, first, directionRules.conntrack, !trackedA);
  } else {
    const a = isEphemeral(words, first, 0, holders);
    if (a !== isEphemeral(words, first, 1, holders)) {
      if (rule <= directionRules.port) decide(words, first, directionRules.port, !a);
    } else if (rule <= directionRules.unknown) {
      decide(words, first, directionRules.unknown, !isBehind(words, first, addresses));
    }
  }
}

function decide(words: Int32Array, first: number, rule: number, clientIsB: boolean): void {
  const others = words[first + factsWord]! & ~(ruleMask | facts.clientIsB);
  words[first + factsWord] = others | (rule << ruleShift) | (clientIsB ? facts.clientIsB : 0);
}

/** Whether end a has the higher port, and of equal ones the higher address: which half came first plays no part in it. */
function isBehind(words: Int32Array, first: number, addresses: Addresses): boolean {
  const ports = words[first + 2]!;
  const difference = (ports >>> 16) - (ports & 0xffff);
  return difference === 0 ? addresses.compare(words[first]!, words[first + 1]!) > 0 : difference > 0;
}

/** By the range of its own namespace. */
function isEphemeral(words: Int32Array, first: number, side: number, holders: Holders): boolean {
  return holders.isEphemeral(words[first + holderWord + side]! - 1, portOf(words, first, side) >>> 1);
}
