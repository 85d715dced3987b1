/**
 * Bytes of messages that are here and wait for their turn, over all streams. Each stream keeps up to 16 messages of 1 MiB, so
 * that a few hundred could fill the memory together. Where all that waits is beyond the budget, the stream of which most waits is
 * ended. An honest agent sends 1 MiB ahead of what it was told is taken (wire/agent-limits.ts), so it is not the first.
 */

/** What waits of one stream. */
export interface Waiting {
  /** That much more has come. May end any stream. */
  came(bytes: number): void;
  /** That much was taken. */
  taken(bytes: number): void;
  /** The stream is over. Idempotent. */
  over(): void;
}

interface Stream {
  bytes: number;
  readonly end: () => void;
}

export class WaitingBudget {
  readonly #max: number;
  readonly #streams = new Set<Stream>();
  #bytes = 0;
  /** Streams that were ended since too much waited. */
  ended = 0;

  /** @param max bytes of all streams */
  constructor(max: number) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param end ends the stream, with which `over` is called at some time */
  begin(end: () => void): Waiting {
    const stream: Stream = { bytes: 0, end };
    this.#streams.add(stream);
    return {
      came: (bytes) => {
        if (!this.#streams.has(stream)) return;
        stream.bytes += bytes;
        this.#bytes += bytes;
        while (this.#bytes > this.#max) this.#endLargest();
      },
      taken: (bytes) => {
        if (!this.#streams.has(stream)) return;
        stream.bytes -= bytes;
        this.#bytes -= bytes;
      },
      over: () => this.#forget(stream),
    };
  }

  #endLargest(): void {
    let largest: Stream | null = null;
    for (const stream of this.#streams)
      if (largest === null || stream.bytes > largest.bytes) largest = stream;
    this.ended++;
    this.#forget(largest!);
    largest!.end();
  }

  #forget(stream: Stream): void {
    if (this.#streams.delete(stream)) this.#bytes -= stream.bytes;
  }
}
