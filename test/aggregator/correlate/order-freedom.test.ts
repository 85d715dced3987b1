/** Any interleaving of what the hosts report gives the same map, as long as each host's own order is kept. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEndpoint } from '../../../model/endpoint.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

interface Talk {
  readonly client: number;
  readonly server: number;
  readonly port: number;
  readonly closes: boolean;
}

const hostCount = 4;
const serverPort = 80;
const talk = fc.record({
  client: fc.integer({ min: 0, max: hostCount - 1 }),
  server: fc.integer({ min: 0, max: hostCount - 1 }),
  port: fc.integer({ min: 40_000, max: 40_009 }),
  closes: fc.boolean(),
});
/** Distinct four-tuples between different hosts, and which host reports next, step by step. */
const story = fc.record({
  talks: fc.uniqueArray(
    talk.filter(({ client, server }) => client !== server),
    { maxLength: 12, selector: ({ client, server, port }) => `${client}-${server}-${port}` },
  ),
  turns: fc.infiniteStream(fc.integer({ min: 0, max: hostCount - 1 })),
});

const addressOf = (host: number): string => `10.0.0.${host + 1}`;

function tell(talks: readonly Talk[], nextHost: () => number): string[] {
  const fleet = new ReportedFleet();
  const hosts = Array.from({ length: hostCount }, (_, i) =>
    fleet.host(`h${i}`, { addresses: [addressOf(i)] }),
  );
  const reports: (() => void)[][] = hosts.map((host, i) => [
    () => void fleet.listen(host, `0.0.0.0:${serverPort}`, { program: `s${i}` }),
  ]);
  for (const { client, server, port, closes } of talks) {
    const [from, to] = [`${addressOf(client)}:${port}`, `${addressOf(server)}:${serverPort}`];
    for (const [host, local, remote] of [
      [client, from, to],
      [server, to, from],
    ] as const) {
      reports[host]!.push(() => {
        const program = host === client ? `c${client}` : `s${server}`;
        const socket = fleet.open(hosts[host]!, local, remote, { program });
        if (closes) fleet.close(socket);
      });
    }
  }
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
      { numRuns: 200 },
    );
  });
});
