/** The fleet itself, checked with `ss`: what the ledger says is what the kernel of each host has. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatEndpoint } from '../../model/endpoint.ts';
import { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces, Namespace, runToEnd } from '../support/fleet/namespace.ts';
import { Peer } from '../support/fleet/peer.ts';
import { until } from '../support/until.ts';

describe.runIf(canMakeNamespaces)('the fleet itself', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.open({ h1: ['10.1.17.138/16', 'fd00::1/64'], h2: ['10.1.100.9/16', 'fd00::2/64'] });
  });

  afterAll(() => fleet.close());

  test('a host has its own processes, name and network', async () => {
    const { namespace } = fleet.host('h1');
    expect(await namespace.run(['hostname'])).toBe('h1\n');
    expect(await namespace.run(['cat', '/proc/1/comm'])).toBe('bash\n');
    const devices = (await namespace.run(['ip', '-br', 'link']))
      .split('\n')
      .map((line) => line.split(/[ @]/)[0]);
    expect(devices).toEqual(['lo', 'eth0', '']);
  });

  test.each([
    ['IPv4', '10.1.100.9', '10.1.100.9'],
    ['IPv6', 'fd00::2', 'fd00::2'],
    ['IPv4 to a dual-stack listener', '::', '10.1.100.9'],
  ])('%s: ss names the ledger’s process and descriptor at both ends', async (_name, bound, dialed) => {
    const server = await fleet.host('h2').start('db');
    const client = await fleet.host('h1').start('web');
    const listener = await server.listen(bound, 0);
    const { client: a, server: b } = await fleet.connect(client, server, {
      ip: dialed,
      port: listener.local.port,
    });
    const owner = `users:(("web",pid=${client.pid},fd=${a.fd}))`;
    const [row] = await fleet.host('h1').ss('-tp', 'sport', '=', `:${a.local.port}`);
    expect(row).toContain(owner);
    expect(row).toContain(formatEndpoint(b.local));
    const [answer] = await fleet.host('h2').ss('-tp', 'dport', '=', `:${a.local.port}`);
    expect(answer).toContain(`users:(("db",pid=${server.pid},fd=${b.fd}))`);
    expect(b.remote).toEqual(a.local);
    await Promise.all([client.stop(), server.stop()]);
  });

  test('workers of a prefork server hold its listener and accept from it', async () => {
    const server = await fleet.host('h2').start('prefork');
    const listener = await server.listen('10.1.100.9', 0);
    const workers = await server.prefork(listener, 3);
    const [row] = await fleet.host('h2').ss('-ltp', 'sport', '=', `:${listener.local.port}`);
    for (const pid of [server.pid, ...workers]) expect(row).toContain(`pid=${pid},`);
    const client = await fleet.host('h1').start('web');
    const { server: end } = await fleet.connect(client, server, listener.local);
    expect([server.pid, ...workers]).toContain(end.pid);
    await Promise.all([client.stop(), server.stop()]);
  });

  test('a descriptor number can be chosen', async () => {
    const server = await fleet.host('h2').start('db');
    const listener = await server.listen('10.1.100.9', 8743);
    const client = await fleet.host('h1').start('index_search');
    await client.fillDescriptors(101);
    const from = { localAddress: '10.1.17.138', localPort: 8653 };
    const { client: end } = await fleet.connect(client, server, listener.local, from);
    expect(end).toMatchObject({ fd: 101, local: { ip: '10.1.17.138', port: 8653 } });
    await Promise.all([client.stop(), server.stop()]);
  });

  test('a local port that tests choose is given to nobody else', async () => {
    const host = await Namespace.open('host', 'narrow');
    const container = await Namespace.open('container', 'narrower', host.enter);
    for (const inside of [host, container]) {
      await inside.run(['sysctl', '-qw', 'net.ipv4.ip_local_port_range=43008 43011']);
      const peer = await Peer.start('narrow', inside, 'peer');
      const target = await peer.listen('127.0.0.1', 80);
      const place = { host: target.local.ip, port: 80 };
      const ends = [await peer.connect(place), await peer.connect(place)];
      expect(new Set(ends.map(({ local: { port } }) => port))).toEqual(new Set([43_010, 43_011]));
    }
    await container.close();
    await host.close();
  });

  test('containers of two hosts have the same addresses and do not meet', async () => {
    const tuples = await Promise.all(
      ['h1', 'h2'].map(async (name) => {
        const host = fleet.host(name);
        await host.addBridge('docker0', '172.17.0.1/16');
        const one = await host.addContainer('one', 'docker0', '172.17.0.2/16');
        const two = await host.addContainer('two', 'docker0', '172.17.0.3/16');
        const server = await one.start('redis');
        const client = await two.start('app');
        const listener = await server.listen('0.0.0.0', 6379);
        expect(listener.host).toBe(name);
        const target = { ip: '172.17.0.2', port: 6379 };
        const entry = await fleet.connect(client, server, target, { localPort: 40000 });
        const comm = await host.namespace.run(['cat', `/proc/${client.pid}/comm`]);
        expect(comm).toBe('app\n');
        return [formatEndpoint(entry.client.local), formatEndpoint(entry.server.local)];
      }),
    );
    expect(tuples[0]).toEqual(tuples[1]);
  });

  test('UDP sockets have each other as peer', async () => {
    const server = await fleet.host('h2').start('dns');
    const client = await fleet.host('h1').start('resolver');
    const { client: end } = await fleet.connectUdp(client, { ip: '10.1.17.138', port: 40053 }, server, {
      ip: '10.1.100.9',
      port: 53,
    });
    const [row] = await fleet.host('h1').ss('-up', 'sport', '=', ':40053');
    expect(row).toContain(`users:(("resolver",pid=${client.pid},fd=${end.fd}))`);
    expect(row).toContain('10.1.100.9:53');
  });

  test('a namespace is gone with its processes when the test’s end of the pipe closes', async () => {
    const namespace = await Namespace.open('host', 'short');
    const sleeper = namespace.spawn(['sleep', 'infinity']);
    const looksFor = [...namespace.enter, 'pidof', 'sleep'];
    await until('sleep runs', async () => (await runToEnd(looksFor)).code === 0);
    await namespace.close();
    await until('sleep is gone', () => sleeper.exitCode !== null || sleeper.signalCode !== null);
    expect((await runToEnd([...namespace.enter, 'true'])).code).not.toBe(0);
  });
});
