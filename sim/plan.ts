/** What a seed decides before anything runs: how large the fleet is, how busy, and what may go wrong. */
import { defaultSpoolBytes } from '../agent/config.ts';
import { defaultLingerLimits } from '../aggregator/history/recently-closed.ts';
import type { Chance } from './engine/chance.ts';
import type { AggregatorPlan } from './machines/simulated-aggregator.ts';
import type { LinkTraits } from './network/link.ts';
import { type LookFaults, noLookFaults } from './world/simulated-collector.ts';
import type { WorldPlan } from './world/world-plan.ts';

/** What may happen, with how often it does beside the others. */
export const faultWeights = {
  'cut off': 4,
  'break calls': 4,
  'kill agent': 4,
  'end agent': 1,
  'stop agent': 2,
  'crash host': 1,
  'kill aggregator': 3,
  'stop aggregator': 1,
  'crash aggregator': 2,
  'disk fails': 2,
  'disk is full': 1,
  'disk is slow': 1,
  'step clock of host': 2,
  'step clock of aggregator': 1,
  'slow link': 2,
} as const;

export type Fault = keyof typeof faultWeights;

export const faultNames = Object.keys(faultWeights) as Fault[];

export interface SimulationPlan {
  readonly world: WorldPlan;
  readonly faults: readonly Fault[];
  /** For how long faults happen, and the mean time between two. */
  readonly faultsMs: number;
  readonly faultEveryMs: number;
  readonly looks: LookFaults;
  readonly link: LinkTraits;
  readonly aggregator: AggregatorPlan;
  readonly spoolBytes: number;
  /** Closed sockets that an agent keeps for the aggregator; null = as many as usual. */
  readonly closedUnackedMax: number | null;
  /** By how much clocks of hosts are off at the beginning, at most. */
  readonly clockOffsetMaxMs: number;
  /** By how much somebody sets a clock, at most. */
  readonly clockStepMaxMs: number;
}

export function planOf(chance: Chance): SimulationPlan {
  const hosts = fleetSize(chance);
  const intervalMs = chance.pick([500, 1000, 1000, 2000, 2000, 2000, 4000, 4000]);
  const faults = faultNames.filter(() => chance.happens(0.5));
  const isClockSet = faults.includes('step clock of host');
  return {
    world: {
      hosts,
      services: chance.wholeBetween(2, 6),
      everyMs: 1000 / (hosts * chance.skewed(0.1, 1)),
      intervalMs,
      // Generations of a tuple are told apart by times, which mean little where clocks are set.
      ports: isClockSet ? 28_000 : chance.pick([3, 30, 28_000]),
      timeWaitMs: chance.pick([500, 5000, 60_000]),
    },
    faults,
    faultsMs: hosts > 14 ? chance.between(8000, 15_000) : chance.between(8000, 30_000),
    faultEveryMs: chance.skewed(400, 8000),
    looks: chance.happens(0.5) ? noLookFaults : tearing(chance),
    link: {
      latencyMs: chance.skewed(0.2, 200),
      spike: chance.happens(0.5) ? 0 : chance.skewed(0.001, 0.05),
      duplicate: chance.happens(0.7) ? 0 : chance.skewed(0.01, 0.2),
      drop: chance.happens(0.8) ? 0 : chance.skewed(0.001, 0.05),
    },
    aggregator: {
      limits: {
        ...(chance.happens(0.5) ? {} : { staleAfterMs: 12_000, lostAfterMs: 18_000 }),
        ...(chance.happens(0.4) ? {} : { messageBytesMax: 8192 }),
      },
      journal: chance.happens(0.3) ? {} : { segmentAgeMs: chance.skewed(1000, 30_000) },
      // What closed is shown for that long by the clock of its host.
      lingerMs: chance.happens(0.6) || isClockSet ? defaultLingerLimits.lingerMs : 30_000,
    },
    spoolBytes: spoolBytes(chance),
    closedUnackedMax: chance.happens(0.8) ? null : chance.wholeBetween(3, 30),
    clockOffsetMaxMs: chance.pick([0, 1000, 10_000, 3_600_000]),
    clockStepMaxMs: chance.pick([1000, 20_000, 60_000]),
  };
}

/** Mostly few, as most of what can go wrong does between two of them. */
function fleetSize(chance: Chance): number {
  const size = chance.next();
  if (size < 0.85) return chance.wholeBetween(3, 4);
  return size < 0.985 ? chance.wholeBetween(5, 10) : chance.wholeBetween(15, 50);
}

/** As usual, so little that the oldest goes soon, or none. */
function spoolBytes(chance: Chance): number {
  const size = chance.next();
  if (size < 0.5) return defaultSpoolBytes;
  return size < 0.85 ? Math.round(chance.skewed(3000, 40_000)) : 0;
}

function tearing(chance: Chance): LookFaults {
  return {
    missed: chance.skewed(0.005, 0.2),
    doubled: chance.skewed(0.005, 0.2),
    ownerless: chance.happens(0.5) ? 0 : chance.skewed(0.01, 0.2),
    failed: chance.happens(0.5) ? 0 : chance.skewed(0.005, 0.1),
    unread: chance.happens(0.5) ? 0 : chance.skewed(0.005, 0.1),
  };
}
