/** Hosts of a network and an aggregator off loopback: over TLS, with the programs that people run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fleet } from '../support/fleet/fleet.ts';
import type { Host } from '../support/fleet/host.ts';
import { canMakeNamespaces, runToEnd } from '../support/fleet/namespace.ts';
import type { Daemon, Secured } from '../support/fleet/whotalks.ts';
import { until } from '../support/until.ts';

const ip = '10.9.0.1';

describe.runIf(canMakeNamespaces)('a fleet over TLS', () => {
  let fleet: Fleet;
  let [hub, web, db]: [Host, Host, Host] = [undefined!, undefined!, undefined!];
  let secured: Secured;
  let aggregator: Daemon;
  let folder = '';

  beforeAll(async () => {
    fleet = await Fleet.open({ hub: [`${ip}/16`], web: ['10.9.0.2/16'], db: ['10.9.0.3/16'] });
    [hub, web, db] = [fleet.host('hub'), fleet.host('web'), fleet.host('db')];
    folder = mkdtempSync(join(tmpdir(), 'whotalks-over-tls-'));
    secured = await fleet.whotalks.secure(hub, ip, folder);
    aggregator = await fleet.whotalks.startAggregator(hub, ip);
  });
  afterAll(async () => {
    await fleet?.close();
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  test('who enrols reports, also after the aggregator was gone', async () => {
    const agent = await fleet.whotalks.startAgent(web);
    await fleet.whotalks.untilLive(hub, 'web');
    const server = await web.start('shop');
    const client = await hub.start('ask');
    const { local } = await server.listen('10.9.0.2', 0);
    await fleet.connect(client, server, { ip: '10.9.0.2', port: local.port });
    await until('its connection is there', async () => {
      const { connections } = await fleet.whotalks.connections(db);
      return (
        connections.some((each) => each.server.process === 'shop' && each.server.host === 'web') ||
        agent.log()
      );
    });
    await aggregator.stop('KILL');
    aggregator = await fleet.whotalks.startAggregator(hub, ip);
    await fleet.whotalks.untilLive(hub, 'web');
  });

  test.each([
    ['in plaintext', '--insecure', [], / refuses this agent: this port speaks TLS and nothing else: /],
    [
      'by a fingerprint of another CA',
      '--ca-sha256',
      ['0'.repeat(64)],
      / has no certificate of the CA 0{64} /,
    ],
  ])('who comes %s stays out, and both sides say why', async (_, flag, values, reason) => {
    const agent = await fleet.whotalks.startAgent(db, flag, ...values);
    await until('it is told', () => reason.test(agent.log()) || agent.log());
    if (flag === '--insecure') {
      const said = 'it speaks plaintext, and this port speaks TLS';
      await until('the aggregator says so', () => aggregator.log().includes(said) || aggregator.log());
    }
    await agent.stop();
    await fleet.whotalks.untilLive(hub, 'web');
  });

  test('a certificate of another host is good for that host alone', async () => {
    const kept = join(web.folder, 'whotalks', 'agent', 'id-web', 'identity.pem');
    const stolen = join(folder, 'stolen.pem');
    await runToEnd([...web.namespace.enter, 'cp', kept, stolen]);
    const own = ['--cert', stolen, '--key', stolen];
    const agent = await fleet.whotalks.startAgent(db, '--ca', secured.caFile, ...own);
    const reason = 'the certificate is of host id-web, and Hello says id-db';
    await until('it is told', () => agent.log().includes(reason) || agent.log());
    await until('the aggregator says so', () => aggregator.log().includes(reason) || aggregator.log());
    await agent.stop();
    const { hosts } = await fleet.whotalks.ask<{ hosts: { host: string }[] }>(hub, 'hosts');
    expect(hosts.map(({ host }) => host)).toEqual(['web']);
  });
});
