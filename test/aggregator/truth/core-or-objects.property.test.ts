/** Whether plain connections are in the core or everything is an object, any fleet gets the same answers. */
import { expect, test } from 'vitest';
import { emptyRequest } from '../../../aggregator/serve/request.ts';
import type { ConnectionDocument } from '../../../model/document.ts';
import { hosts, map } from '../../support/answers-at-once.ts';
import { fc } from '../../support/random-cases.ts';
import { type FleetPlan, fleetPlan } from '../../support/truth/fleet-plan.ts';
import { SimulatedFleet } from '../../support/truth/simulated-fleet.ts';
import { historyOf } from '../../support/truth/true-history.ts';

/** Seed and number of fleets that were once answered in two ways. */
const onceInTwoWays: readonly (readonly [seed: number, fleet: number])[] = [
  [1, 258],
  [1, 689],
  [1, 777],
  [3, 889],
  [4, 154],
  [4, 326],
  [5, 444],
  [7, 28],
  [7, 314],
];

interface Answers {
  readonly connections: readonly string[];
  readonly edges: readonly string[];
  readonly matches: readonly unknown[];
  /** Connections in the core at the end. */
  readonly plain: number;
}

function answersOf(plan: FleetPlan, plainMax: number): Answers {
  const fleet = new SimulatedFleet(historyOf(plan), { plainMax });
  fleet.run();
  const { view } = fleet;
  const now = 1_700_000_600_000;
  return {
    connections: fleet.documents().map(textOf).toSorted(),
    edges: map(view, emptyRequest, now)
      .edges.map((edge) => JSON.stringify(edge))
      .toSorted(),
    matches: hosts(view, emptyRequest, now).hosts.map(({ host, match }) => [host, match]),
    plain: view.sizes['plain']!,
  };
}

/** Numbers are given in another order where a connection becomes another's. */
function textOf(connection: ConnectionDocument): string {
  return JSON.stringify({ ...connection, id: null });
}

/** @returns connections that were kept in the core to the end */
function expectSameAnswers(plan: FleetPlan): number {
  const { plain: kept, ...core } = answersOf(plan, 1 << 12);
  const { plain: none, ...objects } = answersOf(plan, 0);
  expect(core).toEqual(objects);
  expect(none).toBe(0);
  return kept;
}

test('the same connections, edges and counts', { timeout: 300_000 }, () => {
  let plain = 0;
  fc.assert(
    fc.property(fleetPlan, (plan) => {
      plain += expectSameAnswers(plan);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 30), endOnFailure: process.env['SHRINK'] === '0' },
  );
  // It was the core that answered.
  expect(plain).toBeGreaterThan(50);
});

test.each(onceInTwoWays)('the same of fleet %i.%i, where they were not once', (seed, fleet) => {
  expectSameAnswers(fc.sample(fleetPlan, { seed, numRuns: fleet + 1 })[fleet]!);
});
