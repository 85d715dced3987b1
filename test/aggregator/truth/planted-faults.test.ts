/** The score can fail: an aggregator that errs, or an answer that was tampered with, does not pass for the truth. */
import { expect, test } from 'vitest';
import type { SocketReports } from '../../../aggregator/correlate/report.ts';
import { fc } from '../../support/random-cases.ts';
import { fleetPlan } from '../../support/truth/fleet-plan.ts';
import { scoreOf } from '../../support/truth/score.ts';
import { SimulatedFleet } from '../../support/truth/simulated-fleet.ts';
import { faultsOf } from '../../support/truth/tally.ts';
import { historyOf } from '../../support/truth/true-history.ts';

const plans = fc.sample(fleetPlan, { seed: 7, numRuns: 60 });

function nothing(): void {}

/** What an aggregator would do wrong, as what its correlation is not told. */
const meddlers: Readonly<Record<string, Partial<SocketReports>>> = {
  'translations are not heard': { translated: nothing },
  'forwarders are not heard': { forwarded: nothing, forwardEnded: nothing },
  'hosts are not described': { hostChanged: nothing },
};

/** Names of the faults that the score finds in all fleets together. */
function faultsWith(part: Partial<SocketReports>): Set<string> {
  const names = new Set<string>();
  for (const plan of plans) {
    const fleet = new SimulatedFleet(historyOf(plan), {
      meddle: (reports) => ({ ...reports, ...part }),
    });
    fleet.run();
    for (const line of faultsOf(scoreOf(fleet))) names.add(line.split(':', 1)[0]!);
  }
  return names;
}

test('nothing is found where nothing is wrong', { timeout: 120_000 }, () => {
  expect([...faultsWith({})]).toEqual([]);
});

test.each(Object.entries(meddlers))('it shows when %s', { timeout: 120_000 }, (_, part) => {
  expect(faultsWith(part).size).toBeGreaterThan(0);
});

test('it shows when an answer has an end of another connection, or leaves one out', {
  timeout: 120_000,
}, () => {
  const found = new Set<string>();
  for (const plan of plans.slice(0, 20)) {
    const fleet = new SimulatedFleet(historyOf(plan));
    fleet.run();
    const documents = fleet.documents();
    const both = documents.filter(({ seen }) => seen === 'both');
    const [one, other] = [both[0], both.at(-1)];
    if (one === undefined || other === undefined || one === other) continue;
    const swapped = documents.map((document) => {
      if (document === one) return { ...one, server: other.server };
      return document === other ? { ...other, server: one.server } : document;
    });
    for (const line of faultsOf(scoreOf(fleet, swapped))) found.add(line.split(':', 1)[0]!);
    const left = documents.filter((document) => document !== one);
    for (const line of faultsOf(scoreOf(fleet, left))) found.add(line.split(':', 1)[0]!);
  }
  expect([...found]).toEqual(expect.arrayContaining(['wrong', 'missed', 'unseen']));
});
