/** How far an agent may send ahead of the aggregator's acknowledgements: a bounded number of messages and bytes. */
import { sendWindowBatches, sendWindowBytes } from '../../wire/agent-limits.ts';

export class SendWindow {
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

  sent(seq: number, bytes: number): void {
    this.#inFlight.push({ seq, bytes });
    this.#bytes += bytes;
  }

  acknowledge(appliedSeq: number): void {
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
