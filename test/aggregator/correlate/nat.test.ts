/** Connections that are translated: each set-up told in every order is one connection, with what both ends see of it. */
import { describe, expect, it } from 'vitest';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { seesAll } from '../../../aggregator/security/sight.ts';
import { connectionDocument } from '../../../aggregator/serve/documents.ts';
import { netnsOf, ReportedFleet, tupleOf } from '../../support/reported-fleet.ts';
import { containers, hostNames, type Setup, type SetupEnd, setups } from './nat-setups.ts';

function fleetOfSetups(): ReportedFleet {
  const fleet = new ReportedFleet();
  for (const [n, name] of hostNames.entries()) {
    const addresses = [`10.0.0.${n + 1}`, `fd00::${n + 1}`, '172.17.0.1'];
    const host = fleet.host(name, { addresses, localNetworks: ['172.17.0.0/16'] });
    const ips = ['172.17.0.2', '172.17.0.3', `10.244.${n + 1}.2`, `10.244.${n + 1}.3`];
    for (const [i, netns] of Object.values(containers).entries()) {
      host.netns.set(netns, netnsOf(netns, { addresses: [ips[i]!] }));
    }
    fleet.view.reports.hostChanged(host, fleet.nowMs);
  }
  return fleet;
}

type Step = () => void;

/** What each host tells of the set-up, in its own order. */
function stepsOf(fleet: ReportedFleet, setup: Setup): Step[][] {
  const told = (role: 'client' | 'server', { host, netns, socket: text, stages }: SetupEnd): Step[] => {
    const [local, remote] = text.split('>');
    let socket: ReportedSocket;
    const open = (): void => {
      socket = fleet.open(fleet.hosts.get(host)!, local!, remote!, { netns, program: role });
    };
    return stages === null ? [open] : [open, () => fleet.translate(socket, role, stages)];
  };
  const flows = (setup.flows ?? []).map(({ host, dialed, forwarded }) => [
    () => void fleet.forward(fleet.hosts.get(host)!, dialed, forwarded),
  ]);
  return [told('client', setup.client), told('server', setup.server), ...flows];
}

/** All orders in which the queues can be emptied, as numbers of queues. */
function interleavings(lengths: readonly number[]): number[][] {
  if (lengths.every((length) => length === 0)) return [[]];
  return lengths.flatMap((length, n) => {
    if (length === 0) return [];
    const rest = interleavings(lengths.map((other, m) => (m === n ? other - 1 : other)));
    return rest.map((order) => [n, ...order]);
  });
}

function told(fleet: ReportedFleet, kind: string): number {
  return fleet.events.filter((event) => event.kind === kind).length;
}

function expectOne(fleet: ReportedFleet, setup: Setup): void {
  const connection = fleet.only();
  expect(connection).toMatchObject({ seen: 'both', unseenBecause: null, joinedBy: setup.joinedBy });
  const { client, server, nat } = connectionDocument(connection, seesAll);
  expect({ client: `${client.ip}:${client.port}`, server: `${server.ip}:${server.port}`, nat }).toEqual({
    client: plain(setup.client.socket),
    server: plain(setup.server.socket),
    nat: setup.nat,
  });
  expect([client.process, server.process]).toEqual(['client', 'server']);
  const { port } = tupleOf(setup.server.socket).local;
  expect(fleet.edges()).toMatchObject([
    { client: 'client', server: 'server', port, open: 1, total: 1, seen: { both: 1, client: 0, server: 0 } },
  ]);
}

function plain(socket: string): string {
  const { ip, port } = tupleOf(socket).local;
  return `${ip}:${port}`;
}

describe.each(setups)('$name', (setup) => {
  const lengths = stepsOf(fleetOfSetups(), setup).map((steps) => steps.length);

  it.each([{ pauseMs: 0 }, { pauseMs: 500 }])(
    'is one connection in every order, $pauseMs ms apart',
    ({ pauseMs }) => {
      for (const order of interleavings(lengths)) {
        const fleet = fleetOfSetups();
        const queues = stepsOf(fleet, setup);
        for (const n of order) {
          queues[n]!.shift()!();
          fleet.pass(pauseMs);
        }
        expectOne(fleet, setup);
        expect([order, told(fleet, 'opened'), told(fleet, 'closed')]).toEqual([order, 1, 0]);
      }
    },
  );

  it('is one connection too when each end was placed alone meanwhile, and nobody is told of a close', () => {
    for (const order of interleavings(lengths)) {
      const fleet = fleetOfSetups();
      const queues = stepsOf(fleet, setup);
      for (const n of order) {
        // The socket is younger each time, and still of one birth.
        fleet.nowMs -= 4_000;
        queues[n]!.shift()!();
        fleet.pass(4_000);
      }
      expectOne(fleet, setup);
      expect([order, told(fleet, 'closed')]).toEqual([order, 0]);
    }
  });

  it('is told closed once', () => {
    const fleet = fleetOfSetups();
    for (const steps of stepsOf(fleet, setup)) for (const step of steps) step();
    const { client, server } = fleet.only();
    for (const end of [client, server]) fleet.close(end.socket!);
    expect([told(fleet, 'opened'), told(fleet, 'closed')]).toEqual([1, 1]);
    fleet.pass(60 * 60_000);
    expect(fleet.view.sizes).toMatchObject({ connections: 0, keys: 0, halves: 0, concerned: 0, places: 0 });
  });
});
