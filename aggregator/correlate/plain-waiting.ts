/** Lone halves that wait in the core for their other end, found by an endpoint of theirs. */
import type { Endpoint } from '../../model/endpoint.ts';
import type { ConnectionCore } from '../core/connection-core.ts';
import { rowShift } from '../core/connection-row.ts';
import type { PlainTuple } from './plain-tuples.ts';

/** Their rows. Looks at all that wait. */
export function rowsWaitingAt(
  core: ConnectionCore,
  tuple: PlainTuple,
  endpoints: readonly Endpoint[],
): number[] {
  const ports = portsByWord(tuple, endpoints);
  const { words } = core.rows;
  const found: number[] = [];
  for (const row of core.waiting()) {
    const first = row << rowShift;
    const both = words[first + 2]!;
    const isThere = ports.get(words[first]!)?.has(both >>> 16) === true;
    if (isThere || ports.get(words[first + 1]!)?.has(both & 0xffff) === true) found.push(row);
  }
  return found;
}

/** The ports asked for, by the word of their address. */
function portsByWord(tuple: PlainTuple, endpoints: readonly Endpoint[]): Map<number, Set<number>> {
  const ports = new Map<number, Set<number>>();
  for (const { ip, port } of endpoints) {
    // Where the address is in use, its word is the same as long as it is.
    const word = tuple.retain(ip);
    tuple.releaseWord(word);
    ports.set(word, (ports.get(word) ?? new Set()).add(port));
  }
  return ports;
}
