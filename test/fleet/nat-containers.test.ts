/**
 * Containers behind translation, as Docker sets it up: masquerade, published ports, hairpins, and what is not translated
 * although it might be. Every connection of all set-ups is in one ledger, which has to match as a whole.
 *
 *     h1, h2   docker0 with 172.17.0.0/16, the same on both; masquerade, and ports published
 *     h3, h4   plain hosts, without a rule
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionDocument } from '../../model/document.ts';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.ts';
import type { Container } from '../support/fleet/container.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import type { LedgerEntry } from '../support/fleet/ledger.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { Peer } from '../support/fleet/peer.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import { until } from '../support/until.ts';

const plan = {
  h1: ['10.1.1.1/16', 'fd00::1/64'],
  h2: ['10.1.2.1/16', 'fd00::2/64'],
  h3: ['10.1.3.1/16', 'fd00::3/64'],
  h4: ['10.1.4.1/16', 'fd00::4/64'],
} as const;

/** Port 18080 of the host leads to port 9007 of its first container; 18082 does so too, without hiding who comes. */
function dockerRules(ip: string, ip6: string): string {
  const published = `
    ip daddr ${ip} tcp dport 18080 dnat ip to 172.17.0.2:9007
    ip daddr ${ip} tcp dport 18082 dnat ip to 172.17.0.2:9008
    ip6 daddr ${ip6} tcp dport 18080 dnat ip6 to [fd17::2]:9007`;
  return `
table inet nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ${published}
  }
  chain output {
    type nat hook output priority -100;
    ${published}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr 172.17.0.0/16 oifname "eth0" masquerade
    ip6 saddr fd17::/64 oifname "eth0" masquerade
    ip saddr 172.17.0.0/16 ip daddr 172.17.0.2 tcp dport 9007 masquerade
  }
}
`;
}

