/** What must not be joined though it looks alike, for as long as it does: equal container tuples, ports that clash, lost flows. */
import { describe, expect, it } from 'vitest';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { hostNetns, netnsOf, ReportedFleet, translationOf } from '../../support/reported-fleet.ts';

const containerNetns = 11;

/** Hosts 10.0.0.1, .2 and .3, each with a container 172.17.0.2 on a bridge of its own. */
function fleetOfThree(): ReportedFleet {
  const fleet = new ReportedFleet();
  for (const n of [1, 2, 3]) {
    const host = fleet.host(`h${n}`, { addresses: [`10.0.0.${n}`], localNetworks: ['172.17.0.0/16'] });
    host.netns.set(containerNetns, netnsOf(containerNetns, { addresses: ['172.17.0.2'] }));
    fleet.view.reports.hostChanged(host, fleet.nowMs);
  }
  return fleet;
}

function open(
  fleet: ReportedFleet,
  host: string,
  netns: number,
  tuple: string,
  program: string,
): ReportedSocket {
  const [local, remote] = tuple.split('>');
  return fleet.open(fleet.hosts.get(host)!, local!, remote!, { netns, program });
}

/** Of one end, in milliseconds: born after the first moment and by the second, gone by the third. */
type Times = readonly [bornAfterMs: number, bornByMs: number, goneByMs: number];

