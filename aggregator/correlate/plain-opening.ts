/**
 * Plain halves as they are told: into the core, and with what it makes of them to edges and counts. One that is told as an
 * object goes by itself; those that are told as columns go in blocks.
 *
 * What stands under a key may leave in the midst of a block, and halves of the same block with it. So before anything of a
 * row is read then, `storeBegun` writes what stands beside the core for those that have found their row by then.
 */

import { blockMax, outcomes } from '../core/block.ts';
import type { ConnectionCore } from '../core/connection-core.ts';
import { facts, factsWord, rowShift } from '../core/connection-row.ts';
import { Halves } from '../core/halves.ts';
import { never, tickAfter, tickBefore } from '../core/ticks.ts';
import { evidenceFor } from './plain-half.ts';
import type { PlainHost, PlainNetns } from './plain-host.ts';
import type { PlainKeys } from './plain-keys.ts';
import type { KeptParts } from './plain-parts.ts';
import type { PlainTuple } from './plain-tuples.ts';
import type { OpenedColumns, ReportedSocket } from './report.ts';

export interface OpeningParts extends KeptParts {
  readonly core: ConnectionCore;
  readonly tuple: PlainTuple;
  readonly keys: PlainKeys;
}

/** What is being opened in a block. */
interface Opening {
  readonly opened: OpenedColumns;
  /** Its first one in the block. */
  readonly from: number;
  readonly count: number;
  readonly host: PlainHost;
  readonly epoch: number;
  readonly nowMs: number;
}

export class PlainOpening {
  readonly #parts: OpeningParts;
  readonly #letGo: (nowMs: number) => void;
  readonly #halves = new Halves(blockMax);
  /** Of the block, whether what stands beside the core is written. */
  readonly #isStored = new Uint8Array(blockMax);
  #opening: Opening | null = null;
  /** For each of the message, whether it is taken. */
  #taken = new Uint8Array(blockMax);

  /** @param letGo hands on what has left */
  constructor(parts: OpeningParts, letGo: (nowMs: number) => void) {
    this.#parts = parts;
    this.#letGo = letGo;
  }

  /** @returns whether the core has taken it. @param socket that is plain */
  open(socket: ReportedSocket, nowMs: number): boolean {
    const { core, hosts, tuple, slots, originMs } = this.#parts;
    const netns = hosts.netnsOf(socket);
    const { host } = netns;
    if (!host.has(socket.local.ip)) return false;
    const scope = hosts.scopeOf(netns, socket.local.ip, socket.remote.ip);
    if (!tuple.fill(socket, scope)) return false;
    const holder = hosts.retain(netns, socket.owners[0]!.process);
    if (holder < 0) {
      tuple.release();
      return false;
    }
    const slot = host.takeSlot();
    const { columns } = tuple;
    columns.slot[0] = slot;
    columns.holder[0] = holder;
    columns.opened[0] = tickAfter(socket.openedAtMs, originMs);
    columns.bornAfter[0] = socket.notBeforeMs === 0 ? never : tickBefore(socket.notBeforeMs, originMs);
    columns.evidence[0] = evidenceFor(socket);
    core.open(columns, 0, 1, host.slots, tickBefore(nowMs, originMs));
    tuple.release();
    const outcome = core.outcomeOf(0);
    this.#letGo(nowMs);
    if (outcome !== outcomes.lone && outcome !== outcomes.joined) {
      if (outcome === outcomes.elsewhere) slots.closeSlot(host.slots, slot, 0);
      host.freeSlot(slot);
      hosts.release(holder);
      return false;
    }
    socket.token = slot + 1;
    const half = host.slots.get(slot);
    const { rows } = this.#parts.edges;
    rows.sockets.tell(half, socket);
    if (outcome === outcomes.lone) rows.begin(half >> 1, nowMs);
    this.#conclude(half >> 1, outcome === outcomes.joined, nowMs);
    return true;
  }

