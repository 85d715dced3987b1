/**
 * UDP sockets that are connected to nobody, and whom they talk to all the same, as conntrack of their hosts tells.
 *
 *     h1, h2   track what comes and goes; h1 has a container behind docker0, and port 5300 of h1 leads to its port 53
 *     h3       tracks nothing
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionDocument, HostsDocument } from '../../model/document.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Container } from '../support/fleet/container.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { HeldSocket, Peer } from '../support/fleet/peer.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import { until } from '../support/until.ts';

const plan = {
  h1: ['10.1.1.1/16', 'fd00::1/64'],
  h2: ['10.1.2.1/16', 'fd00::2/64'],
  h3: ['10.1.3.1/16', 'fd00::3/64'],
} as const;

const tracking = `
table inet watch {
  chain input {
    type filter hook input priority 0;
    ct state new counter
  }
}
`;

const dockerRules = `
table inet nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr 10.1.1.1 udp dport 5300 dnat ip to 172.17.0.2:53
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr 172.17.0.0/16 oifname "eth0" masquerade
  }
}
`;

const untracked =
  'The peers of unconnected UDP sockets are not seen, because the kernel tracks no connections here: it does once a rule ' +
  'of nftables asks for `ct state`.';

describe.runIf(canMakeNamespaces)('peers of unconnected UDP sockets', () => {
  let fleet: Fleet;
  let container: Container;
  /** Sent again and again, as whoever talks does. */
  const talks: { readonly peer: Peer; readonly socket: HeldSocket; readonly to?: Endpoint }[] = [];
  let talking: NodeJS.Timeout;

  beforeAll(async () => {
    ({ fleet } = await openWatchedFleet(plan));
    const h1 = fleet.host('h1');
    await h1.passPacketsOn();
    await h1.addBridge('docker0', '172.17.0.1/16');
    container = await h1.addContainer('k1', 'docker0', '172.17.0.2/16');
    await container.ip(['route add default via 172.17.0.1']);
    await h1.nft(tracking + dockerRules);
    await fleet.host('h2').nft(tracking);
    talking = setInterval(() => {
      for (const { peer, socket, to } of talks) void peer.send(socket, 'again', to).catch(() => {});
    }, 1_500);
  });

  afterAll(async () => {
    clearInterval(talking);
    await fleet?.close();
  });

  async function unconnected(peer: Peer, host: string, port: number, answers = false): Promise<HeldSocket> {
    return peer.udp({ type: host.includes(':') ? 'udp6' : 'udp4', host, port, answers });
  }

  async function connectionsWith(...ports: number[]): Promise<readonly ConnectionDocument[]> {
    const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
    return connections.filter(
      ({ protocol, client, server }) =>
        protocol === 'udp' && (ports.includes(client.port) || ports.includes(server.port)),
    );
  }

  /** Waits until there is one such connection, seen from both ends. */
  async function untilMatched(...ports: number[]): Promise<ConnectionDocument> {
    let found: readonly ConnectionDocument[] = [];
    await until(`one connection with port ${ports.join(' or ')}`, async () => {
      found = await connectionsWith(...ports);
      const isMatched = found.length === 1 && found[0]!.seen === 'both' && found[0]!.client.pid !== null;
      return isMatched || JSON.stringify(found, null, 1);
    });
    return found[0]!;
  }

  test('both ends are connected to nobody: one connection, the asking end is the client', async () => {
    const server = await fleet.host('h2').start('dns');
    const serverEnd = await unconnected(server, '::', 53, true);
    const client = await fleet.host('h1').start('resolver');
    const clientEnd = await unconnected(client, '0.0.0.0', 42000);
    talks.push({ peer: client, socket: clientEnd, to: { ip: '10.1.2.1', port: 53 } });
    expect(await untilMatched(42000)).toMatchObject({
      state: 'established',
      direction: 'listener',
      closedAt: null,
      nat: null,
      client: {
        ip: '10.1.1.1',
        port: 42000,
        host: 'h1',
        pid: client.pid,
        process: 'resolver',
        fds: [clientEnd.fd],
      },
      server: { ip: '10.1.2.1', port: 53, host: 'h2', pid: server.pid, process: 'dns', fds: [serverEnd.fd] },
    });
  });

  test('a client that is connected, and one over IPv6', async () => {
    const client = await fleet.host('h1').start('stub');
    const remote = { ip: '10.1.2.1', port: 53 };
    const held = await client.udp({ host: '10.1.1.1', port: 42001, remote });
    talks.push({ peer: client, socket: held });
    const six = await unconnected(client, '::', 42002);
    talks.push({ peer: client, socket: six, to: { ip: 'fd00::2', port: 53 } });
    const ends = {
      client: { host: 'h1', process: 'stub' },
      server: { host: 'h2', process: 'dns', port: 53 },
    };
    expect(await untilMatched(42001)).toMatchObject({ ...ends, direction: 'listener' });
    expect(await untilMatched(42002)).toMatchObject({
      client: { ip: 'fd00::1', process: 'stub' },
      server: { ip: 'fd00::2', process: 'dns' },
    });
  });

  test('through a published port, and through masquerade', async () => {
    const server = await container.start('dns-in-k1');
    await unconnected(server, '0.0.0.0', 53, true);
    const outside = await fleet.host('h2').start('asks-published');
    const socket = await unconnected(outside, '0.0.0.0', 42003);
    talks.push({ peer: outside, socket, to: { ip: '10.1.1.1', port: 5300 } });
    expect(await untilMatched(42003)).toMatchObject({
      client: { ip: '10.1.2.1', host: 'h2', process: 'asks-published' },
      server: { ip: '172.17.0.2', port: 53, host: 'h1', process: 'dns-in-k1' },
      nat: { clientDialed: '10.1.1.1:5300', serverSaw: '10.1.2.1:42003' },
    });
    const inside = await container.start('asks-outside');
    const masqueraded = await unconnected(inside, '0.0.0.0', 42004);
    talks.push({ peer: inside, socket: masqueraded, to: { ip: '10.1.2.1', port: 53 } });
    expect(await untilMatched(42004)).toMatchObject({
      client: { ip: '172.17.0.2', host: 'h1', process: 'asks-outside' },
      server: { ip: '10.1.2.1', host: 'h2', process: 'dns' },
      nat: { clientDialed: '10.1.2.1:53', serverSaw: '10.1.1.1:42004' },
    });
  });

  test('where only one end tracks, the listener at the other one is its end', async () => {
    const server = await fleet.host('h3').start('dns-h3');
    await unconnected(server, '0.0.0.0', 54, true);
    const client = await fleet.host('h2').start('asks-h3');
    const socket = await unconnected(client, '0.0.0.0', 42005);
    talks.push({ peer: client, socket, to: { ip: '10.1.3.1', port: 54 } });
    expect(await untilMatched(42005)).toMatchObject({
      client: { host: 'h2', process: 'asks-h3' },
      server: { host: 'h3', process: 'dns-h3', port: 54 },
    });
    await until('the host that tracks nothing says so, and no other', async () => {
      const { hosts } = await fleet.whotalks.ask<HostsDocument>(fleet.host('aggregator'), 'hosts');
      const saying = hosts.filter(({ cannotSee }) => cannotSee.includes(untracked)).map(({ host }) => host);
      return saying.join() === 'h3' || saying.join(' ');
    });
  });

  test('a connection is over with its sockets', async () => {
    const [{ peer, socket }] = talks.splice(0, 1) as [(typeof talks)[number]];
    await peer.close(socket);
    await until('its client end is gone', async () => {
      const found = await connectionsWith(42000);
      return found.length === 1 || JSON.stringify(found);
    });
  });
});
