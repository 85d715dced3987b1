/**
 * The agent's own copy of what it reports: one record per socket, each with a slot, the dense number under which the
 * stream speaks of it. A snapshot is this table and nothing else.
 *
 * A closed socket keeps its record until the aggregator has acknowledged its close, so a stream that breaks loses no
 * short-lived connection. What was not told yet is a mark on the record, never a queued message: a socket that opens,
 * changes and closes while the stream is slow stays one record.
 */

import type { FourTuple } from '../../model/four-tuple.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import type { ForwardedFlow, Translation } from '../../model/translation.ts';
import { closedUnackedMax, slotsMax } from '../../wire/agent-limits.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { GapLedger } from './gap-ledger.ts';

export interface SlotRecord {
  readonly slot: number;
  /** SocketEvent.id. */
  readonly id: number;
  readonly openedAtMs: number;
  readonly notBeforeMs: number;
  /** As last seen; of a flow that the host passes on, its tuple as dialed in the guise of a socket. */
  socket: OwnedSocket;
  /** null = a socket of this host; else how it passes the conversation on. */
  readonly forwarded: FourTuple | null;
  /** null = conntrack has not told. */
  translation: Translation | null;
  /** null = not counted yet. */
  counters: SocketCounters | null;
  /** null while it is there. */
  closedAtMs: number | null;
  /** How far the aggregator was told on the current stream. */
  told: 'nothing' | 'open' | 'close';
  /** State or inode differ from what was told. */
  stateChanged: boolean;
  /** Owners differ from what was told. */
  ownersChanged: boolean;
  /** Translation differs from what was told. */
  translationChanged: boolean;
  /** Counters differ from what was told. */
  countersChanged: boolean;
  /** Belongs to the snapshot that is being told, and was not told yet. */
  inSnapshot: boolean;
}

export interface SlotLimits {
  readonly slotsMax: number;
  readonly closedUnackedMax: number;
}

export class SlotTable {
  /** In the order in which they were opened, which is the order of ids. */
  readonly #records = new Set<SlotRecord>();
  readonly #liveById = new Map<number, SlotRecord>();
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;
  /** Records with something to tell, in the order in which it came up. */
  readonly #pending = new Set<SlotRecord>();
  /** Closed records that may be forgotten when there are too many, oldest first. */
  readonly #forgettable = new Set<SlotRecord>();
  /** Closes that were told and not acknowledged, by ascending seq. */
  #unacknowledged: { readonly seq: number; readonly records: SlotRecord[] }[] = [];
  #snapshotLeft = 0;
  readonly #socketsByNetns = new Map<number, number>();
  readonly #gaps: GapLedger;
  readonly #limits: SlotLimits;
  /** Sockets that found the table full, and closed ones that were forgotten too early, since the start. */
  #refusedTotal = 0;
  #forgottenTotal = 0;

  constructor(gaps: GapLedger, limits: SlotLimits = { slotsMax, closedUnackedMax }) {
    this.#gaps = gaps;
    this.#limits = limits;
  }

  get liveCount(): number {
    return this.#liveById.size;
  }

  /** Closed records that wait for the acknowledgement of their close. */
  get closedCount(): number {
    return this.#records.size - this.#liveById.size;
  }

  get pendingCount(): number {
    return this.#pending.size;
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

  records(): Iterable<SlotRecord> {
    return this.#records;
  }

  hasNetns(inode: number): boolean {
    return this.#socketsByNetns.has(inode);
  }

  apply(event: SocketEvent | SocketFinding): void {
    if (event.kind === 'opened') return this.#open(event, null);
    if (event.kind === 'forwarded') {
      const { flow, ...opening } = event;
      return this.#open({ ...opening, socket: asSocket(flow), notBeforeMs: 0 }, flow.forwarded);
    }
    const record = this.#liveById.get(event.id);
    // Its opening found the table full; that loss is counted.
    if (record === undefined) return;
    switch (event.kind) {
      case 'changed':
        return this.#change(record, event.socket);
      case 'closed':
        return this.#close(record, event.socket, event.closedAtMs);
      case 'forward-closed':
        return this.#close(record, record.socket, event.closedAtMs);
      case 'translated':
        record.translation = event.translation;
        record.translationChanged = true;
        this.#pending.add(record);
        return;
      case 'counted':
        record.counters = event.counters;
        record.countersChanged = true;
        this.#pending.add(record);
        return;
    }
  }

  #open(event: Opening, forwarded: FourTuple | null): void {
    const slot = this.#takeSlot();
    if (slot === null) {
      this.#refusedTotal++;
      this.#gaps.lose('the socket table of the agent is full', event.openedAtMs, event.openedAtMs);
      return;
    }
    const record: SlotRecord = {
      slot,
      id: event.id,
      openedAtMs: event.openedAtMs,
      notBeforeMs: event.notBeforeMs,
      socket: event.socket,
      forwarded,
      translation: null,
      counters: null,
      closedAtMs: null,
      told: 'nothing',
      stateChanged: false,
      ownersChanged: false,
      translationChanged: false,
      countersChanged: false,
      inSnapshot: false,
    };
    this.#records.add(record);
    this.#liveById.set(record.id, record);
    this.#pending.add(record);
    const { netns } = event.socket;
    this.#socketsByNetns.set(netns, (this.#socketsByNetns.get(netns) ?? 0) + 1);
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
    if (record.told === 'nothing') return;
    record.stateChanged ||= before.state !== socket.state || before.inode !== socket.inode;
    record.ownersChanged ||= before.owners !== socket.owners;
    if (record.stateChanged || record.ownersChanged) this.#pending.add(record);
  }

