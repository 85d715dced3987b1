/** One run of the core over all halves of a stream, in a process of its own: what it cost and took. */
import { writeFileSync } from 'node:fs';
import { CoreFleet } from './core-fleet.ts';
import { cpuMs } from './cpu-time.ts';
import { type HalfStream, halfStream } from './half-stream.ts';

export interface CoreRun {
  /** Nanoseconds of CPU per half. */
  readonly growNs: number;
  readonly matchNs: number;
  readonly openNs: number;
  readonly closeNs: number;
  /** Per connection. */
  readonly expireNs: number;
  readonly bytesPerConnection: number;
  /** Milliseconds that the longest block of 256 halves took of its thread while the table grew from nothing. */
  readonly longestMs: number;
  readonly matched: number;
  readonly left: number;
}

/** @param columnsFile where the columns are written for the peer in C; see hash-join.c */
export function runCore(halfCount: number, columnsFile: string | null): CoreRun {
  const stream = halfStream(halfCount);
  if (columnsFile !== null) writeColumns(stream.halves, halfCount, columnsFile);
  const connections = halfCount / 2;
  warmUp();
  const fleet = new CoreFleet(connections);
  let longestMs = 0;
  // Memory that was used before is cleared when it is given out again, so this comes first.
  const growMs = cpuMs(() =>
    fleet.openAll(stream, (ms) => {
      longestMs = Math.max(longestMs, ms);
    }),
  );
  const bytesPerConnection = fleet.bytes / connections;
  cpuMs(() => fleet.closeAll(stream));
  cpuMs(() => fleet.sweepAll(1000));
  // Once more over a table of its full size, as the peer does.
  const openMs = cpuMs(() => fleet.openAll(stream, null));
  const matched = [...fleet.sums.all].reduce((sum, edge) => sum + edge.open, 0);
  const closeMs = cpuMs(() => fleet.closeAll(stream));
  const expireMs = cpuMs(() => fleet.sweepAll(2000));
  const matchMs = cpuMs(() => fleet.matchAll(stream));
  return {
    growNs: (growMs * 1e6) / halfCount,
    matchNs: (matchMs * 1e6) / halfCount,
    openNs: (openMs * 1e6) / halfCount,
    closeNs: (closeMs * 1e6) / halfCount,
    expireNs: (expireMs * 1e6) / connections,
    bytesPerConnection,
    longestMs,
    matched,
    left: fleet.left,
  };
}

/** Lets the compiler see everything once. */
export function warmUp(): void {
  const stream = halfStream(100_000);
  const fleet = new CoreFleet(50_000);
  for (let round = 0; round < 6; round++) {
    fleet.openAll(stream, () => {});
    fleet.closeAll(stream);
    fleet.sweepAll(1000 * (round + 1));
  }
}

function writeColumns({ local, remote, ports, holder }: HalfStream, count: number, path: string): void {
  writeFileSync(path, Uint32Array.of(count));
  for (const column of [local, remote, ports, holder]) writeFileSync(path, column, { flag: 'a' });
}
