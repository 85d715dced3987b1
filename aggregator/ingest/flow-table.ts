/** The aggregator's copy of the conversations that one agent's host passes on: slots → reported flows. */
import type { ReportedFlow, ReportingHost, SocketReports } from '../correlate/report.ts';
import type { OpenedRow } from './opened-row.ts';

interface FlowRow {
  readonly flow: ReportedFlow;
  /** The agent's number in the current epoch. */
  readonly id: number;
}

/** A row that stands for a flow rather than a socket. */
export type OpenedFlow = OpenedRow & { readonly forwarded: NonNullable<OpenedRow['forwarded']> };

export function isFlow(open: OpenedRow): open is OpenedFlow {
  return open.forwarded !== null;
}

export class FlowTable {
  readonly #host: ReportingHost;
  readonly #reports: SocketReports;
  #rows = new Map<number, FlowRow>();

  constructor(host: ReportingHost, reports: SocketReports) {
    this.#host = host;
    this.#reports = reports;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The agent's number of the flow in that slot; undefined where there is none. */
  holder(slot: number): number | undefined {
    return this.#rows.get(slot)?.id;
  }

  open(open: OpenedFlow, nowMs: number): void {
    const { slot, id, protocol, netns, local, remote, forwarded, openedAtMs, closedAtMs } = open;
    const flow = { host: this.#host, protocol, netns, dialed: { local, remote }, forwarded, openedAtMs };
    this.#reports.forwarded(flow, nowMs);
    if (closedAtMs === null) this.#rows.set(slot, { flow, id });
    else this.#reports.forwardEnded(flow, nowMs);
  }

  /** False where no flow has that slot. */
  close(slot: number, nowMs: number): boolean {
    const row = this.#rows.get(slot);
    if (row === undefined) return false;
    this.#rows.delete(slot);
    this.#reports.forwardEnded(row.flow, nowMs);
    return true;
  }

  /** Replaces all by those of a snapshot. Flows are not told apart across restarts: an equal one takes its place. */
  replace(snapshot: readonly OpenedFlow[], isSameEpoch: boolean, nowMs: number): void {
    const before = new Map<number, FlowRow>();
    for (const row of this.#rows.values()) before.set(row.id, row);
    const ended = this.#rows;
    this.#rows = new Map();
    for (const open of snapshot) {
      const known = isSameEpoch ? before.get(open.id) : undefined;
      if (known === undefined) this.open(open, nowMs);
      else if (open.closedAtMs === null) this.#rows.set(open.slot, known);
    }
    const kept = new Set(this.#rows.values());
    for (const row of ended.values()) if (!kept.has(row)) this.#reports.forwardEnded(row.flow, nowMs);
  }

  clear(nowMs: number): void {
    for (const slot of this.#rows.keys()) this.close(slot, nowMs);
  }
}
