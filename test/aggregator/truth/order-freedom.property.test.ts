/**
 * Whatever order the hosts' messages arrive in, each host's own kept, and however much time passes between them, the answer is
 * the same: what is joined, and how, what is not, and why.
 */
import { describe, expect, test } from 'vitest';
import { emptyRequest } from '../../../aggregator/serve/request.ts';
import { hosts, map } from '../../support/answers-at-once.ts';
import { fc } from '../../support/random-cases.ts';
import { type FleetPlan, fleetPlan } from '../../support/truth/fleet-plan.ts';
import { SimulatedFleet, type Watching } from '../../support/truth/simulated-fleet.ts';
import { historyOf } from '../../support/truth/true-history.ts';

/** Seed and number of what was once answered in two ways. */
const onceInTwoWays: readonly (readonly [seed: number, number: number])[] = [
  [1, 781],
  [2, 917],
  [3, 58],
  [3, 249],
  [3, 959],
  [5, 445],
];

const turns = fc.infiniteStream(fc.nat(4));
const pauses = fc.infiniteStream(fc.constantFrom(false, false, true));

/** All but what tells when it was told: the numbers of connections, and when an edge was seen last. */
function answersOf(plan: FleetPlan, watching: Watching): readonly string[] {
  const fleet = new SimulatedFleet(historyOf(plan), watching);
  fleet.run();
  const { view } = fleet;
  const now = 1_700_000_600_000;
  return [
    ...fleet.documents().map((connection) => ({ ...connection, id: null })),
    ...map(view, emptyRequest, now).edges.map((edge) => ({ ...edge, lastSeenAt: null })),
    ...hosts(view, emptyRequest, now).hosts.map(({ host, match }) => [host, match]),
  ]
    .map((answer) => JSON.stringify(answer))
    .toSorted();
}

function expectOneAnswer(plan: FleetPlan, drawn: Iterable<number>, paused: Iterable<boolean>): void {
  let turn = 0;
  const inTurn = answersOf(plan, { nextHost: () => turn++ });
  expect(answersOf(plan, { nextHost: drawing(drawn) })).toEqual(inTurn);
  const watching = { nextHost: drawing(drawn), doesPass: drawing(paused) };
  expect(answersOf(plan, watching)).toEqual(inTurn);
}

/** Each call gives the next. */
function drawing<Value>(values: Iterable<Value>): () => Value {
  const iterator = values[Symbol.iterator]();
  return () => iterator.next().value as Value;
}

describe('any interleaving', () => {
  test('gives the same answer', { timeout: 300_000 }, () => {
    fc.assert(fc.property(fleetPlan, turns, pauses, expectOneAnswer), {
      numRuns: Number(process.env['RUNS'] ?? 100),
      endOnFailure: process.env['SHRINK'] === '0',
    });
  });

  test.each(onceInTwoWays)('gives the same answer to %i.%i, which had two once', (seed, number) => {
    const drawn = fc.sample(fc.tuple(fleetPlan, turns, pauses), { seed, numRuns: number + 1 });
    expectOneAnswer(...drawn[number]!);
  });
});
