/** Heartbeats of one stream: when the next is due, and the round trip that their answers measure. */
import { heartbeatIntervalMs } from '../../wire/protocol.ts';

/** An aggregator that says nothing for so long is gone, whatever TCP believes: four heartbeats without an answer. */
export const serverSilenceMs = 4 * heartbeatIntervalMs;

export class Heartbeats {
  #intervalMs = heartbeatIntervalMs;
  #dueMs = 0;
  #lastHeardMs: number;
  /** Of the heartbeat sent last; 0 while it is not answered. */
  #roundTripMs = 0;
  #sentMs = Number.NaN;
  #isAnswered = false;

  /** All times are of the agent's monotonic clock. */
  constructor(nowMs: number) {
    this.#lastHeardMs = nowMs;
  }

  setInterval(intervalMs: number): void {
    if (intervalMs > 0) this.#intervalMs = Math.min(heartbeatIntervalMs, intervalMs);
  }

  /** Something came from the aggregator. */
  heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
  }

  isSilent(nowMs: number): boolean {
    return nowMs - this.#lastHeardMs >= serverSilenceMs;
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#dueMs;
  }

  /**
   * A heartbeat goes out now.
   * @returns the round trip of the one before, which it reports; 0 when that is not answered.
   */
  send(nowMs: number): number {
    const roundTripMs = this.#roundTripMs;
    this.#roundTripMs = 0;
    this.#sentMs = Math.round(nowMs);
    this.#dueMs = nowMs + this.#intervalMs;
    return roundTripMs;
  }

  /** The first answer makes the next heartbeat due at once: only with it does the aggregator learn the round trip. */
  answered(sentMs: number, nowMs: number): void {
    if (sentMs !== this.#sentMs) return;
    this.#roundTripMs = Math.max(1, Math.round(nowMs - sentMs));
    if (!this.#isAnswered) this.#dueMs = nowMs;
    this.#isAnswered = true;
  }
}
