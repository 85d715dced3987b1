/** What correlation keeps of one host, with the objects that were told for it brought up to what is told by slots. */
import type { KeptSockets, ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { grownBy, type SocketCounters } from '../../../model/socket-counters.ts';

export class ToldKept {
  readonly #bySlot = new Map<number, ReportedSocket>();
  readonly #replaced: (before: ReportedSocket, now: ReportedSocket) => void;

  /** @param replaced hears of the objects that take the place of those that were told */
  constructor(replaced: (before: ReportedSocket, now: ReportedSocket) => void) {
    this.#replaced = replaced;
  }

  replace(slot: number, now: ReportedSocket): void {
    this.#replaced(this.#bySlot.get(slot)!, now);
    this.#bySlot.delete(slot);
  }

  /** The same as `next`, on its way there. */
  before(next: KeptSockets): KeptSockets {
    const bySlot = this.#bySlot;
    return {
      get size() {
        return next.size;
      },
      slots: () => next.slots(),
      idAt: (slot) => next.idAt(slot),
      keep: (socket, as) => {
        const isKept = next.keep(socket, as);
        if (isKept) bySlot.set(as.slot, socket);
        return isKept;
      },
      restore: (slot) => {
        const socket = next.restore(slot);
        if (socket !== undefined) this.replace(slot, socket);
        return socket;
      },
      count: (slot: number, counters: SocketCounters, isGrowth: boolean) => {
        const isKept = next.count(slot, counters, isGrowth);
        const socket = bySlot.get(slot);
        if (isKept) socket!.counters = isGrowth ? grownBy(socket!.counters, counters) : counters;
        return isKept;
      },
      close: (slot, closedAtMs, nowMs) => {
        const isKept = next.close(slot, closedAtMs, nowMs);
        if (!isKept) return false;
        const socket = bySlot.get(slot)!;
        socket.closedAtMs = Math.max(socket.openedAtMs, closedAtMs);
        bySlot.delete(slot);
        return true;
      },
    };
  }
}
