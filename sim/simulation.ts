/**
 * One seed from begin to end: a fleet with faults, then a minute without, and all invariants throughout.
 *
 * Everything that happens follows from the seed: two runs of one have the same hash.
 */
import { seesAll } from '../aggregator/security/sight.ts';
import * as answers from '../aggregator/serve/answers.ts';
import { emptyRequest } from '../aggregator/serve/request.ts';
import { demandAgentBounds } from './checks/agent-checks.ts';
import { DeliveryChecks } from './checks/delivery-checks.ts';
import {
  demandEdges,
  demandInStep,
  demandJoined,
  demandOwners,
  demandProbe,
  demandTold,
  demandTrue,
  type EndParts,
} from './checks/end-checks.ts';
import { GapTruth } from './checks/gap-truth.ts';
import { HostTruth } from './checks/host-truth.ts';
import { Breach } from './checks/invariants.ts';
import { demandAggregatorBounds, demandLeases, demandShownAsTold } from './checks/view-checks.ts';
import { Chance } from './engine/chance.ts';
import { withoutRealWorld } from './engine/real-world.ts';
import { SimulatedTime } from './engine/simulated-time.ts';
import { Trace } from './engine/trace.ts';
import { FaultSchedule } from './fault-schedule.ts';
import { MachineClock } from './machines/machine-clock.ts';
import { SimulatedAgent } from './machines/simulated-agent.ts';
import { SimulatedAggregator, sweepIntervalMs } from './machines/simulated-aggregator.ts';
import { SimulatedDisk } from './machines/simulated-disk.ts';
import type { CallWitness } from './network/simulated-call.ts';
import { SimulatedNetwork } from './network/simulated-network.ts';
import { planOf, type SimulationPlan } from './plan.ts';
import type { Conversation } from './world/conversation.ts';
import { noLookFaults } from './world/simulated-collector.ts';
import { World } from './world/world.ts';

/** From the last fault to the last check; nothing opens or closes by itself at its end, and a probe is opened. */
const calmMs = 60_000;
const quietMs = 15_000;
const probeMs = 5000;

/** How often what always holds is looked at. */
const lookEveryMs = 1000;

export interface Outcome {
  readonly seed: number;
  readonly hash: string;
  readonly events: number;
  readonly agents: number;
  readonly simulatedMs: number;
  /** null = all invariants held. */
  readonly breach: Breach | null;
  readonly lines: readonly string[];
}

/** @param isTraced keeps every line of what happened */
export async function simulate(seed: number, isTraced = false): Promise<Outcome> {
  const simulation = new Simulation(seed, isTraced);
  const hashes = new Chance(seed).fork('hashes');
  const breach = await withoutRealWorld(
    () => hashes.next(),
    () => simulation.run(),
  );
  return {
    seed,
    breach,
    hash: simulation.trace.hash,
    events: simulation.time.events,
    agents: simulation.plan.world.hosts,
    simulatedMs: simulation.time.nowMs,
    lines: breach === null && !isTraced ? [] : simulation.trace.lines(),
  };
}

class Simulation {
  readonly time = new SimulatedTime();
  readonly trace: Trace;
  readonly plan: SimulationPlan;
  readonly #chance: Chance;
  /** Of whoever looks whether all is well. */
  readonly #looks: Chance;
  readonly #world: World;
  readonly #delivery: DeliveryChecks;
  readonly #aggregator: SimulatedAggregator;
  readonly #network: SimulatedNetwork;
  readonly #agents: readonly SimulatedAgent[];
  readonly #truths: readonly HostTruth[];
  readonly #faults: FaultSchedule;
  #isCalm = false;
  /** When the aggregator was opened last, and killed last. */
  #openedMs = 0;
  #killedMs = 0;
  #probe: Conversation | null = null;

