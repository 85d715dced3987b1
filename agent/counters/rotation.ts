/**
 * Which sockets are looked at next: each soon after it was opened, and from then on in turn, so that every scan looks at a
 * bounded number and each socket is looked at as often as all others.
 *
 *     #places   all of them, in a circle that is walked from where the last walk ended; a place that is left is given again
 *     #byId     at which place
 *     #fresh    ids of those that were never looked at, oldest first, and of some that are gone meanwhile
 */
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketEvent } from '../../model/socket-event.ts';
import { isListening } from '../../model/socket-state.ts';
import { SlotIndex } from '../slot-index.ts';

export interface Counted {
  readonly id: number;
  /** As last seen. */
  socket: OwnedSocket;
  /** As last found; null = never. */
  counters: SocketCounters | null;
}

/** How many ids of sockets that are gone may wait for their turn besides as many as there are sockets. */
const goneSlack = 1024;

export class Rotation {
  readonly #places: (Counted | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #byId = new SlotIndex();
  #next = 0;
  #fresh: number[] = [];
  /** How many of the fresh ones had their turn. */
  #freshTaken = 0;
  readonly #socketsByNetns = new Map<number, number>();

  get size(): number {
    return this.#byId.size;
  }

  apply(event: SocketEvent): void {
    const { id, kind } = event;
    const place = this.#placeOf(id);
    if (kind === 'closed' || !isCounted(event.socket)) {
      if (place >= 0) this.#forget(place);
    } else if (place < 0) this.#add({ id, socket: event.socket, counters: null });
    else this.#places[place]!.socket = event.socket;
  }

  /** Whether there is any in that namespace. */
  hasNetns(netns: number): boolean {
    return this.#socketsByNetns.has(netns);
  }

  /** The next ones, at most `max`; each is the last in turn from now on. */
  take(max: number): Counted[] {
    const taken = new Set<Counted>();
    this.#takeFresh(taken, max);
    for (let left = this.#places.length; left > 0 && taken.size < max; left--) {
      if (this.#next >= this.#places.length) this.#next = 0;
      const counted = this.#places[this.#next++];
      if (counted !== undefined) taken.add(counted);
    }
    return [...taken];
  }

  #takeFresh(taken: Set<Counted>, max: number): void {
    while (this.#freshTaken < this.#fresh.length && taken.size < max) {
      const place = this.#placeOf(this.#fresh[this.#freshTaken++]!);
      if (place >= 0) taken.add(this.#places[place]!);
    }
    if (this.#freshTaken < this.#fresh.length) return;
    this.#fresh = [];
    this.#freshTaken = 0;
  }

  #forgetGone(): void {
    this.#fresh = this.#fresh.slice(this.#freshTaken).filter((id) => this.#placeOf(id) >= 0);
    this.#freshTaken = 0;
  }

  #placeOf(id: number): number {
    return this.#byId.find(id, (place) => this.#places[place]!.id === id);
  }

  #add(counted: Counted): void {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = counted;
    this.#byId.add(counted.id, place);
    this.#fresh.push(counted.id);
    if (this.#fresh.length > 2 * this.size + goneSlack) this.#forgetGone();
    this.#addToNetns(counted.socket.netns, 1);
  }

  #forget(place: number): void {
    const { id, socket } = this.#places[place]!;
    this.#byId.delete(id, place);
    this.#places[place] = undefined;
    this.#free.push(place);
    this.#addToNetns(socket.netns, -1);
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
