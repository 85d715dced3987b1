/** One fault, over and over, on a fleet under load; then the check. What comes out is a row of the table. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GapDocument } from '../../../model/document.ts';
import { until } from '../until.ts';
import type { Fault } from './fault.ts';
import { MemoryWatch } from './memory-watch.ts';
import { measureRecovery } from './recovery.ts';
import { FaultRig, type RigPlan } from './rig.ts';
import { SeededRandom } from './seeded-random.ts';
import { type Settled, settle } from './settle.ts';
import { isClean } from './verdict.ts';

export interface FaultRunPlan {
  /** How often at least; what counts as once is the fault's. */
  readonly times: number;
  readonly seed: number;
  /** One round in so many waits until the fleet is back, and is measured. */
  readonly recoveryEvery: number;
  /** The answers are checked after so many, and at the end. */
  readonly checkEvery: number;
  readonly log: (line: string) => void;
}

export interface FaultFigures {
  readonly fault: Fault;
  readonly times: number;
  readonly seconds: number;
  /** Sums over all checks of what is wrong; each check is of everything since the beginning. */
  readonly verdict: Settled;
  readonly gapSeconds: number;
  /** Ascending, milliseconds. */
  readonly recoveriesMs: readonly number[];
  /** Rounds after which the fleet did not come back. */
  readonly neverRecovered: number;
  readonly memory: ReturnType<MemoryWatch['figures']>;
}

/** With events by eBPF no connection is too short to be told. */
const livedMsMin = 0;

/** Connections of before the first fault. */
const warmUpConnections = 40;

const mistakesShownMax = 5;

/** On a fleet of its own. */
export async function runFault(fault: Fault, plan: FaultRunPlan & RigPlan): Promise<FaultFigures> {
  const rig = await FaultRig.open(plan);
  try {
    await warmUp(rig);
    return await runFaultOn(rig, fault, plan);
  } finally {
    await rig.close();
  }
}

/** On a fleet that is warm; it is under load afterwards no more. */
export function runFaultOn(rig: FaultRig, fault: Fault, plan: FaultRunPlan): Promise<FaultFigures> {
  return new FaultRun(fault, plan, rig).run();
}

/** Puts the fleet under load, and waits until it is in step and something is known of it. */
export async function warmUp(rig: FaultRig): Promise<void> {
  rig.begin();
  await until('there are connections', () => rig.ledger.size >= warmUpConnections);
  const settled = await settle(rig, livedMsMin);
  if (!isClean(settled)) {
    throw new Error(`before any fault:\n${settled.mistakes.slice(0, mistakesShownMax).join('\n')}`);
  }
}

class FaultRun {
  readonly #fault: Fault;
  readonly #plan: FaultRunPlan;
  readonly #rig: FaultRig;
  readonly #random: SeededRandom;
  readonly #memory: MemoryWatch;
  readonly #recoveriesMs: number[] = [];
  #neverRecovered = 0;
  #times = 0;

  constructor(fault: Fault, plan: FaultRunPlan, rig: FaultRig) {
    this.#fault = fault;
    this.#plan = plan;
    this.#rig = rig;
    this.#random = new SeededRandom(plan.seed);
    this.#memory = new MemoryWatch(rig);
  }

  async run(): Promise<FaultFigures> {
    const begunMs = performance.now();
    const { times, checkEvery, log } = this.#plan;
    let checkedAt = 0;
    this.#rig.begin();
    for (let round = 1; this.#times < times; round++) {
      await this.#round(round);
      if (this.#times - checkedAt < checkEvery || this.#times >= times) continue;
      checkedAt = this.#times;
      const { mistakes, judged } = await settle(this.#rig, livedMsMin);
      log(`${this.#fault.name}: ${this.#times} times, ${judged} connections, ${mistakes.length} mistakes`);
      this.#rig.begin();
    }
    // A question for everything takes memory of its own.
    this.#memory.end();
    const verdict = await settle(this.#rig, livedMsMin);
    return {
      fault: this.#fault,
      times: this.#times,
      seconds: (performance.now() - begunMs) / 1000,
      verdict,
      gapSeconds: secondsOf(verdict.gaps),
      recoveriesMs: this.#recoveriesMs.toSorted((a, b) => a - b),
      neverRecovered: this.#neverRecovered,
      memory: this.#memory.figures(),
    };
  }

  async #round(round: number): Promise<void> {
    const [fault, rig, random] = [this.#fault, this.#rig, this.#random];
    this.#times += await fault.start(rig, random);
    await sleep(fault.lastsMs(random));
    await fault.stop(rig, random);
    const isLast = this.#times >= this.#plan.times;
    if (round % this.#plan.recoveryEvery !== 0 && !isLast) return sleep(fault.restsMs(random));
    const recoveryMs = await measureRecovery(rig, random);
    if (recoveryMs === null) this.#neverRecovered++;
    else this.#recoveriesMs.push(recoveryMs);
  }
}

/** Gaps of one host that overlap count once. */
function secondsOf(gaps: readonly GapDocument[]): number {
  let [totalMs, host, untilMs] = [0, '', 0];
  for (const gap of gaps.toSorted((a, b) => compare(a, b))) {
    const [fromMs, toMs] = [Date.parse(gap.from), Date.parse(gap.to)];
    if (gap.host !== host) [host, untilMs] = [gap.host, fromMs];
    totalMs += Math.max(0, toMs - Math.max(fromMs, untilMs));
    untilMs = Math.max(untilMs, toMs);
  }
  return totalMs / 1000;
}

function compare(a: GapDocument, b: GapDocument): number {
  const [first, second] = [`${a.host} ${a.from}`, `${b.host} ${b.from}`];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}
