/** Lets happen what a plan says may go wrong, until faults stop. */
import type { Chance } from './engine/chance.ts';
import type { SimulatedTime } from './engine/simulated-time.ts';
import type { Trace } from './engine/trace.ts';
import type { SimulatedAgent } from './machines/simulated-agent.ts';
import type { SimulatedAggregator } from './machines/simulated-aggregator.ts';
import type { SimulatedDisk } from './machines/simulated-disk.ts';
import type { SimulatedNetwork } from './network/simulated-network.ts';
import { type Fault, faultWeights, type SimulationPlan } from './plan.ts';
import type { World } from './world/world.ts';

export interface FaultParts {
  readonly plan: SimulationPlan;
  readonly time: SimulatedTime;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly world: World;
  readonly network: SimulatedNetwork;
  readonly agents: readonly SimulatedAgent[];
  readonly aggregator: SimulatedAggregator;
  /** Kills the aggregator, with all that follows for whoever watches. */
  readonly killAggregator: () => void;
  readonly killAgent: (agent: SimulatedAgent, isMachineDead: boolean) => void;
}

export class FaultSchedule {
  readonly #parts: FaultParts;
  readonly #bag: readonly Fault[];
  #isOver = false;
  /** By how much clocks were set, in all. */
  steppedMs = 0;

  constructor(parts: FaultParts) {
    this.#parts = parts;
    this.#bag = parts.plan.faults.flatMap((fault) => Array<Fault>(faultWeights[fault]).fill(fault));
  }

  begin(): void {
    if (this.#bag.length > 0) this.#planNext();
  }

  /** No more faults; what was cut off is reached again, and what was killed is started. */
  end(): void {
    this.#isOver = true;
    const { world, agents, aggregator, network } = this.#parts;
    for (const host of world.hosts) {
      if (!host.isUp) world.startHost(host);
      const link = network.link(host.index);
      link.heal();
      link.traits = { latencyMs: 5, spike: 0, duplicate: 0, drop: 0 };
    }
    aggregator.disk.whenTouched = null;
    aggregator.disk.mend();
    aggregator.start();
    for (const agent of agents) {
      agent.disk.whenTouched = null;
      agent.disk.mend();
      agent.start();
    }
  }

  /** Milliseconds until faults are over: nothing goes on for longer. */
  get #leftMs(): number {
    return Math.max(1, this.#parts.plan.faultsMs - this.#parts.time.nowMs);
  }

  #planNext(): void {
    const { time, chance, plan } = this.#parts;
    time.after(-Math.log(1 - chance.next()) * plan.faultEveryMs, () => {
      if (this.#isOver) return;
      this.#happen(chance.pick(this.#bag));
      this.#planNext();
    });
  }

  #happen(fault: Fault): void {
    const { chance, agents, trace, time } = this.#parts;
    const agent = chance.pick(agents);
    trace.note(time.nowMs, 'fault', fault, agent.host.name);
    switch (fault) {
      case 'cut off':
        return this.#cutOff(agent);
      case 'break calls':
        return this.#parts.network.breakCalls(agent.host.index);
      case 'kill agent':
      case 'end agent':
        return this.#endAgent(agent, fault === 'kill agent');
      case 'stop agent':
        return agent.process?.stop(Math.min(this.#leftMs, chance.skewed(500, 60_000)));
      case 'crash host':
        return this.#crashHost(agent);
      case 'kill aggregator':
      case 'crash aggregator':
        return this.#endAggregator(fault === 'crash aggregator');
      case 'disk fails':
      case 'disk is full':
      case 'disk is slow':
        return this.#spoilDisk(fault, chance.happens(0.5) ? agent.disk : this.#parts.aggregator.disk);
      case 'stop aggregator':
        return this.#parts.aggregator.process?.stop(Math.min(this.#leftMs, chance.skewed(200, 30_000)));
      case 'step clock of host':
        return agent.clock.step(this.#stepMs());
      case 'step clock of aggregator':
        return this.#parts.aggregator.clock.step(this.#aheadMs());
      case 'slow link':
        return this.#slowDown(agent);
    }
  }

  #cutOff({ host }: SimulatedAgent): void {
    const { chance, network } = this.#parts;
    const ms = Math.min(this.#leftMs, chance.skewed(300, 90_000));
    const which = chance.below(4);
    if (which !== 0) network.link(host.index).cut('up', ms);
    if (which !== 1) network.link(host.index).cut('down', ms);
  }

  #endAgent(agent: SimulatedAgent, isKilled: boolean): void {
    const { chance, time, killAgent } = this.#parts;
    if (!agent.isRunning) return;
    const { process, disk } = agent;
    const end = (): void => {
      if (agent.process !== process || !agent.isRunning || this.#isOver) return;
      if (isKilled) killAgent(agent, false);
      else agent.terminate();
      time.after(Math.min(this.#leftMs, chance.skewed(50, 20_000)), () => agent.start());
    };
    if (chance.happens(0.5)) return end();
    disk.whenTouched = () => {
      disk.whenTouched = null;
      time.after(chance.skewed(0.01, 5), end);
    };
  }

  #crashHost(agent: SimulatedAgent): void {
    const { chance, time, world, killAgent } = this.#parts;
    const { host } = agent;
    if (!host.isUp) return;
    killAgent(agent, true);
    world.crashHost(host);
    time.after(Math.min(this.#leftMs, chance.skewed(2000, 20_000)), () => {
      if (host.isUp) return;
      world.startHost(host);
      time.after(Math.min(this.#leftMs, chance.skewed(10, 5000)), () => agent.start());
    });
  }

  /** Now, or in the middle of what it does next with its disk. */
  #endAggregator(isMachineDead: boolean): void {
    const { chance, time, aggregator, killAggregator } = this.#parts;
    const { process, disk } = aggregator;
    if (process === null) return;
    const end = (): void => {
      if (aggregator.process !== process || this.#isOver) return;
      killAggregator();
      if (isMachineDead) disk.crash();
      time.after(Math.min(this.#leftMs, chance.skewed(50, 20_000)), () => aggregator.start());
    };
    if (chance.happens(0.4)) return end();
    disk.whenTouched = () => {
      disk.whenTouched = null;
      time.after(chance.skewed(0.01, 5), end);
    };
  }

  #spoilDisk(fault: 'disk fails' | 'disk is full' | 'disk is slow', disk: SimulatedDisk): void {
    const { chance, time } = this.#parts;
    const { faults, usedBytes } = disk;
    if (fault === 'disk fails')
      Object.assign(faults, { writeFails: chance.next(), syncFails: chance.next() });
    else if (fault === 'disk is full') faults.capacityBytes = usedBytes + chance.below(4000);
    else faults.delayMs = chance.skewed(10, 3000);
    time.after(chance.skewed(500, 30_000), () => disk.mend());
  }

  #stepMs(): number {
    const { chance, plan } = this.#parts;
    const ms = Math.round(chance.skewed(50, plan.clockStepMaxMs)) * (chance.happens(0.5) ? 1 : -1);
    this.steppedMs += Math.abs(ms);
    return ms;
  }

  /** An aggregator's order of things is that of its clock: one that is set back far is beyond what it promises. */
  #aheadMs(): number {
    const ms = Math.round(this.#parts.chance.skewed(50, 30_000));
    this.steppedMs += ms;
    return ms;
  }

  #slowDown({ host }: SimulatedAgent): void {
    const { chance, network } = this.#parts;
    const link = network.link(host.index);
    link.traits = { ...link.traits, latencyMs: chance.skewed(1, 2000) };
  }
}
