/**
 * The interface of whatever looks closer at the sockets that scans show: at their counters, at their translation.
 *
 * A finder is told what each scan made different and answers with what it found out. It decides itself how much it looks
 * at per scan, and never holds up the loop for what may wait.
 */
import type { SocketEvent, SocketFinding } from '../model/socket-event.ts';

export interface SocketFinder {
  /** Plain sentences: what it cannot find out, and why. Empty when nothing is missing. */
  readonly cannotSee: readonly string[];
  /** To be called after every scan, also with no events. What cannot be read is left out, so it never throws. */
  find(events: readonly SocketEvent[]): Promise<readonly SocketFinding[]>;
  /** Frees sockets and descriptors. Idempotent. */
  close(): void;
}
