/** What the daemons of a fleet take in memory and for spools while faults are done to it, looked at once a second. */
import type { FaultRig } from './rig.ts';

const lookEveryMs = 1_000;

export interface MemoryFigures {
  /** Resident, before the first fault, and at most since, over all lives of the aggregator. */
  readonly aggregatorBeforeMiB: number;
  readonly aggregatorPeakMiB: number;
  /** Of the agent that grew most: by how much it was more than before the first fault, at some look. */
  readonly agentGrowthMiB: number;
  /** The largest spool. */
  readonly spoolMiB: number;
}

export class MemoryWatch {
  readonly #rig: FaultRig;
  readonly #aggregatorBeforeMiB: number;
  readonly #agentsBeforeMiB: ReadonlyMap<string, number>;
  #agentGrowthMiB = 0;
  #spoolBytes = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(rig: FaultRig) {
    this.#rig = rig;
    this.#aggregatorBeforeMiB = rig.aggregator.rssMiB;
    rig.aggregator.forgetPeak();
    this.#agentsBeforeMiB = new Map([...rig.agents].map(([host, agent]) => [host, agent.rssMiB]));
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  figures(): MemoryFigures {
    return {
      aggregatorBeforeMiB: this.#aggregatorBeforeMiB,
      aggregatorPeakMiB: this.#rig.aggregator.peakMiB,
      agentGrowthMiB: this.#agentGrowthMiB,
      spoolMiB: this.#spoolBytes / 2 ** 20,
    };
  }

  #look(): void {
    this.#rig.aggregator.notePeak();
    for (const { bytes } of this.#rig.spoolFolders.values())
      this.#spoolBytes = Math.max(this.#spoolBytes, bytes);
    for (const [host, agent] of this.#rig.agents) {
      const growthMiB = agent.rssMiB - this.#agentsBeforeMiB.get(host)!;
      this.#agentGrowthMiB = Math.max(this.#agentGrowthMiB, growthMiB);
    }
  }
}
