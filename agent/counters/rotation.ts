/**
 * Which sockets are looked at next: each soon after it was opened, and from then on in turn, so that every scan looks at a
 * bounded number and each socket is looked at as often as all others.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketEvent } from '../../model/socket-event.ts';
import { isListening } from '../../model/socket-state.ts';

export interface Counted {
  readonly id: number;
  /** As last seen. */
  socket: OwnedSocket;
  /** As last found; null = never. */
  counters: SocketCounters | null;
}

export class Rotation {
  /** Those that were never looked at, oldest first. */
  readonly #fresh = new Map<number, Counted>();
  /** The others, the one that was looked at longest ago first. */
  readonly #known = new Map<number, Counted>();
  readonly #socketsByNetns = new Map<number, number>();

  get size(): number {
    return this.#fresh.size + this.#known.size;
  }

  apply(event: SocketEvent): void {
    const { id, kind } = event;
    const counted = this.#fresh.get(id) ?? this.#known.get(id);
    if (kind === 'closed' || !isCounted(event.socket)) {
      if (counted !== undefined) this.#forget(counted);
    } else if (counted === undefined) {
      this.#fresh.set(id, { id, socket: event.socket, counters: null });
      this.#add(event.socket.netns, 1);
    } else {
      counted.socket = event.socket;
    }
  }

  /** Whether there is any in that namespace. */
  hasNetns(netns: number): boolean {
    return this.#socketsByNetns.has(netns);
  }

  #forget({ id, socket }: Counted): void {
    this.#fresh.delete(id);
    this.#known.delete(id);
    this.#add(socket.netns, -1);
  }

  #add(netns: number, sockets: number): void {
    const left = (this.#socketsByNetns.get(netns) ?? 0) + sockets;
    if (left === 0) this.#socketsByNetns.delete(netns);
    else this.#socketsByNetns.set(netns, left);
  }

  /** The next ones, at most `max`; each is the last in turn from now on. */
  take(max: number): Counted[] {
    const taken: Counted[] = [];
    for (const waiting of [this.#fresh, this.#known]) {
      for (const counted of waiting.values()) {
        if (taken.length >= max) return this.#putLast(taken);
        taken.push(counted);
      }
    }
    return this.#putLast(taken);
  }

  #putLast(taken: Counted[]): Counted[] {
    for (const counted of taken) {
      this.#fresh.delete(counted.id);
      this.#known.delete(counted.id);
      this.#known.set(counted.id, counted);
    }
    return taken;
  }
}

/** A socket of TCP that carries, or carried, something. Without an inode there is no way to know it again. */
function isCounted({ protocol, state, inode }: OwnedSocket): boolean {
  return protocol === 'tcp' && inode !== 0 && !isListening(state);
}
