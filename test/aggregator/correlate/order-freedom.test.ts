/** Any interleaving of what the hosts report gives the same map, as long as each host's own order is kept. */
import { describe, expect, it } from 'vitest';
import { seesAll } from '../../../aggregator/security/sight.ts';
import { connectionDocument } from '../../../aggregator/serve/documents.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import { fc } from '../../support/random-cases.ts';
import { hostNetns, netnsOf, ReportedFleet } from '../../support/reported-fleet.ts';
import {
  apiNetns,
  conversationKinds,
  hostCount,
  hostIp,
  innerNamespaces,
  podIp,
  podNetns,
  wayOf,
} from './true-ends.ts';

const talk = fc.record({
  kind: fc.constantFrom(...conversationKinds),
  client: fc.integer({ min: 0, max: hostCount - 1 }),
  step: fc.integer({ min: 1, max: hostCount - 1 }),
  port: fc.integer({ min: 40_000, max: 40_003 }),
  closes: fc.boolean(),
});
type Talk = typeof talk extends fc.Arbitrary<infer Value> ? Value : never;

/** Talks with a client's tuple of their own each, and which host reports next, step by step. */
const story = fc.record({
  talks: fc.uniqueArray(talk, {
    maxLength: 14,
    selector: (dialing) => {
      const [client] = wayOf(dialing, 0).ends;
      return `${client.host} ${client.netns} ${client.local} ${client.remote}`;
    },
  }),
  turns: fc.infiniteStream(fc.integer({ min: 0, max: hostCount - 1 })),
});

function fleetOfHosts(): ReportedFleet {
  const fleet = new ReportedFleet();
  for (let n = 0; n < hostCount; n++) {
    const host = fleet.host(`h${n}`, {
      addresses: [hostIp(n), '172.17.0.1'],
      localNetworks: ['172.17.0.0/16'],
    });
    const addresses = ['172.17.0.2', '172.17.0.3', podIp(n)];
    for (const [i, netns] of innerNamespaces.entries()) {
      host.netns.set(netns, netnsOf(netns, { addresses: [addresses[i]!] }));
    }
    fleet.view.reports.hostChanged(host, fleet.nowMs);
  }
  return fleet;
}

/** What each host tells, in its order: what listens, then each end, how it is translated, and that it closed. */
function reportsOf(fleet: ReportedFleet, talks: readonly Talk[]): (() => void)[][] {
  const hosts = [...fleet.hosts.values()];
  const reports: (() => void)[][] = hosts.map((host, n) => [
    () => {
      for (const [port, netns] of [
        [80, hostNetns],
        [80, apiNetns],
        [9007, apiNetns],
        [8443, podNetns],
      ] as const) {
        fleet.listen(host, `0.0.0.0:${port}`, { program: `s${n}`, netns });
      }
    },
  ]);
  for (const dialing of talks) {
    const { ends, flow } = wayOf(dialing, 0);
    if (flow !== null) {
      reports[flow.host]!.push(() => void fleet.forward(hosts[flow.host]!, flow.dialed, flow.forwarded));
    }
    for (const [n, { host, netns, local, remote, stages }] of ends.entries()) {
      let socket: ReturnType<ReportedFleet['open']>;
      const [role, letter] = n === 0 ? (['client', 'c'] as const) : (['server', 's'] as const);
      reports[host]!.push(() => {
        socket = fleet.open(hosts[host]!, local, remote, { program: `${letter}${host}`, netns });
      });
      if (stages.length > 0) reports[host]!.push(() => fleet.translate(socket, role, stages));
      if (dialing.closes) reports[host]!.push(() => fleet.close(socket));
    }
  }
  return reports;
}

function tell(talks: readonly Talk[], nextHost: () => number): string[] {
  const fleet = fleetOfHosts();
  const reports = reportsOf(fleet, talks);
  while (reports.some((queue) => queue.length > 0)) reports[nextHost()]!.shift()?.();
  fleet.pass(4_000);
  const edges = fleet
    .edges()
    .map(({ client, server, port, open, total, seen }) => [client, server, port, open, total, seen]);
  const connections = fleet
    .connections()
    .map((connection) => [
      formatEndpoint(connection.client.endpoint),
      formatEndpoint(connection.server.endpoint),
      connectionDocument(connection, seesAll).nat,
      connection.joinedBy,
      connection.seen,
      connection.direction,
      connection.closedAtMs === null,
    ]);
  return [...edges, ...connections].map((row) => JSON.stringify(row)).sort();
}

describe('order freedom', () => {
  it('gives one map for any interleaving, with every connection seen from both ends', () => {
    fc.assert(
      fc.property(story, ({ talks, turns }) => {
        let turn = 0;
        const inOrder = tell(talks, () => turn++ % hostCount);
        const iterator = turns[Symbol.iterator]();
        const shuffled = tell(talks, () => iterator.next().value as number);
        expect(shuffled).toEqual(inOrder);
        expect(inOrder.filter((row) => row.includes('"both","listener"'))).toHaveLength(talks.length);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 200) },
    );
  });
});
