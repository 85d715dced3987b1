/**
 * Halves that could each be of several connections, and go on. Who lives on beside the other end is told apart from those that
 * were over by then (rivalry.ts); but that somebody lives on is no event. So once its host has shown such a half for long
 * enough, it is judged again.
 */
import { clockSlackMs } from './generations.ts';
import type { Lives } from './lives.ts';
import type { ReportedSocket } from './report.ts';

/** Further ones stay as they are until something else is told of them. */
export const undecidedMax = 10_000;

export class Undecided {
  readonly #lives: Lives;
  readonly #max: number;
  /** When the doubt arose, on the aggregator's clock; oldest first. */
  readonly #sinceMs = new Map<ReportedSocket, number>();
  /** Halves that found no room, since the start. */
  refused = 0;

  constructor(lives: Lives, max: number = undecidedMax) {
    this.#lives = lives;
    this.#max = max;
  }

  get size(): number {
    return this.#sinceMs.size;
  }

  /** It is ambiguous as of now. UDP sockets stay when their peer is gone, so that they live on says nothing. */
  note(socket: ReportedSocket, nowMs: number): void {
    if (socket.protocol === 'udp' || this.#lives.hasEnded(socket)) return;
    this.#sinceMs.delete(socket);
    if (this.#sinceMs.size < this.#max) this.#sinceMs.set(socket, nowMs);
    else this.refused++;
  }

  /** Those that were established for long enough since. They are let go, as are those that have ended. */
  takeRipe(): readonly ReportedSocket[] {
    const ripe: ReportedSocket[] = [];
    for (const [socket, sinceMs] of this.#sinceMs) {
      const isRipe = this.#lives.establishedUntilMs(socket) >= sinceMs + clockSlackMs;
      if (!isRipe && !this.#lives.hasEnded(socket)) continue;
      this.#sinceMs.delete(socket);
      if (isRipe) ripe.push(socket);
    }
    return ripe;
  }

  /** It is not reported any more. */
  forget(socket: ReportedSocket): void {
    this.#sinceMs.delete(socket);
  }
}
