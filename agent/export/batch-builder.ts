/**
 * Turns what the slot table has to tell into messages of bounded size: rows, the dictionary entries that they need,
 * and the gaps. A snapshot is the same work with everything to be told again.
 */
import type { Netns } from '../../model/netns.ts';
import { type AgentBatch, agentBatch } from '../../wire/agent-batch.ts';
import { messageFlags } from '../../wire/protocol.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { BatchColumns } from './batch-columns.ts';
import { Dictionary } from './dictionary.ts';
import type { GapLedger } from './gap-ledger.ts';
import { messageOverheadBytes } from './message-size.ts';
import type { SlotRecord } from './slot-record.ts';
import type { SlotTable } from './slot-table.ts';
import { SocketRows } from './socket-rows.ts';
import { netnsByNumber } from './unknown-netns.ts';

/** A message is cut when it reaches this size; the last row and the last definition may reach beyond it. */
export const batchTargetBytes = 64 * 1024;

/** How far the snapshot of the current stream is told. */
type SnapshotPhase = 'to-begin' | 'begun' | 'told';

export class BatchBuilder {
  readonly #slots: SlotTable;
  readonly #gaps: GapLedger;
  #targetBytes: number;
  #dictionary = new Dictionary();
  #netns: ReadonlyMap<number, Netns> = new Map();
  /** Namespaces that the current stream may not know as they are. */
  #netnsToDefine: Netns[] = [];
  #phase: SnapshotPhase = 'told';

  constructor(slots: SlotTable, gaps: GapLedger, targetBytes = batchTargetBytes) {
    this.#slots = slots;
    this.#gaps = gaps;
    this.#targetBytes = targetBytes;
  }

  /** Keeps messages well within what the aggregator takes. */
  limitMessages(maxBytes: number): void {
    if (maxBytes > 0) this.#targetBytes = Math.min(this.#targetBytes, Math.floor(maxBytes / 4));
  }

  /** What the current stream was told of; beside rows. */
  get tables(): readonly BoundedTable[] {
    return this.#dictionary.tables;
  }

  /** The namespaces of the last scan. One that is gone is dropped with its last socket. */
  setNetns(current: readonly Netns[]): void {
    this.#netns = new Map(current.map((netns) => [netns.inode, netns]));
    this.#netnsToDefine = [...current];
    for (const inode of this.#dictionary.definedNetns()) {
      if (!this.#netns.has(inode) && !this.#slots.hasNetns(inode)) this.#dictionary.dropNetns(inode);
    }
  }

  /** The next message begins a snapshot: a new stream, or one whose other end lost the thread. */
  startSnapshot(): void {
    this.#slots.startSnapshot();
    this.#gaps.restart();
    this.#dictionary = new Dictionary();
    this.#netnsToDefine = [...this.#netns.values()];
    this.#phase = 'to-begin';
  }

  /** Whether the next message would have nothing to tell. */
  get isAllTold(): boolean {
    const isTold = this.#phase === 'told' && this.#netnsToDefine.length === 0;
    return isTold && this.#slots.pendingCount + this.#gaps.pendingCount === 0 && !this.#dictionary.hasChanges;
  }

  /**
   * The next message, or null when there is nothing to tell. What it tells counts as told from here on. Every stream
   * starts with startSnapshot.
   */
  build(seq: number, nowMs: number): AgentBatch | null {
    if (this.#dictionary.sweepDue) this.#dictionary.sweepProcesses(this.#slots.processes());
    const columns = new BatchColumns();
    const rows = new SocketRows(this.#dictionary, columns, nowMs);
    while (this.#netnsToDefine.length > 0 && this.#hasRoom(columns)) {
      this.#dictionary.defineNetns(this.#netnsToDefine.shift()!);
    }
    for (const record of this.#slots.pending()) {
      if (this.#isSnapshotDone || !this.#hasRoom(columns) || !this.#define(record, columns)) break;
      this.#tell(record, rows);
      this.#slots.markTold(record, seq);
    }
    const flags = this.#advancePhase();
    const hasRows = columns.bytes > 0 || this.#dictionary.hasChanges || this.#gaps.pendingCount > 0;
    if (flags === 0 && !hasRows) return null;
    return agentBatch({
      seq,
      baseUnixMs: nowMs,
      flags,
      gaps: this.#gaps.take(seq),
      ...this.#dictionary.takeChanges(),
      ...columns.sections(),
    });
  }

  /** The message that tells the last of a snapshot tells nothing else. */
  get #isSnapshotDone(): boolean {
    return this.#phase !== 'told' && this.#slots.snapshotLeft === 0;
  }

  #advancePhase(): number {
    let flags = 0;
    if (this.#phase === 'to-begin') {
      flags |= messageFlags.snapshotBegin;
      this.#phase = 'begun';
    }
    if (this.#phase === 'begun' && this.#slots.snapshotLeft === 0 && this.#netnsToDefine.length === 0) {
      flags |= messageFlags.snapshotEnd;
      this.#phase = 'told';
    }
    return flags;
  }

  #hasRoom(columns: BatchColumns): boolean {
    return messageOverheadBytes + columns.bytes + this.#dictionary.changeBytes < this.#targetBytes;
  }

  /** Defines what the row needs. False when the message is full before that; the rest is for the next message. */
  #define(record: SlotRecord, columns: BatchColumns): boolean {
    const { netns, owners } = record.socket;
    if (this.#dictionary.netnsId(netns) === null) {
      this.#dictionary.defineNetns(this.#netns.get(netns) ?? netnsByNumber(netns));
    }
    for (const owner of owners) {
      this.#dictionary.processId(owner.process);
      if (!this.#hasRoom(columns)) return false;
    }
    return true;
  }

  #tell(record: SlotRecord, rows: SocketRows): void {
    if (this.#slots.isTold(record)) rows.change(record);
    else rows.open(record, record.slot);
    if (record.closedAtMs !== null) rows.close(record, record.slot);
  }
}
