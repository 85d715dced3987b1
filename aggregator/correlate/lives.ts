/**
 * How long reported halves are known to have been established, and by when they were not any more. An agent looks once per
 * interval, and tells that a socket is gone when two looks have missed it; so the end lies between two moments.
 */
import type { SocketState } from '../../model/socket-state.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';

/** Unix milliseconds, aggregator's clock. */
interface End {
  /** It was established until then at least; 0 = it may never have been. */
  readonly establishedUntilMs: number;
  /** It was not any more by then. */
  readonly overByMs: number;
}

const never = Number.POSITIVE_INFINITY;

export class Lives {
  /** Of halves that are not established any more. */
  readonly #ends = new WeakMap<ReportedSocket, End>();

  /** To be called when a half is told of, whenever its state is another one than before, and when it closed. */
  note(socket: ReportedSocket, previousState: SocketState): void {
    const { host, state, closedAtMs } = socket;
    if ((state === 'established' && closedAtMs === null) || this.#ends.has(socket)) return;
    const overByMs = closedAtMs ?? host.asOfMs;
    const establishedUntilMs = previousState === 'established' ? shownUntilMs(host, closedAtMs) : 0;
    this.#ends.set(socket, { establishedUntilMs, overByMs });
  }

  /** Whether it is known not to be established any more. */
  hasEnded(socket: ReportedSocket): boolean {
    return this.#ends.has(socket);
  }

  /** The half has closed, and this was noted elsewhere. */
  remember(socket: ReportedSocket, establishedUntilMs: number): void {
    this.#ends.set(socket, { establishedUntilMs, overByMs: socket.closedAtMs ?? never });
  }

  establishedUntilMs(socket: ReportedSocket): number {
    return this.#ends.get(socket)?.establishedUntilMs ?? lookBefore(socket.host, socket.host.asOfMs);
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

/** By then a look has shown what is not told to be gone: the last before that moment may be the first that missed it. */
function lookBefore({ intervalMs }: ReportingHost, atMs: number): number {
  return atMs - 2 * intervalMs;
}
