/** A core with the holders, listeners and agents of a stream of halves (half-stream.ts), and the passes over all of it. */
import { Addresses } from '../../aggregator/core/addresses.ts';
import { AgentSlots } from '../../aggregator/core/agent-slots.ts';
import { ConnectionCore, type CoreLimits } from '../../aggregator/core/connection-core.ts';
import { EdgeCounts } from '../../aggregator/core/edge-counts.ts';
import { Holders } from '../../aggregator/core/holders.ts';
import { Listening } from '../../aggregator/core/listening.ts';
import { matchHalves } from '../../aggregator/core/match-halves.ts';
import { EdgeSums } from '../../aggregator/shards/edge-sums.ts';
import { openThreadClock } from './cpu-time.ts';
import { hosts, type Stream, serverPortOf, serviceOf } from './half-stream.ts';

export const seed = 12345;

export class CoreFleet {
  readonly core: ConnectionCore;
  readonly sums = new EdgeSums();
  readonly edges = new EdgeCounts(seed, this.sums, 1 << 17);
  readonly slots = Array.from({ length: hosts }, () => new AgentSlots(1 << 20));
  /** Connections that left the core: there should be none. */
  left = 0;

  constructor(connections: number, limits: Partial<CoreLimits> = {}) {
    const holders = new Holders(hosts);
    const listening = new Listening(seed, 1 << 14);
    for (let host = 0; host < hosts; host++) {
      holders.add({ host, netns: host, name: serviceOf(host), ephemeralPorts: [32768, 60999] });
      listening.add(host, serverPortOf(host) << 1, 0);
    }
    this.core = new ConnectionCore({
      limits: { rowsMax: connections, graceTicks: 300, lingerTicks: 1, ...limits },
      seed,
      holders,
      listening,
      edges: this.edges,
      addresses: new Addresses(seed, 1 << 10),
      elsewhere: { left: () => this.left++, forgotten: () => {}, freed: () => {} },
    });
  }

  /** @param told of the CPU of each block: of time that others had, a shared machine tells nothing */
  openAll({ halves, blocks }: Stream, told: ((ms: number) => void) | null): void {
    const { core, slots } = this;
    const clock = openThreadClock();
    for (const { agent, from, count } of blocks) {
      if (told === null) core.open(halves, from, count, slots[agent]!, 0);
      else {
        const begunMs = clock();
        core.open(halves, from, count, slots[agent]!, 0);
        told(clock() - begunMs);
      }
    }
  }

  /** Opens and matches alone, without what a connection counts in: what a hash join does. */
  matchAll({ halves, blocks }: Stream): void {
    const { rows } = this.core;
    const { block } = rows.memory;
    const leave = (): void => {
      this.left++;
    };
    for (const { agent, from, count } of blocks) {
      block.count = count;
      matchHalves(rows, halves, from, this.slots[agent]!, leave);
      rows.index.grow();
    }
  }

  /** Forgets all that is over. */
  sweepAll(tick: number): void {
    while (this.core.sweep(tick, 1 << 30));
  }

  closeAll({ halves, blocks }: Stream): void {
    const { core, slots } = this;
    const { slot, opened } = halves;
    for (const { agent, from, count } of blocks) core.close(slot, opened, from, count, slots[agent]!);
  }

  /** Bytes of everything that grows with connections. */
  get bytes(): number {
    return this.core.bytes + this.edges.bytes + this.slots.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