  #close(record: SlotRecord, socket: OwnedSocket, closedAtMs: number): void {
    this.#change(record, socket);
    record.closedAtMs = closedAtMs;
    this.#liveById.delete(record.id);
    this.#pending.add(record);
    // Once its open was told, the close must follow on the same stream.
    if (record.told === 'nothing') this.#allowForgetting(record);
  }

  #allowForgetting(record: SlotRecord): void {
    this.#forgettable.add(record);
    if (this.#forgettable.size > this.#limits.closedUnackedMax) this.#forgetOldestClosed();
  }

  #forgetOldestClosed(): boolean {
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

  /**
   * The records with something to tell, the one that has waited longest first. Those that are marked as told meanwhile do
   * not come up again. Taking the first one anew each time would pass over all that were told before.
   */
  pending(): IterableIterator<SlotRecord> {
    return this.#pending.values();
  }

  /** Notes that the message `seq` tells all there is to tell of `record`. */
  markTold(record: SlotRecord, seq: number): void {
    this.#pending.delete(record);
    this.#leaveSnapshot(record);
    forgetChanges(record);
    if (record.closedAtMs === null) {
      record.told = 'open';
      return;
    }
    record.told = 'close';
    const last = this.#unacknowledged.at(-1);
    if (last?.seq === seq) last.records.push(record);
    else this.#unacknowledged.push({ seq, records: [record] });
    this.#allowForgetting(record);
  }

  /** All messages up to `durableSeq` are safe at the aggregator: frees the slots of the closes among them. */
  acknowledge(durableSeq: number): void {
    const kept = this.#unacknowledged.findIndex((entry) => entry.seq > durableSeq);
    const done = this.#unacknowledged.splice(0, kept < 0 ? this.#unacknowledged.length : kept);
    for (const record of done.flatMap((entry) => entry.records)) {
      if (this.#records.has(record)) this.#release(record);
    }
  }

  /** Forgets what the aggregator was told: everything stands to be told again, oldest socket first. */
  startSnapshot(): void {
    this.#pending.clear();
    this.#unacknowledged = [];
    for (const record of this.#records) {
      record.told = 'nothing';
      forgetChanges(record);
      record.inSnapshot = true;
      this.#pending.add(record);
      if (record.closedAtMs !== null) this.#forgettable.add(record);
    }
    this.#snapshotLeft = this.#records.size;
    while (this.#forgettable.size > this.#limits.closedUnackedMax) this.#forgetOldestClosed();
  }

  #leaveSnapshot(record: SlotRecord): void {
    if (!record.inSnapshot) return;
    record.inSnapshot = false;
    this.#snapshotLeft--;
  }

  #release(record: SlotRecord): void {
    this.#leaveSnapshot(record);
    this.#records.delete(record);
    this.#pending.delete(record);
    this.#forgettable.delete(record);
    this.#freeSlots.push(record.slot);
    const { netns } = record.socket;
    const left = this.#socketsByNetns.get(netns)! - 1;
    if (left === 0) this.#socketsByNetns.delete(netns);
    else this.#socketsByNetns.set(netns, left);
  }
}

type Opening = Pick<Extract<SocketEvent, { kind: 'opened' }>, 'id' | 'socket' | 'openedAtMs' | 'notBeforeMs'>;

function asSocket({ protocol, netns, dialed }: ForwardedFlow): OwnedSocket {
  return { protocol, state: 'established', ...dialed, inode: 0, uid: 0, netns, owners: [] };
}

/** A row that opens tells everything, so nothing of before is left to tell. */
function forgetChanges(record: SlotRecord): void {
  record.stateChanged = false;
  record.ownersChanged = false;
  record.translationChanged = false;
  record.countersChanged = false;
}
