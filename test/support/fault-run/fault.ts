/** What a fault is: something that is done to a fleet, and undone. */
import type { FaultRig, RigNeeds } from './rig.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface Fault {
  /** As `--only` names it. */
  readonly name: string;
  /** What is done, for the table. */
  readonly what: string;
  readonly needs: RigNeeds;
  /** How often it is done in a whole run. */
  readonly times: number;
  /** From start() to stop(); 0 = at once. */
  lastsMs(random: SeededRandom): number;
  /** From stop() to the next start(), where nobody waits for the fleet to come back. */
  restsMs(random: SeededRandom): number;
  /** Does it. Returns how many times it counts, such as agents killed. */
  start(rig: FaultRig, random: SeededRandom): Promise<number>;
  /** Undoes it; what was started is running again, which need not mean that it is ready. */
  stop(rig: FaultRig, random: SeededRandom): Promise<void>;
}

/** The parts of a fault that happens at once. */
export const atOnce = { lastsMs: () => 0, needs: {} } as const;
