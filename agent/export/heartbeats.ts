/** Heartbeats of one stream: when the next is due, and the round trip that their answers measure. */
import { heartbeatIntervalMs } from '../../wire/protocol.ts';

/** An aggregator that says nothing for so long is gone, whatever TCP believes: four heartbeats without an answer. */
export const serverSilenceMs = 4 * heartbeatIntervalMs;

export class Heartbeats {
  #intervalMs = heartbeatIntervalMs;
  #dueMs = 0;
  #lastHeardMs: number;
  #roundTripMs = 0;

  /** All times are of the agent's monotonic clock. */
  constructor(nowMs: number) {
    this.#lastHeardMs = nowMs;
  }

  /** Of the last answered heartbeat; 0 = none yet. At least 1, because 0 says that there is none. */
  get roundTripMs(): number {
    return this.#roundTripMs;
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

  sent(nowMs: number): void {
    this.#dueMs = nowMs + this.#intervalMs;
  }

  /** The first answer makes the next heartbeat due at once: only then does the aggregator learn the round trip. */
  answered(sentMs: number, nowMs: number): void {
    if (this.#roundTripMs === 0) this.#dueMs = nowMs;
    this.#roundTripMs = Math.max(1, Math.round(nowMs - sentMs));
  }
}
