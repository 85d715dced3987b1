/** Whatever order the hosts' messages arrive in, each host's own kept, the answer is the same: what is joined, and how, and what is not. */
import { expect, test } from 'vitest';
import type { EndDocument } from '../../../model/document.ts';
import { fc } from '../../support/random-cases.ts';
import { type FleetPlan, fleetPlan } from '../../support/truth/fleet-plan.ts';
import { SimulatedFleet } from '../../support/truth/simulated-fleet.ts';
import { historyOf } from '../../support/truth/true-history.ts';

function answerOf(plan: FleetPlan, nextHost: () => number): string[] {
  const fleet = new SimulatedFleet(historyOf(plan), { nextHost });
  fleet.run();
  const endOf = ({ ip, port, host, pid }: EndDocument): unknown => [ip, port, host, pid];
  return fleet
    .documents()
    .map(({ client, server, joinedBy, state, nat }) =>
      JSON.stringify([endOf(client), endOf(server), joinedBy, state, nat]),
    )
    .toSorted();
}

test('any interleaving gives the same answer', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(fleetPlan, fc.infiniteStream(fc.nat(4)), (plan, turns) => {
      let turn = 0;
      const inTurn = answerOf(plan, () => turn++);
      const iterator = turns[Symbol.iterator]();
      expect(answerOf(plan, () => iterator.next().value as number)).toEqual(inTurn);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 150), endOnFailure: process.env['SHRINK'] === '0' },
  );
});
