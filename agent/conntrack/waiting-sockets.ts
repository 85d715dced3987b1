/**
 * Sockets that wait to be looked up in conntrack, each once, and again a little later where nothing was found. Pure.
 *
 * A conversation may get its entry after its socket is seen: a connected UDP socket has none before it sends. Entries go
 * by tuple, and a tuple is used again; so of two sockets with one tuple only the newer is looked up.
 */
import type { FourTuple } from '../../model/four-tuple.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { Protocol } from '../../model/socket-state.ts';
import type { BoundedTable } from '../bounded-table.ts';

/** How many sockets wait at most; a further one is not looked up, and counted. */
export const waitingMax = 200_000;

/** When a socket that no table knows is looked up again, after each look-up. */
const retryDelaysMs: Readonly<Record<Protocol, readonly number[]>> = {
  tcp: [1_000],
  udp: [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000],
};

export interface WaitingSocket {
  readonly id: number;
  readonly socket: OwnedSocket;
  /** It was opened after an earlier scan, so its entry was made by the rules of today. */
  readonly isFresh: boolean;
  /** Look-ups that found nothing. */
  readonly attempts: number;
  readonly dueAtMs: number;
}

export class WaitingSockets {
  readonly #max: number;
  /** By tuple: those to look up now, in the order in which they came, and those to look up again later. */
  readonly #due = new Map<string, WaitingSocket>();
  readonly #later = new Map<string, WaitingSocket>();
  readonly #tuples = new Map<number, string>();
  #refusedTotal = 0;

  constructor(max: number = waitingMax) {
    this.#max = max;
  }

  get table(): BoundedTable {
    const { size } = this.#tuples;
    return { name: 'sockets_to_look_up', size, limit: this.#max, refusedTotal: this.#refusedTotal };
  }

  /** Lets go of a pair whose ends are both in one namespace and show each other: nothing is translated between them. */
  add(id: number, socket: OwnedSocket, isFresh: boolean): void {
    const mirror = this.#at(tupleKey(socket, { local: socket.remote, remote: socket.local }));
    if (mirror !== undefined && mirror.id !== id) this.delete(mirror.id);
    else this.#put(this.#due, { id, socket, isFresh, attempts: 0, dueAtMs: 0 });
  }

  /** Those that are to be looked up again are due when their time has come. */
  wake(nowMs: number): void {
    for (const [key, waiting] of this.#later) {
      if (waiting.dueAtMs > nowMs) continue;
      this.#later.delete(key);
      this.#due.set(key, waiting);
    }
  }

  /** The next ones that are due, no more than `max`, and the newest of them first. They are let go. */
  takeDue(max: number): WaitingSocket[] {
    const taken: WaitingSocket[] = [];
    for (const waiting of this.#due.values()) {
      if (taken.push(waiting) === max) break;
    }
    for (const { id } of taken) this.delete(id);
    return taken.sort((a, b) => b.id - a.id);
  }

  /** Puts back one that was looked up in vain, unless it was looked up often enough. */
  putBack(missed: WaitingSocket, nowMs: number): void {
    const delayMs = retryDelaysMs[missed.socket.protocol][missed.attempts];
    if (delayMs === undefined) return;
    const again = { ...missed, isFresh: false, attempts: missed.attempts + 1, dueAtMs: nowMs + delayMs };
    this.#put(this.#later, again);
  }

  /** Lets go of a socket, if it waits. */
  delete(id: number): void {
    const key = this.#tuples.get(id);
    if (key === undefined) return;
    this.#tuples.delete(id);
    if (!this.#due.delete(key)) this.#later.delete(key);
  }

  #at(key: string): WaitingSocket | undefined {
    return this.#due.get(key) ?? this.#later.get(key);
  }

  #put(where: Map<string, WaitingSocket>, waiting: WaitingSocket): void {
    const key = tupleKey(waiting.socket, waiting.socket);
    const other = this.#at(key);
    if (other !== undefined) {
      if (other.id > waiting.id) return;
      this.delete(other.id);
    } else if (this.#tuples.size >= this.#max) {
      this.#refusedTotal++;
      return;
    }
    where.set(key, waiting);
    this.#tuples.set(waiting.id, key);
  }
}

/** Of a socket in its namespace; `tuple` is its own, or that of its other end. */
export function tupleKey({ netns, protocol }: OwnedSocket, { local, remote }: FourTuple): string {
  return `${netns}|${protocol}|${local.ip} ${local.port}|${remote.ip} ${remote.port}`;
}
