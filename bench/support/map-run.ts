/**
 * The peer that everybody writes first: a Map from a text of both endpoints to an object. It keeps what a row of the core tells,
 * and for each agent an array that leads from slots to objects, as the core does.
 */
import { never } from '../../aggregator/core/ticks.ts';
import { cpuMs, openThreadClock } from './cpu-time.ts';
import { type AgentBlock, type HalfStream, halfStream, hosts } from './half-stream.ts';

export interface MapRun {
  readonly openNs: number;
  /** Of heap. */
  readonly bytesPerConnection: number;
  /** Milliseconds that the longest block of 256 halves took of its thread. */
  readonly longestMs: number;
  readonly matched: number;
}

/** What a row of the core knows (connection-row.ts), each of it in a field. */
interface Entry {
  readonly addressA: number;
  readonly addressB: number;
  readonly ports: number;
  readonly place: number;
  holderA: number;
  holderB: number;
  openedA: number;
  openedB: number;
  bornAfter: number;
  facts: number;
  edge: number;
  closed: number;
  bytesAToB: number;
  bytesBToA: number;
}

export function runMap(halfCount: number, collect: () => void): MapRun {
  const { halves, blocks } = halfStream(halfCount);
  collect();
  const before = process.memoryUsage().heapUsed;
  const entries = new Map<string, Entry>();
  const slots = emptySlots(blocks);
  const clock = openThreadClock();
  let matched = 0;
  let longestMs = 0;
  const openMs = cpuMs(() => {
    for (const { agent, from, count } of blocks) {
      const begunMs = clock();
      for (let i = from; i < from + count; i++) matched += open(entries, slots[agent]!, halves, i);
      longestMs = Math.max(longestMs, clock() - begunMs);
    }
  });
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  if (slots.some((entriesOf) => entriesOf.includes(undefined))) throw new Error('a slot leads nowhere');
  return {
    openNs: (openMs * 1e6) / halfCount,
    bytesPerConnection: bytes / entries.size,
    longestMs,
    matched,
  };
}

/** Entries by agent and slot. They have room for all from the start: told out of order, they would become hash tables. */
function emptySlots(blocks: readonly AgentBlock[]): (Entry | undefined)[][] {
  const counts = new Uint32Array(hosts);
  for (const { agent, count } of blocks) counts[agent]! += count;
  return Array.from(counts, (count) => Array.from({ length: count }, () => undefined));
}

/** @returns whether it completes a connection: 1, else 0 */
function open(
  entries: Map<string, Entry>,
  slots: (Entry | undefined)[],
  halves: HalfStream,
  i: number,
): number {
  const [local, remote, ports] = [halves.local[i]!, halves.remote[i]!, halves.ports[i]!];
  const [own, other] = [
    `${formatAddress(local)}:${ports >>> 16}`,
    `${formatAddress(remote)}:${ports & 0xffff}`,
  ];
  const isA = own <= other;
  const key = isA ? `${own}|${other}` : `${other}|${own}`;
  const known = entries.get(key);
  const entry = known ?? newEntry(halves, i, isA);
  if (known === undefined) entries.set(key, entry);
  learn(entry, halves, i, isA);
  slots[halves.slot[i]!] = entry;
  return known === undefined ? 0 : 1;
}

function newEntry({ local, remote, ports, place }: HalfStream, i: number, isA: boolean): Entry {
  const turned = (ports[i]! << 16) | (ports[i]! >>> 16);
  return {
    addressA: isA ? local[i]! : remote[i]!,
    addressB: isA ? remote[i]! : local[i]!,
    ports: isA ? ports[i]! : turned,
    place: place[i]!,
    holderA: 0,
    holderB: 0,
    openedA: 0,
    openedB: 0,
    bornAfter: never,
    facts: 0,
    edge: 0,
    closed: never,
    bytesAToB: 0,
    bytesBToA: 0,
  };
}

function learn(
  entry: Entry,
  { holder, opened, bornAfter, evidence }: HalfStream,
  i: number,
  isA: boolean,
): void {
  if (isA) {
    entry.holderA = holder[i]! + 1;
    entry.openedA = opened[i]!;
  } else {
    entry.holderB = holder[i]! + 1;
    entry.openedB = opened[i]!;
  }
  entry.bornAfter = Math.max(entry.bornAfter, bornAfter[i]!);
  entry.facts |= evidence[i]!;
}

function formatAddress(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}