  constructor(seed: number, isTraced: boolean) {
    const chance = new Chance(seed);
    const { time } = this;
    const trace = new Trace(isTraced);
    this.#chance = chance;
    this.#looks = chance.fork('looks');
    this.trace = trace;
    this.plan = planOf(chance.fork('plan'));
    const { plan } = this;
    trace.comment(0, `plan ${JSON.stringify(plan)}`);
    this.#world = new World(plan.world, { time, trace, chance: chance.fork('world') });
    this.#delivery = new DeliveryChecks({
      simulatedMs: () => time.nowMs,
      trace,
      hostName: (host) => this.#world.hosts[host]!.name,
      isLost: (host) => this.#stateOf(host) === 'lost',
    });
    this.#aggregator = new SimulatedAggregator({
      time,
      trace,
      clock: new MachineClock(time, 0),
      disk: new SimulatedDisk({ time, chance: chance.fork('disk') }),
      plan: plan.aggregator,
      opened: () => {
        this.#openedMs = time.nowMs;
      },
      complained: (text) => time.fail(new Breach('none', `the aggregator says: ${text}`)),
    });
    this.#network = new SimulatedNetwork({
      time,
      chance: chance.fork('network'),
      aggregator: this.#aggregator,
      witness: guarded(this.#delivery, time),
      traits: () => plan.link,
    });
    this.#agents = this.#world.hosts.map((host) => this.#createAgent(host.index));
    this.#truths = this.#agents.map((agent) => new HostTruth(this.#world, agent));
    this.#faults = new FaultSchedule({
      plan,
      time,
      trace,
      chance: chance.fork('faults'),
      world: this.#world,
      network: this.#network,
      agents: this.#agents,
      aggregator: this.#aggregator,
      killAggregator: () => this.#killAggregator(),
      killAgent: (agent, isMachineDead) => this.#killAgent(agent, isMachineDead),
    });
  }

  /** @returns what did not hold, if anything */
  async run(): Promise<Breach | null> {
    try {
      await this.#play();
      return null;
    } catch (error) {
      if (error instanceof Breach) return error;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return new Breach('none', text);
    }
  }

  async #play(): Promise<void> {
    const { time, plan } = this;
    this.#aggregator.start();
    const starts = this.#chance.fork('starts');
    for (const agent of this.#agents) time.after(starts.between(0, 2000), () => agent.start());
    this.#faults.begin();
    this.#lookAgain();
    await time.play(plan.faultsMs);
    this.#isCalm = true;
    this.#faults.end();
    await time.play(plan.faultsMs + calmMs - quietMs);
    this.#world.becomeQuiet();
    await time.play(plan.faultsMs + calmMs - probeMs);
    this.#probe = this.#world.openLasting();
    await time.play(plan.faultsMs + calmMs);
    // What is under way at just this moment arrives.
    for (let n = 0; n < 80 && this.#isUnderWay; n++) await time.play(time.nowMs + 50);
    this.#demandEnd();
  }

  get #isUnderWay(): boolean {
    return this.#agents.some(({ pipeline }) => {
      const { slots, stream, watch } = pipeline!;
      const waiting = stream.inFlight.batches + slots.pendingCount + slots.closedCount;
      return waiting > 0 || watch.size !== slots.liveCount;
    });
  }

  #lookAgain(): void {
    this.time.after(
      lookEveryMs * (0.5 + this.#looks.next()),
      () => {
        this.#demandAlways();
        this.#lookAgain();
      },
      true,
    );
  }

  #demandAlways(): void {
    for (const { pipeline, host, isRunning } of this.#agents) {
      if (pipeline === null || !isRunning) continue;
      demandAgentBounds(pipeline, host.name);
      this.#truths[host.index]!.lost(pipeline.gaps.lostEvents, this.time.nowMs);
    }
    const { running } = this.#aggregator;
    if (running === null || running.process.hasStoppedWithin(2 * sweepIntervalMs)) return;
    const parts = {
      world: this.#world,
      delivery: this.#delivery,
      limits: this.plan.aggregator.limits,
      openedMs: this.#openedMs,
      lingerMs: this.plan.aggregator.lingerMs,
      simulatedMs: () => this.time.nowMs,
    };
    demandAggregatorBounds(running, parts);
    demandLeases(running, parts);
    const isHalfTold = [...this.#delivery.replicas.values()].some(({ isSnapshotting }) => isSnapshotting);
    if (isHalfTold || this.#looks.happens(0.3)) demandShownAsTold(running, parts);
    if (!this.#looks.happens(0.1)) return;
    const question = this.#looks.pick([answers.map, answers.connections, answers.services, answers.hosts]);
    const asked = question(running.view, emptyRequest, running.process.clock.nowMs(), seesAll);
    running.answerTurns.ask<unknown>(asked).catch((error: unknown) => this.time.fail(error));
  }

  #demandEnd(): void {
    const { running } = this.#aggregator;
    const {
      time: { nowMs },
      plan,
    } = this;
    const gapParts = {
      running: running!,
      truths: this.#truths,
      delivery: this.#delivery,
      clock: this.#aggregator.clock,
      slackMs: this.#slackMs,
      wasKilled: this.#killedMs > 0,
      wasTorn: this.#aggregator.disk.crashes > 0,
      nowMs,
    };
    const gaps = new GapTruth(gapParts);
    const parts: EndParts = {
      world: this.#world,
      running: running!,
      agents: this.#agents,
      truths: this.#truths,
      delivery: this.#delivery,
      gaps,
      killedMs: this.#killedMs,
      lingerMs: plan.aggregator.lingerMs,
      nowMs,
      intervalMs: this.plan.world.intervalMs,
      areClocksKnown: this.#faults.steppedMs === 0 && this.#delivery.helloLateMs < 1000,
      probe: this.#probe,
    };
    demandInStep(parts);
    const shown = demandTrue(parts);
    demandTold(shown, parts);
    demandOwners(shown, parts);
    demandJoined(shown, parts);
    demandProbe(shown, parts);
    demandEdges(parts);
    gaps.demandCauses();
    gaps.demandCounts();
  }

  /** By how much times that are told may be wrong. */
  get #slackMs(): number {
    const { clockOffsetMaxMs, world } = this.plan;
    return this.#faults.steppedMs + this.#delivery.helloLateMs + 2 * clockOffsetMaxMs + 3 * world.intervalMs;
  }

  #createAgent(index: number): SimulatedAgent {
    const { time, trace, plan } = this;
    const chance = this.#chance.fork(`agent ${index}`);
    const offsetMs = Math.round(chance.between(-1, 1) * plan.clockOffsetMaxMs);
    return new SimulatedAgent({
      time,
      trace,
      chance,
      host: this.#world.hosts[index]!,
      clock: new MachineClock(time, offsetMs),
      disk: new SimulatedDisk({ time, chance: chance.fork('disk') }),
      spoolBytes: plan.spoolBytes,
      intervalMs: plan.world.intervalMs,
      slotLimits: plan.closedUnackedMax === null ? {} : { closedUnackedMax: plan.closedUnackedMax },
      lookFaults: () => (this.#isCalm ? noLookFaults : plan.looks),
      connectFrom: (process) => this.#network.connectFrom(index, process),
      witness: {
        made: ({ pipeline }) => {
          if (pipeline!.keeping === null) this.#delivery.replica(index).forgetEpoch();
        },
        died: ({ pipeline }) => {
          this.#truths[index]!.lost(pipeline?.gaps.lostEvents ?? 0, time.nowMs);
          this.#truths[index]!.died(time.nowMs);
        },
        applied: ({ pipeline }) => time.guard(() => this.#truths[index]!.applied(pipeline!)),
        looked: (_agent, look) => this.#truths[index]!.looked(look),
        failedToLook: () => this.#truths[index]!.failedToLook(time.nowMs),
        failed: (_agent, error) => time.fail(error),
      },
    });
  }

  #killAgent(agent: SimulatedAgent, isMachineDead: boolean): void {
    const { process } = agent;
    agent.kill();
    if (isMachineDead) agent.disk.crash();
    if (process !== null) this.#network.processDied(process, isMachineDead);
  }

  #killAggregator(): void {
    this.#aggregator.kill();
    this.#network.aggregatorDied();
    this.#delivery.aggregatorDied();
    this.#killedMs = this.time.nowMs;
  }

  #stateOf(host: number): string | null {
    const { running } = this.#aggregator;
    if (running === null) return null;
    for (const each of running.view.hosts()) if (each.id === this.#world.hosts[host]!.id) return each.state;
    return null;
  }
}

/** What it throws stops the simulation, and is no matter of the program that it is called from. */
function guarded(checks: DeliveryChecks, time: SimulatedTime): CallWitness {
  return {
    taking: (...of) => time.guard(() => checks.taking(...of)),
    said: (...of) => time.guard(() => checks.said(...of)),
    sent: (...of) => time.guard(() => checks.sent(...of)),
    heard: (...of) => time.guard(() => checks.heard(...of)),
  };
}
