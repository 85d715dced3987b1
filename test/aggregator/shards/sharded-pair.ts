/** A history told to shards as well as to the core and the plain one, and what the shards made of it. */
import { blockMax, outcomes } from '../../../aggregator/core/block.ts';
import { addUp } from '../../../aggregator/shards/edge-sums.ts';
import type { ShardLink } from '../../../aggregator/shards/shard-link.ts';
import type { ShardOptions } from '../../../aggregator/shards/shard-messages.ts';
import { ShardedCore } from '../../../aggregator/shards/sharded-core.ts';
import {
  CorePair,
  columnsOf,
  describeEdge,
  describeRows,
  holdersTold,
  listeners,
  slotsMax,
} from '../core/core-pair.ts';
import type { PlainHalf } from '../core/plain-core.ts';

/** Nothing is forgotten for want of room: how much there is of it is of each shard. */
const limits = { rowsMax: 4096, graceTicks: 300, lingerTicks: 1000, lingerMax: 1 << 20 };

const outcomeNames = Object.keys(outcomes);

export class ShardedPair extends CorePair {
  readonly sharded: ShardedCore;
  /** What became of halves whose slots fitted: slot and outcome, of the shards and of the one core. */
  readonly told: string[] = [];
  readonly toldInline: string[] = [];
  /** Rows that left the shards. */
  leftShards = 0;
  badSlotsInline = 0;

  constructor(agents: number, shards: number, link: (options: ShardOptions) => ShardLink) {
    super(agents, limits);
    const tables = { slotsMax, holdersMax: holdersTold.length, listeningMax: 1 << 8, edgesMax: 1 << 10 };
    const options = { ...limits, ...tables, seed: 9 };
    const links = Array.from({ length: shards }, () => link(options));
    this.sharded = new ShardedCore(links, slotsMax, {
      batch: (batch) => {
        for (let i = 0; i < batch.count; i++)
          this.told.push(`${batch.halves.slot[i]} ${outcomeNames[batch.outcome[i]!]}`);
      },
      left: (words) => {
        this.leftShards += words.length / 16;
      },
    });
    for (const holder of holdersTold) this.sharded.addHolder(holder);
    for (const { netns, port, address } of listeners) this.sharded.listen(netns, port, address);
  }

  override open(agent: number, halves: readonly PlainHalf[], tick: number): [string[], string[]] {
    const columns = columnsOf(halves);
    for (let from = 0; from < halves.length; from += blockMax)
      this.sharded.open(agent, columns, from, Math.min(blockMax, halves.length - from), tick);
    const both = super.open(agent, halves, tick);
    for (const [i, { slot }] of halves.entries()) this.#note(slot, both[0][i]!);
    return both;
  }

  override close(agent: number, slot: number, closed: number): [string, string] {
    this.sharded.close(agent, Int32Array.of(slot), Int32Array.of(closed), 0, 1);
    return this.#noted(slot, super.close(agent, slot, closed));
  }

  override learn(agent: number, slot: number, evidence: number, tick: number): [string, string] {
    this.sharded.learn(agent, Int32Array.of(slot), Int32Array.of(evidence), 0, 1, tick);
    return this.#noted(slot, super.learn(agent, slot, evidence, tick));
  }

  override count(agent: number, slot: number, sent: number, received: number): [string, string] {
    const columns = {
      slot: Int32Array.of(slot),
      sent: Float64Array.of(sent),
      received: Float64Array.of(received),
    };
    this.sharded.count(agent, columns, 0, 1);
    return this.#noted(slot, super.count(agent, slot, sent, received));
  }

  override sweep(tick: number): void {
    this.sharded.sweep(tick, limits.lingerMax);
    super.sweep(tick);
  }

  /** Of the shards, of the core and of the plain one: connections, edges, outcomes, and how many left or had bad slots. */
  async compared(): Promise<[unknown, unknown, unknown]> {
    const reports = await this.sharded.report();
    const connections = reports.flatMap(({ words, top }) => describeRows(words, top)).sort();
    const edges = addUp(reports.map((report) => report.edges)).map(describeEdge);
    const [[inline, plain], [inlineEdges, plainEdges]] = [this.connections(), this.edges()];
    const { told, toldInline, leftShards, left, badSlotsInline } = this;
    const rest = [toldInline.toSorted(), left.length, badSlotsInline];
    return [
      [connections, edges.sort(), told.toSorted(), leftShards, this.sharded.badSlots],
      [inline, inlineEdges, ...rest],
      [plain, plainEdges, toldInline.toSorted(), this.plain.left.length, badSlotsInline],
    ];
  }

  #noted(slot: number, both: [string, string]): [string, string] {
    this.#note(slot, both[0]);
    return both;
  }

  #note(slot: number, outcome: string): void {
    if (outcome === 'badSlot') this.badSlotsInline++;
    else this.toldInline.push(`${slot} ${outcome}`);
  }
}
