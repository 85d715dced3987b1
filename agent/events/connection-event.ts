/** What a source of events tells of one TCP connection end, as its kernel saw it. Times are unix milliseconds. */
import type { Endpoint } from '../../model/endpoint.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketState } from '../../model/socket-state.ts';

/** A process, as the source knows it: enough to name it, also when it is gone. */
export interface Holder {
  readonly pid: number;
  /** Clock ticks since boot, as field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  readonly comm: string;
  /** Effective user. */
  readonly uid: number;
}

export interface ConnectionEvent {
  /** `opened`: both sides shook hands. `closed`: the kernel gave it up, or only remembers it in TIME_WAIT. */
  readonly kind: 'opened' | 'closed';
  readonly atMs: number;
  /** When it began: its SYN was sent, or it was accepted by the kernel. null = the source does not know. */
  readonly openedAtMs: number | null;
  /** A time at which it was there: tells it from one that had its tuple before. */
  readonly aliveAtMs: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Inode of its network namespace. */
  readonly netns: number;
  readonly uid: number;
  /** The state that it left. */
  readonly before: SocketState;
  /** The process that opened it or held it in the end; null = not known. */
  readonly holder: Holder | null;
  /** Whether `holder` is known as who listened alone: another process may have accepted the connection. */
  readonly isInherited: boolean;
  /** The last ones; null in `opened`, and where the source does not tell them. */
  readonly counters: SocketCounters | null;
}
