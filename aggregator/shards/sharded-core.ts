/**
 * A core whose keys are parted among shards by a hash: what agents tell is scattered into batches, one at a time for each shard.
 * All halves of a key go to one shard, in the order in which they were told, so each shard is to its keys what one core is to
 * all. Of a slot it is known here which shard has it, so a slot that is taken or free is found to be so at once.
 *
 * Not as in one core: outcomes come later, and limits of rows and of what lingers are of each shard. A slot whose half found no
 * room stays taken until it is closed. Interned addresses have no shard yet, and are refused.
 */
import { isInterned } from '../core/addresses.ts';
import { blockMax } from '../core/block.ts';
import type { CountColumns } from '../core/connection-core.ts';
import type { Halves } from '../core/halves.ts';
import type { Holder } from '../core/holders.ts';
import { type SectionKind, ShardBatch, sectionKinds } from './shard-batch.ts';
import type { ShardLink } from './shard-link.ts';
import type { FromShard, ShardReport } from './shard-messages.ts';
import { SlotShards } from './slot-shards.ts';

/** Batches of one shard that are on their way at a time; who tells more waits (isFull). */
export const batchesMax = 8;

/** Who is told what became of what was told. */
export interface ShardedOutcomes {
  /** A batch with its outcomes, to be read before this returns. */
  batch(batch: ShardBatch): void;
  /** The words of rows that left the core, 16 each. */
  left(words: Int32Array): void;
}

interface Lane {
  readonly link: ShardLink;
  batch: ShardBatch;
  /** The call that told its last section. */
  call: number;
  readonly spare: ShardBatch[];
  /** Batches on their way. */
  away: number;
}

export class ShardedCore {
  readonly #lanes: readonly Lane[];
  readonly #outcomes: ShardedOutcomes;
  readonly #slots: (SlotShards | undefined)[] = [];
  readonly #slotsMax: number;
  readonly #reports: ((report: ShardReport) => void)[][];
  /** Answers that are to come. */
  #due = 0;
  #waiting: (() => void)[] = [];
  #calls = 0;
  /** Halves with slots that are taken, free or out of range, and with interned addresses. */
  badSlots = 0;
  refused = 0;

