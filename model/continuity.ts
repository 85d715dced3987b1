/**
 * Whether a row is the socket that had the same key in an earlier scan, or another one that took over its tuple.
 *
 * The evidence is the inode, where there is one, and that a TCP socket never goes back in its life:
 *
 *     phase 0 opening   syn-sent, syn-recv
 *     phase 1 open      established
 *     phase 2 closing   fin-wait-1, fin-wait-2, close-wait, closing, last-ack
 *     phase 3 over      time-wait, closed
 *
 * An inode appears when a connection is accepted, and disappears when its last fd is closed (orphan, TIME_WAIT).
 */
import type { SocketRow } from './socket.ts';
import type { SocketState } from './socket-state.ts';

const phases: Readonly<Record<SocketState, number>> = {
  'syn-sent': 0,
  'syn-recv': 0,
  established: 1,
  'fin-wait-1': 2,
  'fin-wait-2': 2,
  'close-wait': 2,
  closing: 2,
  'last-ack': 2,
  'time-wait': 3,
  closed: 3,
  // Never compared with the others: listeners have keys of their own.
  listen: 0,
  unconnected: 0,
};

/** States that only the side has which closed first or has let go of the socket: they need no fd. */
const orphanStates: ReadonlySet<SocketState> = new Set<SocketState>([
  'fin-wait-1',
  'fin-wait-2',
  'closing',
  'last-ack',
  'time-wait',
  'closed',
]);

/** States of a connection that waits in the accept queue; close-wait when the peer closed before it was accepted. */
const acceptableStates: ReadonlySet<SocketState> = new Set<SocketState>([
  'syn-recv',
  'established',
  'close-wait',
]);

type Sighting = Pick<SocketRow, 'state' | 'inode'>;

/** @param before and @param now have equal tuples, and equal inodes where tuples repeat */
export function continues(before: Sighting, now: Sighting): boolean {
  if (phases[now.state] < phases[before.state]) return false;
  if (before.inode === now.inode) return true;
  if (now.inode === 0) return orphanStates.has(now.state);
  return before.inode === 0 && acceptableStates.has(before.state);
}
