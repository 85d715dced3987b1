/**
 * Turns what the slot table has to tell into messages of bounded size: rows, the dictionary entries that they need,
 * and the gaps. A snapshot is the same work with everything to be told again.
 */
import type { FourTuple } from '../../model/four-tuple.ts';
import { isIpv6 } from '../../model/ip.ts';
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { noCounters } from '../../model/socket-counters.ts';
import { stateNumber } from '../../model/socket-state.ts';
import { type AgentBatch, agentBatch } from '../../wire/agent-batch.ts';
import { ownerPairsMax } from '../../wire/agent-limits.ts';
import { clampU32, ipv4ToNumber, packMeta, packPorts } from '../../wire/packing.ts';
import { messageFlags, natRoles, neverLooked, unknownFd } from '../../wire/protocol.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { BatchColumns, type TupleColumns } from './batch-columns.ts';
import { Dictionary, noProcess } from './dictionary.ts';
import type { GapLedger } from './gap-ledger.ts';
import { messageOverheadBytes } from './message-size.ts';
import { changeBits, nobodyLooked, type SlotRecord } from './slot-record.ts';
import type { SlotTable } from './slot-table.ts';

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
    while (this.#netnsToDefine.length > 0 && this.#hasRoom(columns)) {
      this.#dictionary.defineNetns(this.#netnsToDefine.shift()!);
    }
    for (const record of this.#slots.pending()) {
      if (this.#isSnapshotDone || !this.#hasRoom(columns) || !this.#define(record, columns)) break;
      this.#tell(record, columns, nowMs);
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
      opens: columns.opens,
      closes: columns.closes,
      updates: columns.updates,
      reownedSlots: columns.reownedSlots,
      owners: columns.owners,
      nat: columns.nat,
      stages: columns.stages,
      counters: columns.counters,
      grown: columns.grown,
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
      this.#dictionary.defineNetns(this.#netns.get(netns) ?? unknownNetns(netns));
    }
    for (const owner of owners) {
      this.#dictionary.processId(owner.process);
      if (!this.#hasRoom(columns)) return false;
    }
    return true;
  }

  #tell(record: SlotRecord, columns: BatchColumns, nowMs: number): void {
    const { slot } = record;
    if (!this.#slots.isTold(record)) this.#tellOpen(record, columns, nowMs);
    else this.#tellChanges(record, columns);
    if (record.closedAtMs !== null) columns.close(slot, clampU32(nowMs - record.closedAtMs));
  }

  #tellChanges(record: SlotRecord, columns: BatchColumns): void {
    const { slot, socket, changes } = record;
    if (changes & changeBits.state) columns.update(slot, stateNumber(socket.state), clampU32(socket.inode));
    if (changes & changeBits.owners) {
      columns.reownedSlots.push(slot);
      for (const [process, fd] of this.#ownerPairs(socket)) columns.owner(slot, process, fd);
    }
    if (changes & changeBits.translation) this.#tellTranslation(record, columns);
    if (changes & changeBits.counters) columns.count(slot, record.counters!, record.toldCounters);
  }

  #tellOpen(record: SlotRecord, columns: BatchColumns, nowMs: number): void {
    const { slot, socket } = record;
    const { v6, ...tuple } = this.#tuple(socket);
    const [first, ...further] = this.#ownerPairs(socket);
    columns.open({
      slot,
      ...tuple,
      meta: packMeta({ protocol: socket.protocol, state: socket.state, v6, byConntrack: record.byConntrack }),
      netns: this.#dictionary.netnsId(socket.netns) ?? 0,
      inode: clampU32(socket.inode),
      uid: clampU32(socket.uid),
      process: first?.[0] ?? noProcess,
      fd: first?.[1] ?? 0,
      ageMs: clampU32(nowMs - record.openedAtMs),
      unseenMs: unseenColumn(record),
      id: record.id,
    });
    for (const [process, fd] of further) columns.owner(slot, process, fd);
    if (record.translation !== null || record.forwarded !== null) this.#tellTranslation(record, columns);
    if (record.counters !== null) columns.count(slot, record.counters, noCounters);
  }

  #tellTranslation({ slot, forwarded, translation }: SlotRecord, columns: BatchColumns): void {
    const stages = forwarded === null ? translation!.stages : [forwarded];
    columns.role(slot, forwarded === null ? natRoles[translation!.role] : natRoles.forwarder);
    for (const stage of stages) columns.stage(slot, this.#tuple(stage));
  }

  #tuple({ local, remote }: FourTuple): TupleColumns {
    const v6 = isIpv6(local.ip) || isIpv6(remote.ip);
    const address = (ip: string): number => (v6 ? this.#dictionary.addressId(ip) : ipv4ToNumber(ip));
    return {
      localAddress: address(local.ip),
      remoteAddress: address(remote.ip),
      ports: packPorts(local.port, remote.port),
      v6,
    };
  }

  #ownerPairs(socket: OwnedSocket): [process: number, fd: number][] {
    const pairs: [number, number][] = [];
    for (const owner of socket.owners) {
      const process = this.#dictionary.processId(owner.process);
      if (process === noProcess) continue;
      if (owner.fds.length === 0) pairs.push([process, unknownFd]);
      for (const fd of owner.fds) pairs.push([process, fd]);
    }
    return pairs.slice(0, ownerPairsMax);
  }
}

function unseenColumn({ unseenMs }: SlotRecord): number {
  return unseenMs === nobodyLooked ? neverLooked : Math.min(neverLooked - 1, clampU32(unseenMs));
}

/** For sockets of a namespace that no scan described. */
function unknownNetns(inode: number): Netns {
  return {
    inode,
    isHost: false,
    addresses: [],
    localNetworks: [],
    ephemeralPorts: [defaultEphemeralPorts[0], defaultEphemeralPorts[1]],
  };
}