  constructor(links: readonly ShardLink[], slotsMax: number, outcomes: ShardedOutcomes) {
    this.#slotsMax = slotsMax;
    this.#outcomes = outcomes;
    this.#reports = links.map(() => []);
    this.#lanes = links.map((link) => {
      return { link, batch: new ShardBatch(), call: 0, spare: [], away: 0 };
    });
    for (const [shard, { link }] of this.#lanes.entries())
      link.onAnswer = (answer) => this.#hear(shard, answer);
  }

  /** Holders get the numbers 0, 1, 2, ... */
  addHolder(holder: Holder): void {
    this.flush();
    for (const { link } of this.#lanes) link.tell({ kind: 'holder', holder });
  }

  listen(netns: number, port: number, address: number): void {
    this.flush();
    for (const { link } of this.#lanes) link.tell({ kind: 'listen', netns, port, address });
  }

  /** As ConnectionCore has it, and so are the next three. */
  open(agent: number, half: Halves, from: number, count: number, tick: number): void {
    const slots = this.#begin(agent, count);
    const { slot, local, remote, ports, place, holder, opened, bornAfter, evidence } = half;
    for (let i = from; i < from + count; i++) {
      const [l, r] = [local[i]!, remote[i]!];
      if (isInterned(l) || isInterned(r)) {
        this.refused++;
        continue;
      }
      const shard = this.#shardOf(l, r, ports[i]!, place[i]!);
      if (!slots.claim(slot[i]!, shard)) {
        this.badSlots++;
        continue;
      }
      const lane = this.#lanes[shard]!;
      const at = this.#add(lane, sectionKinds.open, agent, tick);
      const { halves } = lane.batch;
      halves.slot[at] = slot[i]!;
      halves.local[at] = l;
      halves.remote[at] = r;
      halves.ports[at] = ports[i]!;
      halves.place[at] = place[i]!;
      halves.holder[at] = holder[i]!;
      halves.opened[at] = opened[i]!;
      halves.bornAfter[at] = bornAfter[i]!;
      halves.evidence[at] = evidence[i]!;
    }
  }

  close(agent: number, slot: Int32Array, closed: Int32Array, from: number, count: number): void {
    const slots = this.#begin(agent, count);
    for (let i = from; i < from + count; i++) {
      const lane = this.#laneOf(slots.take(slot[i]!));
      if (lane === null) continue;
      const at = this.#add(lane, sectionKinds.close, agent, 0);
      lane.batch.halves.slot[at] = slot[i]!;
      lane.batch.halves.opened[at] = closed[i]!;
    }
  }

  learn(
    agent: number,
    slot: Int32Array,
    evidence: Int32Array,
    from: number,
    count: number,
    tick: number,
  ): void {
    const slots = this.#begin(agent, count);
    for (let i = from; i < from + count; i++) {
      const lane = this.#laneOf(slots.get(slot[i]!));
      if (lane === null) continue;
      const at = this.#add(lane, sectionKinds.learn, agent, tick);
      lane.batch.halves.slot[at] = slot[i]!;
      lane.batch.halves.evidence[at] = evidence[i]!;
    }
  }

  count(agent: number, { slot, sent, received }: CountColumns, from: number, count: number): void {
    const slots = this.#begin(agent, count);
    for (let i = from; i < from + count; i++) {
      const lane = this.#laneOf(slots.get(slot[i]!));
      if (lane === null) continue;
      const at = this.#add(lane, sectionKinds.count, agent, 0);
      lane.batch.halves.slot[at] = slot[i]!;
      lane.batch.sent[at] = sent[i]!;
      lane.batch.received[at] = received[i]!;
    }
  }

  /** @param lingerMax of each shard */
  sweep(tick: number, lingerMax: number): void {
    this.flush();
    for (const { link } of this.#lanes) {
      this.#due++;
      link.tell({ kind: 'sweep', tick, lingerMax });
    }
  }

  /** Sends what was told so far. */
  flush(): void {
    for (const lane of this.#lanes) if (lane.batch.sectionCount > 0) this.#send(lane);
  }

  /** Whether who tells more should wait for `answered` first. */
  get isFull(): boolean {
    return this.#lanes.some(({ away }) => away >= batchesMax);
  }

  /** After the next answer; at once where none is to come. */
  answered(): Promise<void> {
    return this.#due === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** All that was told is done. */
  async settled(): Promise<void> {
    this.flush();
    while (this.#due > 0) await this.answered();
  }

  /** Of each shard, after all that was told. */
  async report(): Promise<ShardReport[]> {
    this.flush();
    const reports = this.#lanes.map(({ link }, shard) => {
      const report = new Promise<ShardReport>((resolve) => this.#reports[shard]!.push(resolve));
      this.#due++;
      link.tell({ kind: 'report' });
      return report;
    });
    return Promise.all(reports);
  }

  /** The threads end. What is not done yet is lost. */
  async end(): Promise<void> {
    await Promise.all(this.#lanes.map(({ link }) => link.close()));
  }

  /** The same for both ends: what it mixes does not depend on their order. */
  #shardOf(local: number, remote: number, ports: number, place: number): number {
    const [one, other] = [ports >>> 16, ports & 0xffff];
    let hash = Math.imul((local + remote) ^ place, 0x85ebca6b) ^ (local ^ remote);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (one + other), 0xc2b2ae35) ^ (one ^ other);
    hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
    return Math.imul(hash >>> 16, this.#lanes.length) >>> 16;
  }

  #laneOf(shard: number): Lane | null {
    if (shard >= 0) return this.#lanes[shard]!;
    this.badSlots++;
    return null;
  }

  /** A block is never parted but by shard, as its halves may meet. @returns the slots of its agent */
  #begin(agent: number, count: number): SlotShards {
    if (count > blockMax) throw new RangeError(`a block has at most ${blockMax} halves, not ${count}`);
    this.#calls++;
    for (const lane of this.#lanes) if (!lane.batch.hasRoom(count)) this.#send(lane);
    this.#slots[agent] ??= new SlotShards(this.#slotsMax);
    return this.#slots[agent];
  }

  /** @returns where in lane.batch one half more of this call has its place */
  #add(lane: Lane, kind: SectionKind, agent: number, tick: number): number {
    if (lane.call !== this.#calls) {
      lane.batch.begin(kind, agent, tick);
      lane.call = this.#calls;
    }
    return lane.batch.add();
  }

  #send(lane: Lane): void {
    const { buffer } = lane.batch;
    lane.batch = lane.spare.pop() ?? new ShardBatch();
    lane.away++;
    this.#due++;
    lane.link.tell({ kind: 'batch', buffer });
  }

  #hear(shard: number, answer: FromShard): void {
    if (answer.kind === 'report') this.#reports[shard]!.shift()!(answer.report);
    else if (answer.left.length > 0) this.#outcomes.left(answer.left);
    if (answer.kind === 'batch') {
      const lane = this.#lanes[shard]!;
      const batch = new ShardBatch(answer.buffer);
      this.#outcomes.batch(batch);
      batch.clear();
      lane.away--;
      lane.spare.push(batch);
    }
    this.#due--;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
