/**
 * Bounded delivery: events wait in a queue, a bounded number of them is under way, and each ends as taken or lost.
 *
 * It knows nothing of NATS. `deliver` tries once; what it wants repeated is repeated with the same event, in its slot,
 * as soon as the far side is ready again.
 */

/** Most events that wait. At about 2 KiB each they hold 32 MiB; what comes on top is lost and counted. */
export const queuedEventsMax = 16_384;

/** Most events under way without an acknowledgement. */
export const inFlightMax = 64;

/** Taken parcels that may stay in the array before it is compacted. */
const compactAfter = 1_024;

/** An event as it travels: encoded once, with an id that stays the same however often it is sent. */
export interface Parcel {
  readonly id: string;
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** `again`: nobody knows whether it arrived, or it surely did not but may later. */
export type Outcome = 'taken' | 'refused' | 'again';

export interface FarSide {
  /** Tries once. Never throws. */
  deliver(parcel: Parcel): Promise<Outcome>;
  /** Resolves when delivering makes sense; at once if it does now. Rejects when it never will again. */
  ready(): Promise<void>;
}

export interface DeliveryCounts {
  readonly published: number;
  readonly lost: number;
  readonly queued: number;
  /** Attempts beyond each parcel's first. */
  readonly repeated: number;
}

export class Delivery {
  readonly #farSide: FarSide;
  readonly #waiting: Parcel[] = [];
  /** Index of the first waiting parcel: taking from the front of an array would move all others. */
  #first = 0;
  #inFlight = 0;
  #published = 0;
  #lost = 0;
  #repeated = 0;
  #ended = false;
  #whenIdle: (() => void) | null = null;

  constructor(farSide: FarSide) {
    this.#farSide = farSide;
  }

  /** Takes a parcel, or counts it as lost and returns false. */
  offer(parcel: Parcel): boolean {
    if (this.#ended || this.#waitingCount() >= queuedEventsMax) {
      this.#lost++;
      return false;
    }
    this.#waiting.push(parcel);
    this.#startNext();
    return true;
  }

  counts(): DeliveryCounts {
    const queued = this.#waitingCount() + this.#inFlight;
    return { published: this.#published, lost: this.#lost, queued, repeated: this.#repeated };
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** Counts what has not arrived as lost, and takes nothing more. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lost += this.#waitingCount() + this.#inFlight;
    this.#waiting.length = 0;
    this.#first = 0;
    this.#inFlight = 0;
  }

  #startNext(): void {
    while (this.#inFlight < inFlightMax && this.#waitingCount() > 0) {
      const parcel = this.#waiting[this.#first++]!;
      this.#forgetTaken();
      this.#inFlight++;
      void this.#carry(parcel);
    }
  }

  async #carry(parcel: Parcel): Promise<void> {
    const outcome = await this.#untilDecided(parcel);
    if (this.#ended) return;
    this.#inFlight--;
    if (outcome === 'taken') this.#published++;
    else this.#lost++;
    this.#startNext();
    if (this.#isIdle()) this.#whenIdle?.();
  }

  async #untilDecided(parcel: Parcel): Promise<'taken' | 'refused'> {
    while (!this.#ended) {
      try {
        await this.#farSide.ready();
      } catch {
        break;
      }
      const outcome = await this.#farSide.deliver(parcel);
      if (outcome !== 'again') return outcome;
      this.#repeated++;
    }
    return 'refused';
  }

  /** Frees the front of the array, rarely enough that moving the rest costs nothing per parcel. */
  #forgetTaken(): void {
    if (this.#first < compactAfter) return;
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
  }

  #waitingCount(): number {
    return this.#waiting.length - this.#first;
  }

  #isIdle(): boolean {
    return this.#inFlight === 0 && this.#waitingCount() === 0;
  }
}