/** `client > server` by their programs, `?` where nobody reports the end. */
function pairs(fleet: ReportedFleet): string[] {
  const name = (socket: ReportedSocket | null): string => socket?.owners[0]?.process.program ?? '?';
  return fleet
    .connections()
    .map(({ client, server }) => `${name(client.socket)} > ${name(server.socket)}`)
    .sort((a, b) => a.localeCompare(b));
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

describe('equal tuples of containers on two hosts', () => {
  it('join on the host of both ends, in any order, though nothing is known of how the other is translated', () => {
    for (const order of permutations(['own', 'foreign', 'server', 'close'])) {
      if (order.indexOf('close') < order.indexOf('own')) continue;
      const fleet = fleetOfThree();
      let own: ReportedSocket;
      const tell: Record<string, () => unknown> = {
        own: () => {
          own = open(fleet, 'h1', containerNetns, '172.17.0.2:40000>10.0.0.1:80', 'own');
        },
        close: () => fleet.close(own),
        foreign: () => open(fleet, 'h2', containerNetns, '172.17.0.2:40000>10.0.0.1:80', 'foreign'),
        server: () => open(fleet, 'h1', hostNetns, '10.0.0.1:80>172.17.0.2:40000', 'server'),
      };
      for (const each of order) tell[each]!();
      fleet.pass(4_000);
      expect([order, pairs(fleet)]).toEqual([order, ['foreign > ?', 'own > server']]);
      // Nothing is ambiguous about it: the server's client is known.
      const reasons = fleet.connections().map(({ unseenBecause }) => unseenBecause);
      expect([order, reasons.filter((reason) => reason !== null)]).toEqual([order, ['translated']]);
      expect(fleet.edges().map(({ seen, total }) => [seen.both, total])).toEqual(
        expect.arrayContaining([[1, 1]]),
      );
      expect(fleet.edges().reduce((sum, { total }) => sum + total, 0)).toBe(2);
    }
  });

  it('join as the wire shows them, when each translation is told after all ends were', () => {
    for (const order of permutations(['h1', 'h2'])) {
      const fleet = fleetOfThree();
      const [one, two] = ['h1', 'h2'].map((host) =>
        open(fleet, host, containerNetns, '172.17.0.2:40000>10.0.0.3:80', host),
      );
      open(fleet, 'h3', hostNetns, '10.0.0.3:80>10.0.0.1:61000', 'server1');
      open(fleet, 'h3', hostNetns, '10.0.0.3:80>10.0.0.2:61000', 'server2');
      expect(fleet.connections().map(({ unseenBecause }) => unseenBecause)).toContain('not-yet');
      for (const host of order) {
        const ip = host === 'h1' ? '10.0.0.1' : '10.0.0.2';
        fleet.translate(host === 'h1' ? one! : two!, 'client', [`${ip}:61000>10.0.0.3:80`]);
      }
      expect(pairs(fleet)).toEqual(['h1 > server1', 'h2 > server2']);
    }
  });

  it('leave one that really is routed alone with its server when the other turns out to be translated', () => {
    const fleet = fleetOfThree();
    const masqueraded = open(fleet, 'h1', containerNetns, '172.17.0.2:40000>10.0.0.3:80', 'masqueraded');
    open(fleet, 'h2', containerNetns, '172.17.0.2:40000>10.0.0.3:80', 'routed');
    open(fleet, 'h3', hostNetns, '10.0.0.3:80>172.17.0.2:40000', 'server');
    fleet.pass(4_000);
    const clients = fleet.connections().filter(({ seen }) => seen === 'client');
    expect(clients.map(({ unseenBecause }) => unseenBecause)).toEqual(['ambiguous', 'ambiguous']);
    fleet.translate(masqueraded, 'client', ['10.0.0.1:61000>10.0.0.3:80']);
    expect(pairs(fleet)).toEqual(['masqueraded > ?', 'routed > server']);
    expect(fleet.edges().map(({ client, server, seen }) => [client, server, seen.both])).toEqual(
      expect.arrayContaining([
        ['routed', 'server', 1],
        ['masqueraded', 'h3', 0],
      ]),
    );
  });

  it('tell one that is over apart when the other turns out to be translated, whichever is told first', () => {
    for (const order of permutations(['close', 'translate', 'server'])) {
      const fleet = fleetOfThree();
      const masqueraded = open(fleet, 'h1', containerNetns, '172.17.0.2:40000>10.0.0.3:80', 'masqueraded');
      const routed = open(fleet, 'h2', containerNetns, '172.17.0.2:40000>10.0.0.3:80', 'routed');
      const tell: Record<string, () => unknown> = {
        close: () => fleet.close(routed),
        translate: () => fleet.translate(masqueraded, 'client', ['10.0.0.1:61000>10.0.0.3:80']),
        server: () => open(fleet, 'h3', hostNetns, '10.0.0.3:80>172.17.0.2:40000', 'server'),
      };
      for (const each of order) tell[each]!();
      expect([order, pairs(fleet)]).toEqual([order, ['masqueraded > ?', 'routed > server']]);
    }
  });

  it('part when the half that was joined first turns out to be translated to something else', () => {
    const fleet = fleetOfThree();
    const wrong = open(fleet, 'h1', containerNetns, '172.17.0.2:40000>10.0.0.3:80', 'wrong');
    open(fleet, 'h3', hostNetns, '10.0.0.3:80>172.17.0.2:40000', 'server');
    expect(pairs(fleet)).toEqual(['wrong > server']);
    fleet.translate(wrong, 'client', ['10.0.0.1:61000>10.0.0.3:80']);
    fleet.pass(4_000);
    expect(pairs(fleet)).toEqual(['? > server', 'wrong > ?']);
    // The name of the wrong client is not kept for the one that is unseen now.
    expect(fleet.edges().map(({ client, server }) => [client, server])).toEqual(
      expect.arrayContaining([
        ['h3', 'server'],
        ['wrong', 'h3'],
      ]),
    );
  });
});

describe('a socket that is connected to itself, and translated', () => {
  it('takes the place of no other end', () => {
    const fleet = fleetOfThree();
    open(fleet, 'h1', containerNetns, '172.17.0.2:80>10.0.0.9:7', 'peer');
    const self = fleet.build(fleet.hosts.get('h1')!, '10.0.0.1:4000', '10.0.0.1:4000', { program: 'self' });
    self.translation = translationOf('client', ['10.0.0.9:7>172.17.0.2:80']);
    fleet.view.reports.opened(self, fleet.nowMs);
    expect(pairs(fleet)).toEqual(['self > peer']);
  });
});

describe('ports that clash', () => {
  it("take a host's own socket for the client of what it passes on only until its translation is told", () => {
    const fleet = fleetOfThree();
    const own = open(fleet, 'h1', hostNetns, '10.0.0.1:50000>10.244.2.2:8443', 'own');
    open(fleet, 'h2', containerNetns, '10.244.2.2:8443>10.0.0.1:50000', 'server');
    open(fleet, 'h3', hostNetns, '10.0.0.3:40000>10.0.0.1:30443', 'client');
    fleet.forward(fleet.hosts.get('h1')!, '10.0.0.3:40000>10.0.0.1:30443', '10.0.0.1:50000>10.244.2.2:8443');
    expect(pairs(fleet)).toEqual(['client > ?', 'own > server']);
    fleet.translate(own, 'client', ['10.0.0.1:50001>10.244.2.2:8443']);
    fleet.pass(4_000);
    expect(pairs(fleet)).toEqual(['client > server', 'own > ?']);
  });

  it('keep apart what has one outermost tuple one after the other', () => {
    const fleet = fleetOfThree();
    const wire = '10.0.0.1:61000>10.0.0.3:80';
    for (const program of ['first', 'second']) {
      const client = open(
        fleet,
        'h1',
        containerNetns,
        `172.17.0.2:4000${program.length}>10.0.0.3:80`,
        program,
      );
      fleet.translate(client, 'client', [wire]);
      const server = open(fleet, 'h3', hostNetns, '10.0.0.3:80>10.0.0.1:61000', `${program}-server`);
      fleet.pass(5_000);
      fleet.close(client);
      fleet.close(server);
      fleet.pass(60_000);
    }
    expect(pairs(fleet)).toEqual(['first > first-server', 'second > second-server']);
  });

  it.each(['tcp', 'udp'] as const)(
    'lead to the nearer of two %s clients, in any order of telling',
    (protocol) => {
      const dialed = '10.0.0.3:40000>10.0.0.1:30443';
      for (const order of permutations(['first', 'second', 'server', 'record'] as const)) {
        const fleet = fleetOfThree();
        const sinceMs = fleet.nowMs - 60_000;
        const tell = (
          host: string,
          program: string,
          tuple: string,
          [bornAfterMs, bornByMs, goneByMs]: Times,
        ) => {
          const [local, remote] = tuple.split('>');
          const times = { notBeforeMs: sinceMs + bornAfterMs, openedAtMs: sinceMs + bornByMs };
          const socket = fleet.open(fleet.hosts.get(host)!, local!, remote!, { protocol, program, ...times });
          socket.closedAtMs = sinceMs + goneByMs;
          fleet.view.reports.closed(socket, fleet.nowMs);
        };
        const telling = {
          first: () => tell('h3', 'first', dialed, [3_000, 6_000, 7_000]),
          second: () => tell('h3', 'second', dialed, [6_000, 7_000, 8_000]),
          server: () => tell('h2', 'server', '10.244.2.2:8443>10.0.0.1:50001', [5_600, 6_600, 8_000]),
          record: () => {
            const forwarded = '10.0.0.1:50001>10.244.2.2:8443';
            fleet.forward(fleet.hosts.get('h1')!, dialed, forwarded, protocol, sinceMs + 7_000);
          },
        };
        for (const name of order) telling[name]();
        expect(pairs(fleet)).toEqual(['first > ?', 'second > server']);
      }
    },
  );

  it('take the newer of two records of one host, and lead nobody by the older', () => {
    const fleet = fleetOfThree();
    const [h1] = [fleet.hosts.get('h1')!];
    fleet.forward(h1, '10.0.0.3:40000>10.0.0.1:30443', '10.0.0.1:50000>10.244.2.2:8443');
    fleet.pass(90_000);
    fleet.forward(h1, '10.0.0.3:40001>10.0.0.1:30443', '10.0.0.1:50000>10.244.2.2:8443');
    fleet.pass(10_000);
    open(fleet, 'h3', hostNetns, '10.0.0.3:40000>10.0.0.1:30443', 'other');
    open(fleet, 'h3', hostNetns, '10.0.0.3:40001>10.0.0.1:30443', 'client');
    open(fleet, 'h2', containerNetns, '10.244.2.2:8443>10.0.0.1:50000', 'server');
    expect(pairs(fleet)).toEqual(['client > server', 'other > ?']);
  });
});

describe('a conversation that is passed on', () => {
  const dialed = '10.0.0.3:40000>10.0.0.1:30443';
  const forwarded = '10.0.0.1:50000>10.244.2.2:8443';

  function told(fleet: ReportedFleet): { client: ReportedSocket; server: ReportedSocket } {
    return {
      client: open(fleet, 'h3', hostNetns, dialed, 'client'),
      server: open(fleet, 'h2', containerNetns, '10.244.2.2:8443>10.0.0.1:50000', 'server'),
    };
  }

  it('stays one when the record of it ends before it does, or its host is lost', () => {
    const fleet = fleetOfThree();
    const flow = fleet.forward(fleet.hosts.get('h1')!, dialed, forwarded);
    const { client, server } = told(fleet);
    fleet.view.reports.forwardEnded(flow, fleet.nowMs);
    fleet.pass(10 * 60_000);
    expect(pairs(fleet)).toEqual(['client > server']);
    expect(fleet.only()).toMatchObject({ joinedBy: 'forwarder', direction: 'conntrack' });
    fleet.change(client, 'fin-wait-2');
    fleet.translate(server, 'server', []);
    expect(pairs(fleet)).toEqual(['client > server']);
  });

  it('is joined too when its ends are told shortly after the record ended, and not long after', () => {
    for (const [lateMs, expected] of [
      [59_000, ['client > server']],
      [61_000, ['? > server', 'client > ?']],
    ] as const) {
      const fleet = fleetOfThree();
      const bornMs = fleet.nowMs;
      const flow = fleet.forward(fleet.hosts.get('h1')!, dialed, forwarded);
      fleet.view.reports.forwardEnded(flow, fleet.nowMs);
      fleet.pass(lateMs);
      const shape = { openedAtMs: bornMs, notBeforeMs: bornMs - 1_000 };
      fleet.open(fleet.hosts.get('h3')!, '10.0.0.3:40000', '10.0.0.1:30443', { program: 'client', ...shape });
      fleet.open(fleet.hosts.get('h2')!, '10.244.2.2:8443', '10.0.0.1:50000', {
        program: 'server',
        ...shape,
      });
      expect(pairs(fleet)).toEqual(expected);
    }
  });

  it('does not lead to what was born after the record ended', () => {
    const fleet = fleetOfThree();
    const flow = fleet.forward(fleet.hosts.get('h1')!, dialed, forwarded);
    fleet.view.reports.forwardEnded(flow, fleet.nowMs);
    fleet.pass(10_000);
    told(fleet);
    expect(pairs(fleet)).toEqual(['? > server', 'client > ?']);
  });

  it('moves with the realm of the host that passes it on', () => {
    const fleet = fleetOfThree();
    fleet.forward(fleet.hosts.get('h1')!, dialed, forwarded);
    for (const host of fleet.hosts.values()) {
      host.realm = 'east';
      fleet.view.reports.hostChanged(host, fleet.nowMs);
    }
    told(fleet);
    expect(pairs(fleet)).toEqual(['client > server']);
  });

  it('keeps the place and the name of its server when that is lost', () => {
    const fleet = fleetOfThree();
    fleet.forward(fleet.hosts.get('h1')!, dialed, forwarded);
    const { server } = told(fleet);
    fleet.pass(4_000);
    server.host.state = 'lost';
    fleet.view.reports.hostLost(server.host, [server], fleet.nowMs);
    expect(fleet.only().server).toMatchObject({
      endpoint: { ip: '10.244.2.2', port: 8443 },
      label: 'server',
      seenAs: { endpoint: { ip: '10.0.0.1', port: 30443 } },
    });
    expect(fleet.edges()).toMatchObject([
      { client: 'client', server: 'server', port: 8443, open: 1, total: 1 },
    ]);
  });
});

describe('a datagram that is masqueraded', () => {
  it('has the unconnected socket that the outermost tuple leads to for its peer', () => {
    const fleet = fleetOfThree();
    const h3 = fleet.hosts.get('h3')!;
    fleet.listen(h3, '0.0.0.0:53', { protocol: 'udp', state: 'unconnected', program: 'named' });
    const shape = { protocol: 'udp', netns: containerNetns, program: 'dig' } as const;
    const asking = fleet.open(fleet.hosts.get('h1')!, '172.17.0.2:40000', '10.96.0.10:53', shape);
    expect(fleet.only()).toMatchObject({ seen: 'client' });
    fleet.translate(asking, 'client', ['10.0.0.1:61000>10.0.0.3:53']);
    expect(fleet.only()).toMatchObject({
      seen: 'both',
      direction: 'listener',
      server: { label: 'named', seenAs: { endpoint: { ip: '10.96.0.10', port: 53 } } },
      client: { seenAs: { endpoint: { ip: '10.0.0.1', port: 61000 } } },
    });
  });
});

describe('a connection that is only known better', () => {
  it('stays the same one for watchers when its networks or its realm become known', () => {
    const fleet = new ReportedFleet();
    const host = fleet.host('h1', { addresses: ['10.0.0.1'] });
    open(fleet, 'h1', 2, '172.17.0.2:40000>172.17.0.3:80', 'web');
    open(fleet, 'h1', 3, '172.17.0.3:80>172.17.0.2:40000', 'api');
    const { id } = fleet.only();
    host.netns.set(9, netnsOf(9, { localNetworks: ['172.17.0.0/16'] }));
    host.realm = 'east';
    fleet.view.reports.hostChanged(host, fleet.nowMs);
    expect(fleet.only()).toMatchObject({ id, seen: 'both', client: { realm: 'east' } });
    expect(fleet.events.filter(({ kind }) => kind === 'opened' || kind === 'closed')).toHaveLength(1);
    expect(fleet.edges()).toMatchObject([{ realm: 'east', client: 'web', server: 'api', open: 1, total: 1 }]);
  });

  it('keeps the connection that watchers were told of when two lone ends turn out to be one', () => {
    const fleet = fleetOfThree();
    const client = open(fleet, 'h1', containerNetns, '172.17.0.2:40000>10.0.0.3:80', 'client');
    fleet.pass(4_000);
    const { id } = fleet.only();
    const bornMs = fleet.nowMs - 4_000;
    const shape = { program: 'server', openedAtMs: bornMs, notBeforeMs: bornMs - 1_000 };
    fleet.open(fleet.hosts.get('h3')!, '10.0.0.3:80', '10.0.0.1:61000', shape);
    fleet.translate(client, 'client', ['10.0.0.1:61000>10.0.0.3:80']);
    expect(fleet.only()).toMatchObject({ id, seen: 'both' });
    const told = fleet.events.filter((event) => event.kind !== 'host').map(({ kind }) => kind);
    expect(told).toEqual(['edge', 'opened', 'edge']);
    expect(fleet.edges()).toMatchObject([
      { client: 'client', server: 'server', port: 80, open: 1, total: 1 },
    ]);
  });
});