describe.runIf(canMakeNamespaces)('containers behind translation', () => {
  let fleet: Fleet;
  /** First and second container of h1 and h2, by `h1.1`. */
  const containers = new Map<string, Container>();
  const peers = new Map<string, Peer>();

  beforeAll(async () => {
    ({ fleet } = await openWatchedFleet(plan));
    for (const name of ['h1', 'h2'] as const) {
      const host = fleet.host(name);
      await host.passPacketsOn();
      await host.addBridge('docker0', '172.17.0.1/16');
      await host.ip(['addr add fd17::1/64 dev docker0 nodad']);
      for (const n of [1, 2]) {
        const addresses = [`172.17.0.${n + 1}/16`, `fd17::${n + 1}/64`];
        const container = await host.addContainer(`k${n}`, 'docker0', ...addresses);
        await container.ip(['route add default via 172.17.0.1', 'route add default via fd17::1']);
        // A container may be answered by itself.
        await host.ip([`link set ${container.device} type bridge_slave hairpin on`]);
        containers.set(`${name}.${n}`, container);
      }
      const [ip, ip6] = plan[name].map((address) => address.split('/')[0]!);
      await host.nft(dockerRules(ip!, ip6!));
    }
    for (const name of ['h3', 'h4']) {
      await listening(name, 8743);
    }
    for (const name of ['h1.1', 'h2.1']) await listening(name, 9007, 9008);
  });

  afterAll(() => fleet?.close());

  /** The process in a host (`h3`) or a container (`h1.2`) that is called after it, started when it is asked for. */
  async function peer(place: string): Promise<Peer> {
    const known = peers.get(place);
    if (known !== undefined) return known;
    const started = await (containers.get(place) ?? fleet.host(place)).start(`p-${place}`);
    peers.set(place, started);
    return started;
  }

  async function listening(place: string, ...ports: number[]): Promise<void> {
    for (const port of ports) await (await peer(place)).listen('::', port);
  }

  async function dial(from: string, ip: string, port: number, to: string, localPort?: number) {
    const at = localPort === undefined ? {} : { localPort };
    return fleet.connectTranslated(await peer(from), await peer(to), { ip, port }, at);
  }

  async function expectMatched(...entries: LedgerEntry[]): Promise<void> {
    await fleet.expectLedgerMatched(fleet.host('aggregator'));
    expect(entries.every(({ open }) => open)).toBe(true);
  }

  const seenBy = ({ client, server }: LedgerEntry): [Endpoint | null, Endpoint | null] => [
    client.remote,
    server.remote,
  ];

  test('without any rule', async () => {
    await expectMatched(await dial('h3', '10.1.4.1', 8743, 'h4'));
  });

  test('masquerade, also where equal addresses and ports meet at one server', async () => {
    // The very same tuple in containers of two hosts, and a second container that wants the same port on the host.
    const first = await dial('h1.1', '10.1.3.1', 8743, 'h3', 40000);
    const other = await dial('h2.1', '10.1.3.1', 8743, 'h3', 40000);
    const clash = await dial('h1.2', '10.1.3.1', 8743, 'h3', 40000);
    expect(seenBy(first)[1]).toEqual({ ip: '10.1.1.1', port: 40000 });
    expect(seenBy(other)[1]).toEqual({ ip: '10.1.2.1', port: 40000 });
    expect(seenBy(clash)[1]!.port).not.toBe(40000);
    await expectMatched(first, other, clash);
  });

  test('a published port, from another host and from the host itself', async () => {
    const outside = await dial('h3', '10.1.1.1', 18080, 'h1.1');
    const inside = await dial('h1', '10.1.1.1', 18080, 'h1.1');
    expect(outside.server.local).toEqual({ ip: '172.17.0.2', port: 9007 });
    await expectMatched(outside, inside);
  });

  test('masquerade at one host and a published port at the other', async () => {
    const both = await dial('h2.2', '10.1.1.1', 18080, 'h1.1');
    expect(seenBy(both)).toEqual([
      { ip: '10.1.1.1', port: 18080 },
      { ip: '10.1.2.1', port: both.client.local.port },
    ]);
    await expectMatched(both);
  });

  test('hairpins: a neighbour and the container itself dial the published port', async () => {
    const neighbour = await dial('h1.2', '10.1.1.1', 18080, 'h1.1');
    const self = await dial('h1.1', '10.1.1.1', 18080, 'h1.1');
    expect([neighbour, self].map((entry) => seenBy(entry)[1]!.ip)).toEqual(['172.17.0.1', '172.17.0.1']);
    await expectMatched(neighbour, self);
  });

  test('a hairpin that is not masqueraded', async () => {
    // Answers pass the rules of the host although they stay on the bridge.
    await fleet.host('h1').namespace.run(['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1']);
    const plain = await dial('h1.2', '10.1.1.1', 18082, 'h1.1');
    expect(seenBy(plain)[1]).toEqual(plain.client.local);
    await expectMatched(plain);
  });

  test('IPv6: masquerade and a published port', async () => {
    const masqueraded = await dial('h1.1', 'fd00::3', 8743, 'h3');
    const published = await dial('h3', 'fd00::1', 18080, 'h1.1');
    expect(seenBy(masqueraded)[1]!.ip).toBe('fd00::1');
    expect(published.server.local).toEqual({ ip: 'fd17::2', port: 9007 });
    await expectMatched(masqueraded, published);
  });

  test('equal connections inside two hosts, and containers that talk to their own host, are not translated', async () => {
    const entries: LedgerEntry[] = [];
    for (const name of ['h1', 'h2'] as const) {
      await listening(name, 8744);
      const lan = plan[name][0].split('/')[0]!;
      entries.push(await dial(`${name}.2`, '172.17.0.2', 9008, `${name}.1`, 41000));
      entries.push(await dial(`${name}.1`, lan, 8744, name));
      entries.push(await dial(`${name}.1`, '172.17.0.1', 8744, name, 41001));
    }
    await expectMatched(...entries);
  });

  test('a proxy in a process is no translation but two connections', async () => {
    const proxy = await fleet.host('h1').start('docker-proxy');
    await proxy.listen('0.0.0.0', 18081);
    const upstream = await peer('h1.1');
    const front = await fleet.connect(await peer('h3'), proxy, { ip: '10.1.1.1', port: 18081 });
    const back = await fleet.connect(proxy, upstream, { ip: '172.17.0.2', port: 9007 });
    await expectMatched(front, back);
  });

  test('a sidecar to which a container redirects what it dials', async () => {
    const container = containers.get('h2.2')!;
    await container.nft(`
table inet sidecar {
  chain output {
    type nat hook output priority -100;
    tcp dport 9003 redirect to :15001
  }
}
`);
    const sidecar = await container.start('envoy');
    await sidecar.listen('0.0.0.0', 15001);
    const front = await fleet.connectTranslated(await peer('h2.2'), sidecar, { ip: '10.1.3.1', port: 9003 });
    const back = await fleet.connectTranslated(sidecar, await peer('h3'), { ip: '10.1.3.1', port: 8743 });
    expect(front.server.local).toEqual({ ip: '127.0.0.1', port: 15001 });
    expect(seenBy(back)[1]!.ip).toBe('10.1.2.1');
    await expectMatched(front, back);
  });

  test('connections that are over before anybody looks', async () => {
    const entries: LedgerEntry[] = [];
    for (let i = 0; i < 5; i++) {
      for (const [from, ip, port, to] of [
        ['h1.1', '10.1.3.1', 8743, 'h3'],
        ['h3', '10.1.1.1', 18080, 'h1.1'],
      ] as const) {
        const entry = await dial(from, ip, port, to);
        await fleet.disconnect(await peer(from), await peer(to), entry);
        entries.push(entry);
      }
    }
    const expected = entries.map(({ client, server }) => ({
      client: client.local.port,
      seen: 'both',
      nat: {
        clientDialed: formatEndpoint(client.remote!),
        serverSaw: formatEndpoint(server.remote!),
      },
    }));
    await until('all of them are told', async () => {
      const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
      const found = entries.flatMap(({ client, server }) =>
        connections
          .filter(({ closedAt }) => closedAt !== null)
          .filter((each) => each.client.port === client.local.port && each.server.port === server.local.port)
          .map((each) => ({ client: each.client.port, seen: each.seen, nat: each.nat })),
      );
      return JSON.stringify(found) === JSON.stringify(expected) || JSON.stringify(found);
    });
    await expectMatched();
  });

  test('UDP behind masquerade, to a server that is connected to nobody', async () => {
    const server = await peer('h4');
    await server.udp({ host: '10.1.4.1', port: 5300 });
    const client = await peer('h1.2');
    const held = await client.udp({
      host: '172.17.0.3',
      port: 42000,
      remote: { ip: '10.1.4.1', port: 5300 },
    });
    await client.send(held, 'hello');
    // A server without a peer has no end of its own, so the ledger has no place for it.
    fleet.ledger.infrastructure.add('10.1.4.1:5300');
    let found: ConnectionDocument[] = [];
    await until('the translation is known', async () => {
      const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
      found = connections.filter(({ protocol, server: { port } }) => protocol === 'udp' && port === 5300);
      return (found.length === 1 && found[0]!.nat !== null) || JSON.stringify(found);
    });
    expect(found[0]).toMatchObject({
      seen: 'both',
      client: { ip: '172.17.0.3', port: 42000, host: 'h1', process: 'p-h1.2' },
      server: { ip: '10.1.4.1', port: 5300, host: 'h4', process: 'p-h4' },
      nat: { clientDialed: '10.1.4.1:5300', serverSaw: '10.1.1.1:42000' },
    });
    await expectMatched();
  });

  /**
   * Each container dials from the same three ports in every turn. The second one's port on the host is another each time, so
   * its end at the server tells the turn; of the first one's, which is always the same, only clocks tell, and those of two
   * hosts are not known to milliseconds. So what closes is awaited of the second one alone, and of the first one what stays.
   *
   * An entry is that of the last turn by the time that an agent asks, so what it takes for that of an earlier turn is found
   * by who dialed: a process in each turn.
   */
  test('tuples that return within milliseconds, from two containers behind one address, are told apart', async () => {
    const turns = 6;
    const ports = [43000, 43001, 43002];
    const dialers = await Promise.all(
      Array.from({ length: turns }, (_, turn) =>
        Promise.all(['h1.1', 'h1.2'].map((from) => containers.get(from)!.start(`t${turn}-${from}`))),
      ),
    );
    const server = await peer('h4');
    const told = (process: string | null, port: number, seenAs: string, isOpen: boolean): string =>
      `${process}:${port} as ${seenAs}${isOpen ? ', open' : ''}`;
    const truth: string[] = [];
    const awaited: string[] = [];
    for (const [turn, pair] of dialers.entries()) {
      const entries: { readonly dialer: Peer; readonly entry: LedgerEntry }[] = [];
      for (const port of ports) {
        for (const dialer of pair) {
          const place = { ip: '10.1.4.1', port: 8743 };
          const entry = await fleet.connectTranslated(dialer, server, place, { localPort: port });
          entries.push({ dialer, entry });
        }
      }
      const isLast = turn === turns - 1;
      for (const { dialer, entry } of entries) {
        const { client, server: far } = entry;
        entry.open = isLast && client.local.port === ports[0];
        const text = told(client.process, client.local.port, formatEndpoint(far.remote!), entry.open);
        truth.push(text);
        if (isLast && (entry.open || dialer === pair[1])) awaited.push(text);
        if (entry.open) continue;
        await dialer.reset(client);
        await server.reset(far);
      }
    }
    expect(awaited).toHaveLength(4);
    let joined: string[] = [];
    await until('each of the last turn is joined with its own', async () => {
      const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
      joined = connections
        .filter(({ server: { ip }, client: { host } }) => ip === '10.1.4.1' && host === 'h1')
        .filter(({ seen, client: { port } }) => seen === 'both' && ports.includes(port))
        .map(({ client: { process, port }, nat, closedAt }) =>
          told(process, port, nat!.serverSaw, closedAt === null),
        );
      return awaited.every((each) => joined.includes(each)) || joined.join('\n');
    });
    expect(joined.filter((each) => !truth.includes(each))).toEqual([]);
  });
});