  /** @returns as KeptSockets.open */
  openAll(
    host: PlainHost,
    opened: OpenedColumns,
    { from: first, to }: { readonly from: number; readonly to: number },
    epochName: string,
    nowMs: number,
  ): Uint8Array {
    if (this.#taken.length < opened.count) this.#taken = new Uint8Array(opened.count);
    if (this.#parts.keys.isBlind) return this.#taken.fill(0);
    const epoch = host.epochNumber(epochName);
    for (let from = first; from < to; from += blockMax) {
      this.#openBlock({ opened, from, count: Math.min(blockMax, to - from), host, epoch, nowMs });
    }
    return this.#taken;
  }

  /**
   * Writes what stands beside the core for those of the block in the making that have found their row.
   * @param leaving a row that is about to leave, with those of the block that are in it
   */
  storeBegun(leaving = -1): void {
    if (this.#opening === null) return;
    const { opened, from, count, host, epoch, nowMs } = this.#opening;
    const { core, edges } = this.#parts;
    for (let i = 0; i < count; i++) {
      if (this.#isStored[i] === 1) continue;
      const half = host.keptSlots.get(this.#halves.slot[i]!);
      if (half < 0) continue;
      if (half >> 1 !== leaving && (this.#factsOf(half >> 1) & facts.elsewhere) !== 0) continue;
      this.#isStored[i] = 1;
      edges.rows.sockets.begin(half, opened, from + i, epoch);
      if (core.outcomeOf(i) === outcomes.lone) edges.rows.begin(half >> 1, nowMs);
    }
  }

  #openBlock(opening: Opening): void {
    const { count, host, nowMs } = opening;
    const { core, originMs } = this.#parts;
    this.#arrange(opening);
    this.#isStored.fill(0, 0, count);
    this.#opening = opening;
    core.open(this.#halves, 0, count, host.keptSlots, tickBefore(nowMs, originMs));
    this.storeBegun();
    this.#opening = null;
    for (let i = 0; i < count; i++) this.#taken[opening.from + i] = this.#concludeOf(i, opening) ? 1 : 0;
    this.#letGo(nowMs);
    for (let i = 0; i < count; i++) if (this.#taken[opening.from + i] === 0) this.#giveUp(i, host);
  }

  /**
   * Fills the columns of the core. One of which the holder finds no room, or that stands at an address which its host does
   * not claim, has a slot that the core refuses.
   */
  #arrange({ opened, from, count, host }: Opening): void {
    const { hosts, originMs } = this.#parts;
    const halves = this.#halves;
    let netns: PlainNetns | null = null;
    // Most stand at the address of the one before.
    let [known, isOwn] = [0, host.has4(0)];
    for (let i = 0; i < count; i++) {
      const at = from + i;
      const inode = opened.netns[at]!;
      if (netns?.inode !== inode) netns = hosts.netnsOf({ host: host.host, netns: inode });
      const [local, remote] = [opened.local[at]!, opened.remote[at]!];
      if (local !== known) [known, isOwn] = [local, host.has4(local)];
      const holder = hosts.retain(netns, opened.processes[at]!);
      const notBeforeMs = opened.notBeforeMs[at]!;
      halves.slot[i] = holder < 0 || !isOwn ? -1 : opened.slot[at]!;
      halves.local[i] = local;
      halves.remote[i] = remote;
      halves.ports[i] = opened.ports[at]!;
      halves.place[i] = hosts.scopeOf4(netns, local, remote) << 1;
      halves.holder[i] = holder;
      halves.opened[i] = tickAfter(opened.openedAtMs[at]!, originMs);
      halves.bornAfter[i] = notBeforeMs === 0 ? never : tickBefore(notBeforeMs, originMs);
      halves.evidence[i] = facts.established;
    }
  }

  /** @returns whether the one at `i` of the block is taken */
  #concludeOf(i: number, { host, nowMs }: Opening): boolean {
    const outcome = this.#parts.core.outcomeOf(i);
    if (outcome !== outcomes.lone && outcome !== outcomes.joined) return false;
    const half = host.keptSlots.get(this.#halves.slot[i]!);
    // One that has left already is an object of whoever told it.
    if (half >= 0) this.#conclude(half >> 1, outcome === outcomes.joined, nowMs);
    return true;
  }

  #giveUp(i: number, host: PlainHost): void {
    const { core, hosts, slots } = this.#parts;
    const [slot, holder] = [this.#halves.slot[i]!, this.#halves.holder[i]!];
    if (core.outcomeOf(i) === outcomes.elsewhere) slots.closeSlot(host.keptSlots, slot, 0);
    if (holder >= 0) hosts.release(holder);
  }

  #conclude(row: number, isJoined: boolean, nowMs: number): void {
    const { rows } = this.#parts.edges;
    rows.settle(row, (this.#factsOf(row) & facts.over) !== 0);
    if (isJoined) this.#parts.conclusions.placed(row, nowMs);
  }

  #factsOf(row: number): number {
    return this.#parts.edges.core.words[(row << rowShift) + factsWord]!;
  }
}
