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
  readonly #byTuple = new Map<string, WaitingSocket>();
  readonly #tuples = new Map<number, string>();
  #refusedTotal = 0;
  /** Sockets that were let go because a newer one has their tuple. */
  supersededTotal = 0;

  constructor(max: number = waitingMax) {
    this.#max = max;
  }

  get table(): BoundedTable {
    const { size } = this.#byTuple;
    return { name: 'sockets_to_look_up', size, limit: this.#max, refusedTotal: this.#refusedTotal };
  }

  /** Lets go of a pair whose ends are both in one namespace and show each other: nothing is translated between them. */
  add(id: number, socket: OwnedSocket, isFresh: boolean, nowMs: number): void {
    const mirror = this.#byTuple.get(tupleKey(socket, { local: socket.remote, remote: socket.local }));
    if (mirror !== undefined && mirror.id !== id) {
      this.delete(mirror.id);
      return;
    }
    this.#put({ id, socket, isFresh, attempts: 0, dueAtMs: nowMs });
  }

  /** Those to look up now, newest first, and no more than `max`. They are let go. */
  takeDue(nowMs: number, max: number): WaitingSocket[] {
    const due: WaitingSocket[] = [];
    for (const waiting of this.#byTuple.values()) {
      if (due.length === max) break;
      if (waiting.dueAtMs <= nowMs) due.push(waiting);
    }
    for (const { id } of due) this.delete(id);
    return due.sort((a, b) => b.id - a.id);
  }

  /** Puts back one that was looked up in vain, unless it was looked up often enough. */
  putBack(missed: WaitingSocket, nowMs: number): void {
    const delayMs = retryDelaysMs[missed.socket.protocol][missed.attempts];
    if (delayMs === undefined) return;
    this.#put({ ...missed, isFresh: false, attempts: missed.attempts + 1, dueAtMs: nowMs + delayMs });
  }

  /** Lets go of a socket, if it waits. */
  delete(id: number): void {
    const key = this.#tuples.get(id);
    if (key === undefined) return;
    this.#tuples.delete(id);
    this.#byTuple.delete(key);
  }

  #put(waiting: WaitingSocket): void {
    const key = tupleKey(waiting.socket, waiting.socket);
    const other = this.#byTuple.get(key);
    if (other !== undefined) {
      this.supersededTotal++;
      if (other.id > waiting.id) return;
      this.delete(other.id);
    } else if (this.#byTuple.size >= this.#max) {
      this.#refusedTotal++;
      return;
    }
    this.#byTuple.set(key, waiting);
    this.#tuples.set(waiting.id, key);
  }
}

/** Of a socket in its namespace; `tuple` is its own, or that of its other end. */
export function tupleKey({ netns, protocol }: OwnedSocket, { local, remote }: FourTuple): string {
  return `${netns}|${protocol}|${local.ip} ${local.port}|${remote.ip} ${remote.port}`;
}
