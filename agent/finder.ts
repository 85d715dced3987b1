/**
 * The interface of whatever looks closer at the sockets that scans show: at their counters, at their translation.
 *
 * A finder is told what each scan made different and answers with what it found out. It decides itself how much it looks
 * at per scan, and never holds up the loop for what may wait.
 */
import type { SocketEvent, SocketFinding } from '../model/socket-event.ts';
import type { BoundedTable } from './bounded-table.ts';
import type { Scan } from './collector.ts';
import type { Succession } from './succession.ts';

/**
 * A figure for the agent's metrics, to be listed in docs/metrics.md. `whotalks_agent_` stands before its name, `_total`
 * behind that of a counter.
 */
export interface FinderFigure {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

export interface SocketFinder {
  /** Plain sentences: what it cannot find out, and why. Empty when nothing is missing. */
  readonly cannotSee: readonly string[];
  readonly figures: readonly FinderFigure[];
  /** What of it has a limit, for metrics. */
  readonly tables?: readonly BoundedTable[];
  /**
   * To be called after every scan, also with no events. What cannot be read is left out, so it never throws.
   *
   * @param scan the one that made the events
   * @param succession default: unheard
   */
  find(
    events: readonly SocketEvent[],
    scan: Scan,
    succession?: Succession,
  ): Promise<readonly SocketFinding[]>;
  /**
   * What can be found out at once of connections that opened and closed between two scans. Takes a millisecond at most
   * besides what it takes to hear what became of them, and never rejects.
   */
  findAtOnce?(events: readonly SocketEvent[], succession: Succession): Promise<readonly SocketFinding[]>;
  /** Frees sockets and descriptors. Idempotent. */
  close(): void;
}
