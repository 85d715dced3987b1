/** What correlation keeps of one host, with the objects that were told for it brought up to what is told by slots. */
import type {
  CountedColumns,
  KeptSockets,
  OpenedColumns,
  ReportedSocket,
  ReportingHost,
} from '../../../aggregator/correlate/report.ts';
import { CountedRows } from '../../../aggregator/ingest/row-findings.ts';
import type { SimpleOpens } from '../../../aggregator/ingest/simple-opens.ts';
import { grownBy, type SocketCounters } from '../../../model/socket-counters.ts';

/** What becomes of the objects that stand for sockets. */
interface Heard {
  told(socket: ReportedSocket, nowMs: number): void;
  /** The one that was told last is told otherwise. */
  untold(socket: ReportedSocket): void;
  replaced(before: ReportedSocket, now: ReportedSocket): void;
}

export class ToldKept {
  readonly #bySlot = new Map<number, ReportedSocket>();
  readonly #host: ReportingHost;
  readonly #heard: Heard;

  constructor(host: ReportingHost, heard: Heard) {
    this.#host = host;
    this.#heard = heard;
  }

  replace(slot: number, now: ReportedSocket): void {
    this.#heard.replaced(this.#bySlot.get(slot)!, now);
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
      isAs: (opened, at, isSame) => next.isAs(opened, at, isSame),
      open: (opened, part, epoch, nowMs) => {
        const sockets = new Map<number, ReportedSocket>();
        for (let at = part.from; at < part.to; at++) sockets.set(at, this.#objectOf(opened, at, epoch));
        for (const [at, socket] of sockets) {
          this.#heard.told(socket, nowMs);
          bySlot.set(opened.slot[at]!, socket);
        }
        const taken = next.open(opened, part, epoch, nowMs);
        for (const [at, socket] of sockets) {
          if (taken[at] === 1) continue;
          bySlot.delete(opened.slot[at]!);
          this.#heard.untold(socket);
        }
        return taken;
      },
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
      countAll: (counted) => {
        const rest = next.countAll(counted);
        this.#count(counted, rest);
        return rest;
      },
      count: (slot: number, counters: SocketCounters, isGrowth: boolean) => {
        const isKept = next.count(slot, counters, isGrowth);
        const socket = bySlot.get(slot);
        if (isKept) socket!.counters = isGrowth ? grownBy(socket!.counters, counters) : counters;
        return isKept;
      },
      fetch: (closed) => next.fetch(closed),
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

  /** @param rest rows of those that are not kept */
  #count(counted: CountedColumns, rest: readonly number[]): void {
    const all = new CountedRows(counted).only(null);
    for (const [row, { slot, counters, isGrowth }] of all.entries()) {
      const socket = this.#bySlot.get(slot);
      if (socket === undefined || rest.includes(row)) continue;
      socket.counters = isGrowth ? grownBy(socket.counters, counters) : counters;
    }
  }

  #objectOf(opened: OpenedColumns, at: number, epoch: string): ReportedSocket {
    // Ingest has these columns, and tells by objects what is not taken.
    const { slot: _, id, forwarded: __, ...row } = (opened as SimpleOpens).rowAt(at);
    return { ...row, host: this.#host, id: `${epoch}-${id}`, closedAtMs: null };
  }
}
