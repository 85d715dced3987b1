/** The sockets of one host that are kept as columns: what its agent tells by slots goes to the rows of the core. */

import type { SocketCounters } from '../../model/socket-counters.ts';
import { facts, factsWord, holderWord, rowShift } from '../core/connection-row.ts';
import { tickAfter } from '../core/ticks.ts';
import { shownUntilMs } from './lives.ts';
import type { EdgeParts } from './plain-edges.ts';
import type { PlainHost } from './plain-host.ts';
import type { PlainOpening } from './plain-opening.ts';
import type { KeptParts } from './plain-parts.ts';
import type { CountedColumns, KeptSockets, ReportedSocket, ReportingHost, TakeBack } from './report.ts';
import { doubleOf } from './socket-columns.ts';

export class KeptOfHost implements KeptSockets {
  readonly #parts: KeptParts;
  readonly #host: ReportingHost;
  readonly #left: TakeBack;
  readonly #opening: PlainOpening;

  constructor(parts: KeptParts, opening: PlainOpening, host: ReportingHost, left: TakeBack) {
    this.#parts = parts;
    this.#opening = opening;
    this.#host = host;
    this.#left = left;
  }

  get size(): number {
    return this.#parts.hosts.known(this.#host)?.keptSlots.used ?? 0;
  }

  slots(): Iterable<number> {
    return this.#parts.hosts.known(this.#host)?.keptSlots.slots() ?? [];
  }

  idAt(slot: number): number {
    const half = this.#halfAt(slot);
    return half < 0 ? -1 : this.#parts.edges.rows.sockets.columns.double(half, doubleOf.id);
  }

  isAs(...[opened, at, isSame]: Parameters<KeptSockets['isAs']>): boolean {
    const half = this.#halfAt(opened.slot[at]!);
    return half >= 0 && this.#parts.edges.rows.sockets.isAs(half, opened, at, isSame);
  }

  open(...[opened, part, epoch, nowMs]: Parameters<KeptSockets['open']>): Uint8Array {
    const plain = this.#plain();
    plain.left = this.#left;
    return this.#opening.openAll(plain, opened, part, epoch, nowMs);
  }

  keep(socket: ReportedSocket, { slot, id, epoch }: Parameters<KeptSockets['keep']>[1]): boolean {
    const { slots, lives, edges } = this.#parts;
    if (socket.state !== 'established' || socket.closedAtMs !== null || lives.hasEnded(socket)) return false;
    const half = slots.halfOf(socket);
    if (half < 0 || (factsOf(edges, half) & (facts.elsewhere | facts.forgotten)) !== 0) return false;
    const plain = this.#plain();
    plain.left = this.#left;
    if (!slots.keep(plain, socket, slot)) return false;
    edges.rows.sockets.keep(half, socket, { slot, id, epoch: plain.epochNumber(epoch) });
    return true;
  }

  restore(slot: number): ReportedSocket | undefined {
    const half = this.#halfAt(slot);
    return half < 0 ? undefined : restoreOpen(this.#parts, this.#plain(), half, this.#parts.edges.core.words);
  }

  countAll(counted: CountedColumns): number[] {
    return this.#parts.counting.countAll(this.#parts.hosts.known(this.#host)?.keptSlots, counted);
  }

  fetch(closed: readonly { readonly slot: number }[]): void {
    this.#parts.counting.fetch(this.#parts.hosts.known(this.#host)?.keptSlots, closed);
  }

  count(slot: number, counters: SocketCounters, isGrowth: boolean): boolean {
    const half = this.#halfAt(slot);
    if (half < 0) return false;
    const { edges, counting } = this.#parts;
    const { sockets } = edges.rows;
    const { bytesSent, bytesReceived, rttUs } = counters;
    const isNew = isGrowth
      ? sockets.columns.grow(half, bytesSent, bytesReceived, rttUs)
      : sockets.count(half, counters);
    if (isNew) counting.counted(half);
    return true;
  }

  close(slot: number, closedAtMs: number, nowMs: number): boolean {
    const half = this.#halfAt(slot);
    if (half < 0) return false;
    const { edges, slots, conclusions, originMs } = this.#parts;
    const { sockets } = edges.rows;
    const before = factsOf(edges, half);
    const atMs = Math.max(sockets.columns.double(half, doubleOf.opened), closedAtMs);
    sockets.close(half, atMs);
    if (!edges.rows.mayBeOfOneBirth(half >> 1)) {
      // It is told as an object, with which all of it leaves.
      sockets.reopen(half);
      return false;
    }
    sockets.columns.setEstablishedUntil(half, shownUntilMs(this.#host, atMs));
    slots.closeSlot(this.#plain().keptSlots, slot, tickAfter(atMs, originMs));
    conclusions.settled(half >> 1, before, nowMs);
    return true;
  }

  #plain(): PlainHost {
    return this.#parts.hosts.of(this.#host);
  }

  #halfAt(slot: number): number {
    return this.#parts.hosts.known(this.#host)?.keptSlots.get(slot) ?? -1;
  }
}

/** The connection leaves the core: its kept ends are objects from now on. @param words a copy of its row */
export function restoreEnds(parts: KeptParts, row: number, words: Int32Array): void {
  const { rows } = parts.edges;
  for (const half of [row << 1, (row << 1) | 1]) {
    const holder = words[holderWord + (half & 1)]! - 1;
    if (holder < 0 || !rows.sockets.isKept(half)) continue;
    const { columns } = rows.sockets;
    if (!columns.isClosed(half)) {
      const { host } = parts.hosts.netnsOfHolder(holder);
      const [slot, id] = [columns.slotOf(half), columns.double(half, doubleOf.id)];
      host.left(slot, id, restoreOpen(parts, host, half, words, 0));
    } else {
      const untilMs = columns.establishedUntilMs(half);
      parts.lives.remember(rows.sockets.restore(half, words, 0), untilMs);
    }
  }
}

/** @param words that have its row at `first` */
function restoreOpen(
  { slots, edges }: KeptParts,
  host: PlainHost,
  half: number,
  words: Int32Array,
  first: number = (half >> 1) << rowShift,
): ReportedSocket {
  const { sockets } = edges.rows;
  const socket = sockets.restore(half, words, first);
  slots.restore(host, socket, sockets.columns.slotOf(half));
  return socket;
}

function factsOf({ core }: EdgeParts, half: number): number {
  return core.words[((half >> 1) << rowShift) + factsWord]!;
}
