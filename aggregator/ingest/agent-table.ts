/**
 * The aggregator's copy of one agent's sockets: slots → reported sockets. Every change goes to SocketReports at once. Most of
 * them correlation keeps itself (KeptSockets): of those there is no object here but while something unusual is told of them.
 *
 * A snapshot replaces the copy in one synchronous go and tells only the difference, so what goes on does not flicker:
 * within an epoch sockets are known by the agent's number, across a restart of the agent by what they are.
 */
import type { Owner } from '../../model/process.ts';
import { grownBy, type SocketCounters, sameCounters } from '../../model/socket-counters.ts';
import { type SocketState, stateOf } from '../../model/socket-state.ts';
import type { Translation } from '../../model/translation.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { KeptSockets, ReportedSocket, ReportingHost, SocketReports } from '../correlate/report.ts';
import { matchContinuations, matchNumbers } from './continuation.ts';
import { FlowTable, isFlow } from './flow-table.ts';
import { type OpenedRow, reportedBy } from './opened-row.ts';
import { type CountedRow, CountedRows } from './row-findings.ts';
import type { MessageRows } from './rows.ts';
import type { SavedTable } from './saved-host.ts';
import type { SimpleOpens } from './simple-opens.ts';
import type { ArrivingSnapshot } from './snapshot.ts';
import { ToldEpoch, type ToldSockets } from './told-sockets.ts';
import { Vanished } from './vanished.ts';

interface TableRow {
  readonly socket: ReportedSocket;
  /** The agent's number in the current epoch. */
  readonly id: number;
}

export class AgentTable {
  readonly #host: ReportingHost;
  readonly #reports: SocketReports;
  /** Open sockets by slot, but for those that are kept. */
  #rows = new Map<number, TableRow>();
  readonly #kept: KeptSockets | null;
  /** Slots of sockets that are objects for now, and may be kept when the message is done. */
  #lent: number[] = [];
  readonly #flows: FlowTable;
  readonly #vanished = new Vanished();
  readonly #toldSockets: ToldSockets;
  /** Of the current epoch. */
  #told = new ToldEpoch();
  #epoch = 0;
  #bootId = '';

  constructor(host: ReportingHost, reports: SocketReports, toldSockets: ToldSockets) {
    this.#host = host;
    this.#toldSockets = toldSockets;
    this.#reports = reports;
    this.#kept = reports.kept(host, (slot, id, socket) => this.#rows.set(slot, { socket, id }));
    this.#flows = new FlowTable(host, reports);
  }

