/** Many fleets in a row: what became of their conversations, summed up. */

import type { FleetPlan } from './fleet-plan.ts';
import { type Score, scoreOf } from './score.ts';
import { SimulatedFleet } from './simulated-fleet.ts';
import { noteSituations, type Situations } from './situations.ts';
import { historyOf } from './true-history.ts';

/** What must not be, by name. */
export const faultNames = ['wrong', 'missed', 'unseen', 'doubled', 'turned'] as const;

export class Tally {
  readonly situations: Situations = new Map();
  fleets = 0;
  conversations = 0;
  right = 0;
  oneSided = 0;
  faults = 0;
  /** Where what was told does not determine the answer. */
  readonly undetermined = { ambiguous: 0, alone: 0, joinedRight: 0, joinedWrong: 0 };

  /** Lets one fleet happen. @returns the lines of what must not be */
  watch(plan: FleetPlan): string[] {
    const fleet = new SimulatedFleet(historyOf(plan));
    fleet.run();
    const score = scoreOf(fleet);
    noteSituations(fleet, score, this.situations);
    const faults = faultsOf(score);
    this.fleets++;
    this.conversations += fleet.history.truths.length;
    this.right += score.right.length;
    this.oneSided += score.oneSided.length;
    this.faults += faults.length;
    for (const name of ['ambiguous', 'alone', 'joinedRight', 'joinedWrong'] as const) {
      this.undetermined[name] += score.undetermined[name].length;
    }
    return faults;
  }

  /** In a few lines for a person. */
  get text(): string {
    const { ambiguous, alone, joinedRight, joinedWrong } = this.undetermined;
    return [
      `${this.fleets} fleets, ${this.conversations} conversations: ${this.right} right, ${this.faults} faults, ${this.oneSided} with one end`,
      `not determined: ${ambiguous} said to be ambiguous, ${alone} left alone, ${joinedRight} joined right, ${joinedWrong} joined wrong`,
      ...Array.from(this.situations, ([name, fleets]) => `${fleets} fleets with ${name}`).sort(),
    ].join('\n');
  }
}

export function faultsOf(score: Score): string[] {
  return faultNames.flatMap((name) => score[name].map((line) => `${name}: ${line}`));
}
