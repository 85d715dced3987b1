/**
 * The agent's own copy of what it reports: one record per socket, each with a slot, the dense number under which the
 * stream speaks of it. A snapshot is this table and nothing else.
 *
 * A closed socket keeps its record until the aggregator has acknowledged its close, so a stream that breaks loses no
 * short-lived connection. What was not told yet is a mark on the record, never a queued message: a socket that opens,
 * changes and closes while the stream is slow stays one record.
 *
 *     startSnapshot   counts the streams: from there on every record was told on an earlier one, so none has to be touched
 *     pending         those of before the snapshot in the order of their opening, then what came or changed since
 */

import type { FourTuple } from '../../model/four-tuple.ts';
import type { Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { noCounters } from '../../model/socket-counters.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import { closedUnackedMax, slotsMax } from '../../wire/agent-limits.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { GapLedger } from './gap-ledger.ts';
import { changeBits, flowAsSocket, type Opening, openedRecord, type SlotRecord } from './slot-record.ts';

export interface SlotLimits {
  readonly slotsMax: number;
  readonly closedUnackedMax: number;
  /** Closed records that are in the spool as well. */
  readonly spooledKeptMax: number;
}

/** As the wire allows them. */
export const slotLimits: SlotLimits = { slotsMax, closedUnackedMax, spooledKeptMax: 1 << 12 };

export class SlotTable {
  /** By id, in the order in which they were opened. */
  readonly #records = new Map<number, SlotRecord>();
  #closedCount = 0;
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;
  /** Records with something to tell that are not due in the snapshot, in the order in which it came up. */
  readonly #pending = new Set<SlotRecord>();
  /** Closed records that may be forgotten when there are too many, oldest first. */
  readonly #forgettable = new Set<SlotRecord>();
  /** Closed records that are neither acknowledged nor in the spool, in the order of their closing. */
  readonly #unsafe = new Set<SlotRecord>();
  /** Closed records that are in the spool, and were told before they closed: they are told here too, while there is room. */
  readonly #spooled = new Set<SlotRecord>();
  /** Closes that were told and not acknowledged, by ascending seq. */
  #unacknowledged: { readonly seq: number; readonly records: SlotRecord[] }[] = [];
  /** Number of the current one. */
  #stream = 1;
  /** Of its snapshot: how many are not told, and where the first of them is. */
  #snapshotLeft = 0;
  #snapshot = noRecords;
  #nextInSnapshot: SlotRecord | null = null;
  readonly #socketsByNetns = new Map<number, number>();
  readonly #socketsByProcess = new Map<Process, number>();
  readonly #gaps: GapLedger;
  readonly #limits: SlotLimits;
  /** Sockets that found the table full, and closed ones that were forgotten too early, since the start. */
  #refusedTotal = 0;
  #forgottenTotal = 0;

  constructor(gaps: GapLedger, limits: Partial<SlotLimits> = {}) {
    this.#gaps = gaps;
    this.#limits = { ...slotLimits, ...limits };
  }

  get liveCount(): number {
    return this.#records.size - this.#closedCount;
  }

  /** Closed records that wait for the acknowledgement of their close. */
  get closedCount(): number {
    return this.#closedCount;
  }

  get pendingCount(): number {
    return this.#pending.size + this.#snapshotLeft;
  }

  /** Records of the running snapshot that were not told yet. */
  get snapshotLeft(): number {
    return this.#snapshotLeft;
  }

  get tables(): readonly BoundedTable[] {
    const { slotsMax: limit, closedUnackedMax: closedLimit } = this.#limits;
    const { size } = this.#forgettable;
    return [
      { name: 'slots', size: this.#records.size, limit, refusedTotal: this.#refusedTotal },
      {
        name: 'closes_to_acknowledge',
        size,
        limit: closedLimit,
        refusedTotal: this.#forgottenTotal,
      },
    ];
  }

  /** Those that hold a socket, or held it when it was closed. */
  processes(): Iterable<Process> {
    return this.#socketsByProcess.keys();
  }

  /** Whether the aggregator knows of it on the current stream. */
  isTold(record: SlotRecord): boolean {
    return record.stream === this.#stream;
  }

  hasNetns(inode: number): boolean {
    return this.#socketsByNetns.has(inode);
  }

  apply(event: SocketEvent | SocketFinding): void {
    if (event.kind === 'opened' || event.kind === 'peer-opened') return this.#open(event, null);
    if (event.kind === 'forwarded') {
      const { flow, ...opening } = event;
      return this.#open({ ...opening, socket: flowAsSocket(flow), notBeforeMs: 0 }, flow.forwarded);
    }
    const record = this.#records.get(event.id);
    // Its opening found the table full; that loss is counted.
    if (record === undefined || record.closedAtMs !== null) return;
    switch (event.kind) {
      case 'changed':
      case 'peer-changed':
        return this.#change(record, event.socket);
      case 'closed':
        return this.#close(record, event.socket, event.closedAtMs);
      case 'forward-closed':
      case 'peer-closed':
        return this.#close(record, record.socket, event.closedAtMs);
      case 'translated':
        record.translation = event.translation;
        return this.#note(record, changeBits.translation);
      case 'counted':
        record.counters = event.counters;
        return this.#note(record, changeBits.counters);
    }
  }

  #open(event: Opening, forwarded: FourTuple | null): void {
    const slot = this.#takeSlot();
    if (slot === null) {
      this.#refusedTotal++;
      this.#gaps.lose('the socket table of the agent is full', event.openedAtMs, event.openedAtMs);
      return;
    }
    const { id, socket } = event;
    const record = openedRecord(event, slot, this.#stream, forwarded);
    this.#records.set(id, record);
    this.#pending.add(record);
    addTo(this.#socketsByNetns, socket.netns, 1);
    this.#countOwners(socket, 1);
  }

  /** Live sockets have precedence: a full table forgets its oldest closed record first. */
  #takeSlot(): number | null {
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    if (this.#nextSlot < this.#limits.slotsMax) return this.#nextSlot++;
    return this.#forgetOldestClosed() ? this.#freeSlots.pop()! : null;
  }

  #change(record: SlotRecord, socket: OwnedSocket): void {
    const before = record.socket;
    record.socket = socket;
    if (before.owners !== socket.owners) {
      this.#countOwners(socket, 1);
      this.#countOwners(before, -1);
    }
    if (!this.isTold(record)) return;
    let changes = 0;
    if (before.state !== socket.state || before.inode !== socket.inode) changes |= changeBits.state;
    if (before.owners !== socket.owners) changes |= changeBits.owners;
    if (changes !== 0) this.#note(record, changes);
  }

  #close(record: SlotRecord, socket: OwnedSocket, closedAtMs: number): void {
    this.#change(record, socket);
    record.closedAtMs = closedAtMs;
    this.#closedCount++;
    this.#unsafe.add(record);
    this.#note(record, 0);
    // Once its open was told, the close must follow on the same stream.
    if (!this.isTold(record)) this.#allowForgetting(record);
  }

  /** There is something to tell of it. */
  #note(record: SlotRecord, changes: number): void {
    record.changes |= changes;
    if (!this.#isDueInSnapshot(record)) this.#pending.add(record);
  }

  #countOwners({ owners }: OwnedSocket, sockets: number): void {
    for (const { process } of owners) addTo(this.#socketsByProcess, process, sockets);
  }

  #allowForgetting(record: SlotRecord): void {
    this.#forgettable.add(record);
    if (this.#forgettable.size > this.#limits.closedUnackedMax) this.#forgetOldestClosed();
  }

  /** Forgetting one that is in the spool loses nothing. */
  #forgetOldestClosed(): boolean {
    if (this.#forgetOldestSpooled()) return true;
    const [oldest] = this.#forgettable;
    if (oldest === undefined) return false;
    this.#forgottenTotal++;
    this.#gaps.lose(
      'closed sockets had to be forgotten before the aggregator took them',
      oldest.openedAtMs,
      oldest.closedAtMs!,
    );
    this.#release(oldest);
    return true;
  }

  #forgetOldestSpooled(): boolean {
    for (const record of this.#spooled) {
      // Its close must follow on the stream that was told of it.
      if (!this.#forgettable.has(record)) continue;
      this.#release(record);
      return true;
    }
    return false;
  }

  /** Closed records that are neither acknowledged nor in the spool, in the order of their closing. */
  get unsafe(): ReadonlySet<SlotRecord> {
    return this.#unsafe;
  }

  /**
   * Those are in the spool, on the disk. What no stream was told of goes; what was told before it closed stays for a while, so
   * that its close is told with its time.
   */
  spooled(records: readonly SlotRecord[]): void {
    for (const record of records) {
      if (!this.#unsafe.delete(record)) continue;
      if (record.stream < 0) this.#release(record);
      else this.#spooled.add(record);
    }
    while (this.#spooled.size > this.#limits.spooledKeptMax && this.#forgetOldestSpooled());
  }

  /**
   * The records with something to tell, the one that has waited longest first. Those that are marked as told meanwhile do
   * not come up again. Of a snapshot nothing more comes up behind a record that was not told.
   */
  *pending(): Generator<SlotRecord, void> {
    for (;;) {
      const record = this.#firstInSnapshot();
      if (record === null) break;
      yield record;
      if (record === this.#firstInSnapshot()) return;
    }
    yield* this.#pending.values();
  }

  #firstInSnapshot(): SlotRecord | null {
    if (this.#snapshotLeft === 0) return null;
    while (this.#nextInSnapshot === null || !this.#isDueInSnapshot(this.#nextInSnapshot)) {
      this.#nextInSnapshot = this.#snapshot.next().value as SlotRecord;
    }
    return this.#nextInSnapshot;
  }

  /** It was there when the snapshot began, and was not told since. */
  #isDueInSnapshot({ stream }: SlotRecord): boolean {
    return stream !== this.#stream && stream !== -this.#stream;
  }

  /** Notes that the message `seq` tells all there is to tell of `record`. */
  markTold(record: SlotRecord, seq: number): void {
    this.#noteCounters(record);
    this.#pending.delete(record);
    this.#leaveSnapshot(record);
    record.changes = 0;
    if (record.closedAtMs === null) return;
    const last = this.#unacknowledged.at(-1);
    if (last?.seq === seq) last.records.push(record);
    else this.#unacknowledged.push({ seq, records: [record] });
    this.#allowForgetting(record);
  }

  /** Before it counts as told: the counters of what is opened are 0, but a snapshot may go on with those of an earlier stream. */
  #noteCounters(record: SlotRecord): void {
    if (record.counters !== null) record.toldCounters = record.counters;
    else if (!this.isTold(record)) record.toldCounters = this.#isDueInSnapshot(record) ? null : noCounters;
  }

  /** All messages up to `durableSeq` are safe at the aggregator: frees the slots of the closes among them. */
  acknowledge(durableSeq: number): void {
    const kept = this.#unacknowledged.findIndex((entry) => entry.seq > durableSeq);
    const done = this.#unacknowledged.splice(0, kept < 0 ? this.#unacknowledged.length : kept);
    for (const record of done.flatMap((entry) => entry.records)) {
      if (this.#records.get(record.id) === record) this.#release(record);
    }
  }

  /** Forgets what the aggregator was told: everything stands to be told again, oldest socket first. */
  startSnapshot(): void {
    for (const record of this.#pending) if (record.closedAtMs !== null) this.#forgettable.add(record);
    this.#pending.clear();
    this.#unacknowledged = [];
    this.#stream++;
    this.#snapshotLeft = this.#records.size;
    this.#snapshot = this.#records.values();
    this.#nextInSnapshot = null;
    while (this.#forgettable.size > this.#limits.closedUnackedMax) this.#forgetOldestClosed();
  }

  #leaveSnapshot(record: SlotRecord): void {
    if (this.#isDueInSnapshot(record) && --this.#snapshotLeft === 0) {
      // An iterator keeps the table as it was when that grows.
      this.#snapshot = noRecords;
      this.#nextInSnapshot = null;
    }
    record.stream = this.#stream;
  }

  #release(record: SlotRecord): void {
    this.#leaveSnapshot(record);
    this.#records.delete(record.id);
    this.#closedCount--;
    this.#pending.delete(record);
    this.#forgettable.delete(record);
    this.#unsafe.delete(record);
    this.#spooled.delete(record);
    this.#freeSlots.push(record.slot);
    addTo(this.#socketsByNetns, record.socket.netns, -1);
    this.#countOwners(record.socket, -1);
  }
}

const noRecords: Iterator<SlotRecord> = [].values();

/** Counts what has something in common; whose count is 0 is forgotten. */
function addTo<Key>(counts: Map<Key, number>, key: Key, difference: number): void {
  const count = (counts.get(key) ?? 0) + difference;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
