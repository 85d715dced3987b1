/**
 * How long reported halves are known to have been established, by when they were not any more, and by when they were over. An
 * agent looks once per interval, and tells that a socket is gone when two looks have missed it; so the end lies between two moments.
 */
import { isOpen, type SocketState } from '../../model/socket-state.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';

/** Unix milliseconds, aggregator's clock. */
interface End {
  /** It was established until then at least; 0 = it may never have been. */
  readonly establishedUntilMs: number;
  /** The same, if what was told had just become so. */
  readonly seenUntilMs: number;
  /** It was not any more by then. */
  readonly overByMs: number;
}

const never = Number.POSITIVE_INFINITY;

export class Lives {
  /** Of halves that are not established any more. */
  readonly #ends = new WeakMap<ReportedSocket, End>();
  /** Since when their kernel only remembers the conversation, of those that are there still or were so. */
  readonly #restedByMs = new WeakMap<ReportedSocket, number>();

  /** To be called when a half is told of, whenever its state is another one than before, and when it closed. */
  note(socket: ReportedSocket, previousState: SocketState): void {
    const { host, state, closedAtMs } = socket;
    if (!isOpen(state)) {
      if (!this.#restedByMs.has(socket)) this.#restedByMs.set(socket, host.asOfMs);
    } else if (!isOpen(previousState)) this.#restedByMs.delete(socket);
    if ((state === 'established' && closedAtMs === null) || this.#ends.has(socket)) return;
    const overByMs = closedAtMs ?? host.asOfMs;
    const [establishedUntilMs, seenUntilMs] =
      previousState === 'established'
        ? [shownUntilMs(host, closedAtMs), lastSeenMs(host, closedAtMs)]
        : [0, 0];
    this.#ends.set(socket, { establishedUntilMs, seenUntilMs, overByMs });
  }

  /** Whether it is known not to be established any more. */
  hasEnded(socket: ReportedSocket): boolean {
    return this.#ends.has(socket);
  }

  /** The half has closed, its agent told when, and this was noted elsewhere. */
  remember(socket: ReportedSocket, establishedUntilMs: number): void {
    const overByMs = socket.closedAtMs ?? never;
    this.#ends.set(socket, {
      establishedUntilMs,
      seenUntilMs: overByMs - socket.host.intervalMs,
      overByMs,
    });
  }

  establishedUntilMs(socket: ReportedSocket): number {
    return this.#ends.get(socket)?.establishedUntilMs ?? lookBefore(socket.host, socket.host.asOfMs);
  }

  /**
   * As above, if whatever was told had just become so: as it is unless an agent is behind with telling. What is told later
   * makes it no earlier.
   */
  seenUntilMs(socket: ReportedSocket): number {
    return this.#ends.get(socket)?.seenUntilMs ?? lookBefore(socket.host, socket.host.asOfMs);
  }

  /** When the conversation ended for its kernel, of one that is closed or rests. */
  closedByMs(socket: ReportedSocket): number {
    const { host, closedAtMs } = socket;
    return Math.min(this.#restedByMs.get(socket) ?? closedAtMs ?? host.asOfMs, closedAtMs ?? never);
  }

  /** Infinity while it is established. */
  overByMs(socket: ReportedSocket): number {
    return Math.min(this.#ends.get(socket)?.overByMs ?? never, socket.closedAtMs ?? never);
  }
}

/** Until when a look has shown what is not established any more. @param closedAtMs null where it is still there */
export function shownUntilMs(host: ReportingHost, closedAtMs: number | null): number {
  // One that is only gone from a snapshot is closed as of now: nobody knows since when.
  const isTimed = closedAtMs !== null && closedAtMs < host.asOfMs;
  return isTimed ? closedAtMs - host.intervalMs : lookBefore(host, host.asOfBeforeMs);
}

/** The same, if that had just become so. */
function lastSeenMs(host: ReportingHost, closedAtMs: number | null): number {
  if (closedAtMs === null) return Math.max(host.asOfBeforeMs, lookBefore(host, host.asOfMs));
  return closedAtMs <= host.asOfMs ? closedAtMs - host.intervalMs : shownUntilMs(host, closedAtMs);
}

/** By then a look has shown what is not told to be gone: the last before that moment may be the first that missed it. */
function lookBefore({ intervalMs }: ReportingHost, atMs: number): number {
  return atMs - 2 * intervalMs;
}
