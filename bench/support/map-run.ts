/** The peer that everybody writes first: a Map from a text of both endpoints to an object. */
import { cpuMs, openThreadClock } from './cpu-time.ts';
import { halfStream } from './half-stream.ts';

export interface MapRun {
  readonly openNs: number;
  /** Of heap. */
  readonly bytesPerConnection: number;
  /** Milliseconds that the longest block of 256 halves took of its thread. */
  readonly longestMs: number;
  readonly matched: number;
}

/** As much as a row of the core knows. */
interface Entry {
  readonly openedAtMs: number;
  holderA: number;
  holderB: number;
  facts: number;
  edge: number;
  bytesAToB: number;
  bytesBToA: number;
}

export function runMap(halfCount: number, collect: () => void): MapRun {
  const { halves, blocks } = halfStream(halfCount);
  collect();
  const before = process.memoryUsage().heapUsed;
  const entries = new Map<string, Entry>();
  const clock = openThreadClock();
  let matched = 0;
  let longestMs = 0;
  const openMs = cpuMs(() => {
    for (const { from, count } of blocks) {
      const begunMs = clock();
      for (let i = from; i < from + count; i++) matched += open(entries, halves, i);
      longestMs = Math.max(longestMs, clock() - begunMs);
    }
  });
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  return {
    openNs: (openMs * 1e6) / halfCount,
    bytesPerConnection: bytes / entries.size,
    longestMs,
    matched,
  };
}

function open(
  entries: Map<string, Entry>,
  halves: ReturnType<typeof halfStream>['halves'],
  i: number,
): number {
  const [local, remote, ports] = [halves.local[i]!, halves.remote[i]!, halves.ports[i]!];
  const [own, other] = [
    `${formatAddress(local)}:${ports >>> 16}`,
    `${formatAddress(remote)}:${ports & 0xffff}`,
  ];
  const isA = own <= other;
  const key = isA ? `${own}|${other}` : `${other}|${own}`;
  const holder = halves.holder[i]! + 1;
  const entry = entries.get(key);
  if (entry === undefined) {
    entries.set(key, {
      openedAtMs: halves.opened[i]!,
      holderA: isA ? holder : 0,
      holderB: isA ? 0 : holder,
      facts: 0,
      edge: 0,
      bytesAToB: 0,
      bytesBToA: 0,
    });
    return 0;
  }
  if (isA) entry.holderA = holder;
  else entry.holderB = holder;
  return 1;
}

function formatAddress(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}