  save(): SavedTable {
    return { epoch: this.#epoch, bootId: this.#bootId };
  }

  /** Takes over what an earlier run of the aggregator knew, where that goes beyond what was told anew. */
  settle({ epoch, bootId }: SavedTable): void {
    if (this.#epoch === 0) [this.#epoch, this.#bootId] = [epoch, bootId];
  }

  /** Whether rows may be told as columns. */
  get keeps(): boolean {
    return this.#kept !== null;
  }

  /** Sockets, and flows that the host passes on. */
  get size(): number {
    return this.#rows.size + this.#flows.size + (this.#kept?.size ?? 0);
  }

  /**
   * Applies the rows of one message; all of it or, when it throws WireError, nothing. Rows about a slot that is not open
   * are left out.
   * @returns how many rows were left out: when there are any, this copy is not the agent's any more.
   */
  apply(rows: MessageRows, nowMs: number): number {
    const changes = this.#checkChanges(rows);
    for (const open of rows.opened) this.#checkFree(open.slot, open.id);
    const { simple } = rows;
    for (let at = 0; at < (simple?.count ?? 0); at++) this.#checkFree(simple!.slot[at]!, simple!.id[at]!);
    for (const { row, state, inode, owners } of changes.list) {
      this.#change(row.socket, { state, inode, owners }, nowMs);
    }
    let leftOut = changes.leftOut + this.#applyTranslations(rows, nowMs);
    const uncounted = this.#countAll(
      rows.counted.only(this.#kept?.countAll(rows.counted.columns) ?? null),
      nowMs,
    );
    this.#kept?.fetch(rows.closed);
    for (const { slot, closedAtMs } of rows.closed) {
      if (!this.#closeAt(slot, closedAtMs, nowMs) && !this.#flows.close(slot, nowMs)) leftOut++;
    }
    this.#openAll(rows, nowMs);
    leftOut += this.#countAll(uncounted, nowMs).length;
    this.#keepLent();
    return leftOut;
  }

  /** @returns whether a socket had that slot */
  #closeAt(slot: number, closedAtMs: number, nowMs: number): boolean {
    if (this.#kept?.close(slot, closedAtMs, nowMs) === true) return true;
    const row = this.#rowAt(slot);
    if (row === undefined) return false;
    this.#rows.delete(slot);
    this.#close(row.socket, closedAtMs, nowMs);
    return true;
  }

  /** The socket of a slot as an object, also one that is kept. */
  #rowAt(slot: number): TableRow | undefined {
    const known = this.#rows.get(slot);
    if (known !== undefined || this.#kept === null) return known;
    const id = this.#kept.idAt(slot);
    if (id < 0) return undefined;
    const row = { socket: this.#kept.restore(slot)!, id };
    this.#rows.set(slot, row);
    this.#lent.push(slot);
    return row;
  }

  /** What was an object for this message is kept as far as it can be. */
  #keepLent(): void {
    if (this.#kept === null) return;
    const epoch = this.#epoch.toString(36);
    for (const slot of this.#lent) {
      const row = this.#rows.get(slot);
      if (row !== undefined && this.#kept.keep(row.socket, { slot, id: row.id, epoch }))
        this.#rows.delete(slot);
    }
    this.#lent.length = 0;
  }

  /** Makes objects of all sockets, but for those of some slots. */
  #restoreAllBut(slots: ReadonlySet<number>): void {
    for (const slot of this.#kept?.slots() ?? []) if (!slots.has(slot)) this.#rowAt(slot);
  }

  /** In the order in which the agent saw them. */
  #openAll({ opened, simple, simpleBefore }: MessageRows, nowMs: number): void {
    let next = 0;
    for (const [n, open] of opened.entries()) {
      if (simple !== null) this.#openSimple(simple, next, simpleBefore[n]!, nowMs);
      next = simpleBefore[n]!;
      this.#told.add(open.id);
      if (isFlow(open)) this.#flows.open(open, nowMs);
      else this.#open(open, nowMs);
    }
    if (simple !== null) this.#openSimple(simple, next, simple.count, nowMs);
  }

  #openSimple(simple: SimpleOpens, from: number, to: number, nowMs: number): void {
    if (from === to) return;
    this.#told.addAll(simple.id, from, to);
    const isTaken = this.#kept!.open(simple, { from, to }, this.#epoch.toString(36), nowMs);
    for (let at = from; at < to; at++) if (isTaken[at] === 0) this.#open(simple.rowAt(at), nowMs);
  }

  /** @returns how many rows were left out */
  #applyTranslations({ translated }: MessageRows, nowMs: number): number {
    let leftOut = 0;
    for (const { slot, translation } of translated) {
      const row = this.#rowAt(slot);
      if (row === undefined) leftOut++;
      else this.#translate(row.socket, translation, nowMs);
    }
    return leftOut;
  }

  /** @returns those of slots that are not open, or not yet */
  #countAll(counted: readonly CountedRow[], nowMs: number): CountedRow[] {
    const unknown: CountedRow[] = [];
    for (const each of counted) {
      const { slot, counters, isGrowth } = each;
      if (this.#kept?.count(slot, counters, isGrowth) === true) continue;
      const row = this.#rows.get(slot);
      if (row === undefined) unknown.push(each);
      else this.#count(row.socket, isGrowth ? grownBy(row.socket.counters, counters) : counters, nowMs);
    }
    return unknown;
  }

  /** Replaces all rows by those of a snapshot. */
  replace(snapshot: ArrivingSnapshot, agent: { epoch: number; bootId: string }, nowMs: number): void {
    const sameEpoch = agent.epoch === this.#epoch;
    const sameBoot = agent.bootId === this.#bootId;
    // One of before is not told again; of an epoch that is forgotten nothing is known.
    this.#told = this.#toldSockets.of(agent.epoch) ?? new ToldEpoch();
    const isResent = ({ closedAtMs, id }: OpenedRow): boolean => closedAtMs !== null && this.#told.has(id);
    // Sockets that are no longer kept for its sake are objects before it is looked which ones go on.
    this.#flows.replace(snapshot.flows, sameEpoch, nowMs);
    this.#restoreAllBut(sameEpoch && this.#kept !== null ? snapshot.passOver(this.#kept) : new Set());
    const before = this.#rows;
    const byId = new Map(Array.from(before.values(), (row) => [row.id, row]));
    const isAnyKnown = before.size > 0 && sameBoot;
    const objects = snapshot.objects((id) => (sameEpoch ? byId.has(id) : isAnyKnown));
    const successors = sameEpoch
      ? matchNumbers(objects, byId)
      : matchContinuations(objects, sameBoot ? before.values() : []);
    const known = new Set(successors.values());
    this.#rows = new Map();
    this.#epoch = agent.epoch;
    this.#bootId = agent.bootId;
    const gone = [...before.values()].filter((row) => !known.has(row));
    for (const row of gone) this.#close(row.socket, nowMs, nowMs);
    if (!sameBoot) this.#vanished.clear();
    else if (!sameEpoch) this.#vanished.add(gone, nowMs);
    for (const [open, row] of successors) this.#goOn(open, row.socket, nowMs);
    const isNew = (open: OpenedRow): boolean => !isFlow(open) && !successors.has(open) && !isResent(open);
    this.#openParts(snapshot, isNew, nowMs);
    this.#lent = [...this.#rows.keys()];
    this.#keepLent();
  }

  /** @param isNew whether what is an object is opened */
  #openParts({ parts }: ArrivingSnapshot, isNew: (open: OpenedRow) => boolean, nowMs: number): void {
    for (const part of parts) {
      for (const step of part.steps()) {
        if ('simple' in step) this.#openSimple(step.simple, step.from, step.to, nowMs);
        else if (isNew(step)) this.#open(step, nowMs);
        if (!('simple' in step)) this.#told.add(step.id);
      }
      const others = this.#kept?.countAll(part.counted) ?? null;
      this.#countAll(new CountedRows(part.counted).only(others), nowMs);
    }
  }

  /**
   * Whether a socket out of the spool, of a later run, was told by the run before and found gone when another one told a
   * snapshot: it closed in between, and is known.
   */
  hasVanished(open: OpenedRow): boolean {
    return this.#vanished.take(open);
  }

  /** Takes all sockets out, without telling that they closed: nobody knows. Flows end. */
  withdraw(nowMs: number): ReportedSocket[] {
    this.#restoreAllBut(new Set());
    this.#lent.length = 0;
    const sockets = Array.from(this.#rows.values(), ({ socket }) => socket);
    for (const { id } of this.#rows.values()) this.#told.withdraw(id);
    this.#flows.clear(nowMs);
    this.#rows.clear();
    return sockets;
  }

  #checkFree(slot: number, id: number): void {
    const kept = this.#kept?.idAt(slot) ?? -1;
    const holder = kept >= 0 ? kept : (this.#rows.get(slot)?.id ?? this.#flows.holder(slot));
    if (holder === undefined) return;
    throw new WireError('bad-slot', `slot ${slot} is opened for ${id} while it holds ${holder}`);
  }

  /** What updates and new owners make of each open slot, checked before any of it takes effect. */
  #checkChanges(rows: MessageRows): { list: RowChange[]; leftOut: number } {
    const changes = new Map<number, RowChange>();
    let leftOut = 0;
    const changeOf = (slot: number): RowChange | undefined => {
      const row = this.#rowAt(slot);
      if (row === undefined) {
        leftOut++;
        return undefined;
      }
      const { state, inode, owners } = row.socket;
      const change = changes.get(slot) ?? { row, state, inode, owners };
      changes.set(slot, change);
      return change;
    };
    for (const update of rows.updated) {
      const change = changeOf(update.slot);
      if (change === undefined) continue;
      change.state = knownState(change.row.socket, update.state);
      change.inode = update.inode;
    }
    for (const { slot, owners } of rows.reowned) {
      const change = changeOf(slot);
      if (change !== undefined) change.owners = owners;
    }
    return { list: [...changes.values()], leftOut };
  }

  #goOn(open: OpenedRow, socket: ReportedSocket, nowMs: number): void {
    this.#change(socket, open, nowMs);
    if (open.translation !== null) this.#translate(socket, open.translation, nowMs);
    if (open.counters !== null) this.#count(socket, open.counters, nowMs);
    if (open.closedAtMs === null) this.#rows.set(open.slot, { socket, id: open.id });
    else this.#close(socket, open.closedAtMs, nowMs);
  }

  #open(open: OpenedRow, nowMs: number): void {
    const { slot, id, closedAtMs } = open;
    const socket = reportedBy(this.#host, this.#epoch, open, null);
    this.#reports.opened(socket, nowMs);
    if (closedAtMs !== null) return this.#close(socket, closedAtMs, nowMs);
    this.#rows.set(slot, { socket, id });
    this.#lent.push(slot);
  }

  /** A socket without owners keeps those that it was last seen with. */
  #change(
    socket: ReportedSocket,
    to: { readonly state: SocketState; readonly inode: number; readonly owners: readonly Owner[] },
    nowMs: number,
  ): void {
    const previousState = socket.state;
    const owners = to.owners.length > 0 && !sameOwners(socket.owners, to.owners) ? to.owners : socket.owners;
    if (previousState === to.state && socket.inode === to.inode && socket.owners === owners) return;
    socket.state = to.state;
    socket.inode = to.inode;
    socket.owners = owners;
    this.#reports.changed(socket, previousState, nowMs);
  }

  #translate(socket: ReportedSocket, translation: Translation, nowMs: number): void {
    if (JSON.stringify(socket.translation) === JSON.stringify(translation)) return;
    socket.translation = translation;
    this.#reports.translated(socket, nowMs);
  }

  #count(socket: ReportedSocket, counters: SocketCounters, nowMs: number): void {
    if (socket.counters !== null && sameCounters(socket.counters, counters)) return;
    socket.counters = counters;
    this.#reports.counted(socket, nowMs);
  }

  #close(socket: ReportedSocket, closedAtMs: number, nowMs: number): void {
    socket.closedAtMs = Math.max(socket.openedAtMs, closedAtMs);
    this.#reports.closed(socket, nowMs);
  }
}

interface RowChange {
  readonly row: TableRow;
  state: SocketState;
  inode: number;
  owners: readonly Owner[];
}

function knownState(socket: ReportedSocket, number: number): SocketState {
  const state = stateOf(socket.protocol, number);
  if (state !== null) return state;
  throw new WireError('unknown-state', `update_state ${number} is no state of ${socket.protocol}`);
}

function sameOwners(a: readonly Owner[], b: readonly Owner[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
