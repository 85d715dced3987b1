/** How far an agent may send ahead of the aggregator's acknowledgements: a bounded number of messages and bytes. */
import { sendWindowBatches, sendWindowBytes } from '../../wire/agent-limits.ts';

/**
 * An aggregator that talks, and acknowledges nothing of what it was sent for so long, has not got it: something in between lost a
 * message, and with it its sense for what is missing.
 */
export const ackSilenceMs = 40_000;

export class SendWindow {
  /** When a message was acknowledged last, or the first of those in flight was sent. */
  #movedMs = 0;
  /** By ascending seq. */
  #inFlight: { readonly seq: number; readonly bytes: number }[] = [];
  #bytes = 0;

  get batches(): number {
    return this.#inFlight.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one message more may be sent. The one that crosses the limit of bytes is the last. */
  get isOpen(): boolean {
    return this.#inFlight.length < sendWindowBatches && this.#bytes < sendWindowBytes;
  }

  /** Whether what is in flight is not acknowledged for so long that it never will be. */
  isStuck(nowMs: number): boolean {
    return this.#inFlight.length > 0 && nowMs - this.#movedMs >= ackSilenceMs;
  }

  /** @param nowMs monotonic clock, as everywhere here */
  sent(seq: number, bytes: number, nowMs: number): void {
    if (this.#inFlight.length === 0) this.#movedMs = nowMs;
    this.#inFlight.push({ seq, bytes });
    this.#bytes += bytes;
  }

  acknowledge(appliedSeq: number, nowMs: number): void {
    if (this.#inFlight[0] !== undefined && this.#inFlight[0].seq <= appliedSeq) this.#movedMs = nowMs;
    while (this.#inFlight[0] !== undefined && this.#inFlight[0].seq <= appliedSeq) {
      this.#bytes -= this.#inFlight.shift()!.bytes;
    }
  }

  /** The other end will not acknowledge what is in flight. */
  clear(): void {
    this.#inFlight = [];
    this.#bytes = 0;
  }
}
