/**
 * A core that has a range of hashes: it is told in batches what concerns them, and answers with the outcomes. It runs in
 * whatever thread tells it; shard-worker.ts is one of its own.
 */
import { Addresses } from '../core/addresses.ts';
import { AgentSlots } from '../core/agent-slots.ts';
import { ConnectionCore } from '../core/connection-core.ts';
import { EdgeCounts } from '../core/edge-counts.ts';
import { Holders } from '../core/holders.ts';
import { Listening } from '../core/listening.ts';
import { EdgeSums } from './edge-sums.ts';
import { type SectionKind, ShardBatch, sectionKinds, sectionWords } from './shard-batch.ts';
import type { FromShard, ShardOptions, ShardReport, ToShard } from './shard-messages.ts';

/** Of a table that a shard has and does not use: no address is interned here. */
const noAddresses = 1 << 8;

export class Shard {
  readonly #core: ConnectionCore;
  readonly #edges = new EdgeSums();
  readonly #holders: Holders;
  readonly #listening: Listening;
  readonly #slots: (AgentSlots | undefined)[] = [];
  readonly #slotsMax: number;
  #left: number[] = [];

  constructor(options: ShardOptions) {
    const { rowsMax, graceTicks, lingerTicks, seed } = options;
    this.#slotsMax = options.slotsMax;
    this.#holders = new Holders(options.holdersMax);
    this.#listening = new Listening(seed, options.listeningMax);
    this.#core = new ConnectionCore({
      limits: { rowsMax, graceTicks, lingerTicks },
      seed,
      holders: this.#holders,
      listening: this.#listening,
      edges: new EdgeCounts(seed, this.#edges, options.edgesMax),
      addresses: new Addresses(seed, noAddresses),
      elsewhere: {
        left: (_row, words) => void this.#left.push(...words),
        forgotten: () => {},
        freed: () => {},
      },
    });
  }

  /** @returns what there is to say, if anything */
  hear(message: ToShard): FromShard | null {
    switch (message.kind) {
      case 'holder':
        this.#holders.add(message.holder);
        return null;
      case 'listen':
        this.#listening.add(message.netns, message.port, message.address);
        return null;
      case 'batch':
        this.#take(new ShardBatch(message.buffer));
        return { kind: 'batch', buffer: message.buffer, left: this.#takeLeft() };
      case 'sweep':
        while (this.#core.sweep(message.tick, message.lingerMax));
        return { kind: 'swept', left: this.#takeLeft() };
      case 'report':
        return { kind: 'report', report: this.#report() };
    }
  }

  #take(batch: ShardBatch): void {
    let from = 0;
    for (let section = 0; section < batch.sectionCount; section++) {
      const first = section * sectionWords;
      const [kind, agent, count, tick] = batch.sections.subarray(first, first + sectionWords);
      const slots = this.#slotsOf(agent!);
      this.#tell(kind as SectionKind, batch, from, count!, slots, tick!);
      for (let i = 0; i < count!; i++) batch.outcome[from + i] = this.#core.outcomeOf(i);
      from += count!;
    }
  }

  #tell(
    kind: SectionKind,
    batch: ShardBatch,
    from: number,
    count: number,
    slots: AgentSlots,
    tick: number,
  ): void {
    const core = this.#core;
    const { halves, sent, received } = batch;
    const { slot, opened, evidence } = halves;
    if (kind === sectionKinds.open) core.open(halves, from, count, slots, tick);
    else if (kind === sectionKinds.close) core.close(slot, opened, from, count, slots);
    else if (kind === sectionKinds.learn) core.learn(slot, evidence, from, count, slots, tick);
    else core.count({ slot, sent, received }, from, count, slots);
  }

  #slotsOf(agent: number): AgentSlots {
    this.#slots[agent] ??= new AgentSlots(this.#slotsMax);
    return this.#slots[agent];
  }

  #takeLeft(): Int32Array {
    const left = Int32Array.from(this.#left);
    if (left.length > 0) this.#left = [];
    return left;
  }

  #report(): ShardReport {
    const { rows, bytes } = this.#core;
    const slots = this.#slots.reduce((sum, each) => sum + (each?.bytes ?? 0), 0);
    return { words: rows.words, top: rows.store.top, edges: this.#edges.all, bytes: bytes + slots };
  }
}
