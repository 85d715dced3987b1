/**
 * Which sockets are looked at next: each soon after it was opened, and from then on in turn, but for those that rest because
 * nothing of them changes. Every scan looks at a bounded number.
 *
 *     #sockets   all of them, in a circle that is walked from where the last walk ended; a place that is left is given again
 *     #ids       by place, as is #counters; an object for each would take 30 bytes more
 *     #rests     when whoever is at a place is due again
 *     #byId      at which place
 *     #fresh     ids of those that were never looked at, oldest first, and of some that are gone meanwhile
 *
 * Where more are due than may be looked at, nobody is passed over: the walk goes on behind the last that had its turn, and
 * however many sockets are new, a share of the looks is for those that are not.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketEvent } from '../../model/socket-event.ts';
import { isListening } from '../../model/socket-state.ts';
import { SlotIndex } from '../slot-index.ts';
import { Rests } from './rests.ts';

/** One that has its turn. */
export interface Counted {
  readonly id: number;
  /** As last seen. */
  readonly socket: OwnedSocket;
  /** As last found; null = never. */
  readonly counters: SocketCounters | null;
}

/** How many ids of sockets that are gone may wait for their turn besides as many as there are sockets. */
const goneSlack = 1024;

/** Places that one walk goes by, whoever is due there: a tenth of a millisecond. A walk round 100,000 takes four scans. */
export const placesPerWalk = 32_768;

/** Of the looks after a scan, how many are for sockets that are not new, if so many are due. */
const dueShare = 1 / 4;

export class Rotation {
  readonly #rests: Rests;
  /** Undefined at a place that was left. */
  readonly #sockets: (OwnedSocket | undefined)[] = [];
  readonly #ids: number[] = [];
  readonly #counters: (SocketCounters | null)[] = [];
  readonly #free: number[] = [];
  readonly #byId = new SlotIndex();
  #next = 0;
  #fresh: number[] = [];
  /** How many of the fresh ones had their turn. */
  #freshTaken = 0;
  readonly #socketsByNetns = new Map<number, number>();

  /** @param restMaxMs the longest time for which a socket that does not change is let alone; 0 = not at all */
  constructor(restMaxMs: number) {
    this.#rests = new Rests(restMaxMs);
  }

  get size(): number {
    return this.#byId.size;
  }

  apply(event: SocketEvent): void {
    const { id, kind } = event;
    const place = this.#placeOf(id);
    if (kind === 'closed' || !isCounted(event.socket)) {
      if (place >= 0) this.#forget(place);
    } else if (place < 0) this.#add(id, event.socket);
    else {
      this.#sockets[place] = event.socket;
      this.#rests.wake(place);
    }
  }

  /** What was found of that one is new. So it is not still: it is due at once, as one is whose state or owner became different. */
  count(id: number, counters: SocketCounters): void {
    const place = this.#placeOf(id);
    if (place < 0) return;
    this.#counters[place] = counters;
    this.#rests.wake(place);
  }

  /** Whether there is any in that namespace. */
  hasNetns(netns: number): boolean {
    return this.#socketsByNetns.has(netns);
  }

  /**
   * The next ones, at most `max`. Each rests from now on, twice as long as it has been still, unless count() says otherwise.
   *
   * @param nowMs of a clock that never goes back
   */
  take(max: number, nowMs: number): Counted[] {
    const kept = Math.min(this.#fresh.length - this.#freshTaken, max - Math.floor(max * dueShare));
    const due = this.#takeDue(max - kept, nowMs);
    return [...this.#takeFresh(max - due.length, nowMs), ...due];
  }

  #takeDue(max: number, nowMs: number): Counted[] {
    const taken: Counted[] = [];
    for (let left = Math.min(this.#sockets.length, placesPerWalk); left > 0 && taken.length < max; left--) {
      if (this.#next >= this.#sockets.length) this.#next = 0;
      const place = this.#next++;
      if (this.#rests.isDue(place, nowMs) && this.#sockets[place] !== undefined)
        this.#take(taken, place, nowMs);
    }
    return taken;
  }

  #takeFresh(max: number, nowMs: number): Counted[] {
    const taken: Counted[] = [];
    while (this.#freshTaken < this.#fresh.length && taken.length < max) {
      const place = this.#placeOf(this.#fresh[this.#freshTaken++]!);
      if (place >= 0) this.#take(taken, place, nowMs);
    }
    if (this.#freshTaken === this.#fresh.length) {
      this.#fresh = [];
      this.#freshTaken = 0;
    }
    return taken;
  }

  #take(taken: Counted[], place: number, nowMs: number): void {
    taken.push({
      id: this.#ids[place]!,
      socket: this.#sockets[place]!,
      counters: this.#counters[place] ?? null,
    });
    this.#rests.look(place, nowMs);
  }

  #forgetGone(): void {
    this.#fresh = this.#fresh.slice(this.#freshTaken).filter((id) => this.#placeOf(id) >= 0);
    this.#freshTaken = 0;
  }

  #placeOf(id: number): number {
    return this.#byId.find(id, (place) => this.#ids[place] === id);
  }

  #add(id: number, socket: OwnedSocket): void {
    const place = this.#free.pop() ?? this.#sockets.length;
    this.#sockets[place] = socket;
    this.#ids[place] = id;
    this.#counters[place] = null;
    this.#rests.begin(place);
    this.#byId.add(id, place);
    this.#fresh.push(id);
    if (this.#fresh.length > 2 * this.size + goneSlack) this.#forgetGone();
    this.#addToNetns(socket.netns, 1);
  }

  #forget(place: number): void {
    const { netns } = this.#sockets[place]!;
    this.#byId.delete(this.#ids[place]!, place);
    this.#sockets[place] = undefined;
    this.#counters[place] = null;
    this.#free.push(place);
    this.#addToNetns(netns, -1);
  }

  #addToNetns(netns: number, sockets: number): void {
    const left = (this.#socketsByNetns.get(netns) ?? 0) + sockets;
    if (left === 0) this.#socketsByNetns.delete(netns);
    else this.#socketsByNetns.set(netns, left);
  }
}

/** A socket of TCP that carries, or carried, something. Without an inode there is no way to know it again. */
function isCounted({ protocol, state, inode }: OwnedSocket): boolean {
  return protocol === 'tcp' && inode !== 0 && !isListening(state);
}
