/** Answers about translated connections: what was dialed finds them, and both addresses are in the answer. */
import { describe, expect, it } from 'vitest';
import { connections, from, map, to } from '../../support/answers-at-once.ts';
import { ReportedFleet, translationOf } from '../../support/reported-fleet.ts';
import { cluster } from './cluster.ts';
import { ask } from './story.ts';

/** By service. */
function clientsOf(q: string): (string | null)[][] {
  const fleet = cluster();
  const { clients } = to(fleet.view, ask({ q, sort: 'service' }), fleet.nowMs);
  return clients.map(({ service, dialed }) => [service, dialed]);
}

describe('to', () => {
  it.each([
    ['10.96.0.1:443', ['kubelet', 'shop'], '10.96.0.1:443'],
    ['10.96.0.0/16', ['kubelet', 'shop'], '10.96.0.1:443'],
    [':443', ['kubelet', 'shop'], '10.96.0.1:443'],
    ['api:443', ['kubelet', 'shop'], '10.96.0.1:443'],
    ['10.0.0.1:30443', ['curl'], '10.0.0.1:30443'],
    ['node1:30443', ['curl'], '10.0.0.1:30443'],
    ['10.0.0.2:18080', ['web'], '10.0.0.2:18080'],
    ['node2:18080', ['web'], '10.0.0.2:18080'],
  ])('%s finds who dialed it', (q, services, dialed) => {
    expect(clientsOf(q)).toEqual(services.map((service) => [service, dialed]));
  });

  it('finds the same clients where they landed', () => {
    const all = [
      ['curl', '10.0.0.1:30443'],
      ['kubelet', '10.96.0.1:443'],
      ['shop', '10.96.0.1:443'],
      ['web', '10.0.0.2:18080'],
    ];
    for (const q of ['10.244.2.2:8443', 'api', 'node2', ':8443', 'api:8443'])
      expect(clientsOf(q)).toEqual(all);
  });

  it('does not take a node for a server because it passes connections on under other ports', () => {
    expect(clientsOf('node1:8443')).toEqual([]);
    expect(clientsOf('10.96.0.1:8443')).toEqual([]);
  });

  it('says where what was dialed leads, and who listens there', () => {
    const fleet = cluster();
    const vip = to(fleet.view, ask({ q: '10.96.0.1:443' }), fleet.nowMs);
    expect(vip.summary).toBe(
      '10.96.0.1:443 leads to api on node2 at 10.244.2.2:8443; 2 services on 1 host call it.',
    );
    expect(vip.listeners).toMatchObject([{ service: 'api', port: 8443, host: 'node2' }]);
    const published = to(fleet.view, ask({ q: '10.0.0.2:18080' }), fleet.nowMs);
    expect(published.summary).toBe(
      'docker-proxy (docker-proxy[8], user svc) on node2 listens on 10.0.0.2:18080; it leads to api on node2 at 10.244.2.2:8443; 1 service on 1 host calls it.',
    );
    expect(published.listeners.map(({ service }) => service)).toEqual(['docker-proxy', 'api']);
  });
});

describe('from', () => {
  it('finds a client where its server sees it, and shows what it dialed', () => {
    const fleet = cluster();
    for (const q of ['web', '172.17.0.9', '10.0.0.3:60003']) {
      const { servers } = from(fleet.view, ask({ q }), fleet.nowMs);
      expect(servers).toMatchObject([
        { service: 'api', ip: '10.244.2.2', port: 8443, dialed: '10.0.0.2:18080', seen: 'both' },
      ]);
    }
  });

  it('does not take a node for the client of what it passes on', () => {
    const fleet = cluster();
    const { servers } = from(fleet.view, ask({ q: 'node1' }), fleet.nowMs);
    expect(servers.map(({ dialed }) => dialed)).toEqual(['10.96.0.1:443']);
  });
});

describe('connections and map', () => {
  it('find what was dialed, and say what each end saw', () => {
    const fleet = cluster();
    const asked = (q: string) => connections(fleet.view, ask({ q }), fleet.nowMs).connections;
    expect(asked('10.0.0.1:30443')).toMatchObject([
      {
        client: { ip: '10.0.0.3', port: 40002, service: 'curl' },
        server: { ip: '10.244.2.2', port: 8443, service: 'api' },
        seen: 'both',
        nat: { clientDialed: '10.0.0.1:30443', serverSaw: '10.0.0.1:50002' },
      },
    ]);
    expect(asked('10.0.0.3:60003').map(({ client }) => client.service)).toEqual(['web']);
    expect(asked('not 10.96.0.1:443')).toHaveLength(2);
    const { edges } = map(fleet.view, ask({ q: '10.96.0.1:443' }), fleet.nowMs);
    expect(edges.map(({ client, server, port }) => [client, server, port])).toEqual([
      ['kubelet', 'api', 8443],
      ['shop', 'api', 8443],
    ]);
  });
});

describe('an end that nobody reports', () => {
  it('is called by what the wire shows of it, and what was dialed is kept', () => {
    const fleet = new ReportedFleet();
    const host = fleet.host('h1', { addresses: ['10.0.0.1'] });
    const translation = translationOf('client', ['10.0.0.1:62203>10.9.9.9:8443']);
    fleet.open(host, '172.17.0.2:45000', '10.96.0.1:443', { translation });
    fleet.pass(4_000);
    const [lone] = connections(fleet.view, ask({}), fleet.nowMs).connections;
    expect(lone).toMatchObject({
      client: { ip: '172.17.0.2', port: 45000 },
      server: { ip: '10.9.9.9', port: 8443, host: null },
      seen: 'client',
      unseenBecause: 'no-agent',
      direction: 'conntrack',
      nat: { clientDialed: '10.96.0.1:443', serverSaw: '10.0.0.1:62203' },
    });
    expect(fleet.edges()).toMatchObject([{ server: '10.9.9.9', port: 8443 }]);
  });

  it('is the one behind a forwarder, when that is known', () => {
    const fleet = new ReportedFleet();
    const [node, other] = [1, 2].map((n) => fleet.host(`node${n}`, { addresses: [`10.0.0.${n}`] }));
    fleet.open(other!, '10.244.2.2:8443', '10.0.0.1:50002', { program: 'api' });
    fleet.pass(4_000);
    expect(fleet.only()).toMatchObject({ client: { label: 'node1' }, seen: 'server' });
    fleet.forward(node!, '10.9.9.9:40002>10.0.0.1:30443', '10.0.0.1:50002>10.244.2.2:8443');
    const [lone] = connections(fleet.view, ask({}), fleet.nowMs).connections;
    expect(lone).toMatchObject({
      client: { ip: '10.9.9.9', port: 40002, host: null },
      server: { service: 'api' },
      nat: { clientDialed: '10.0.0.1:30443', serverSaw: '10.0.0.1:50002' },
      direction: 'conntrack',
    });
    expect(fleet.edges()).toMatchObject([{ client: '10.9.9.9', server: 'api', port: 8443, total: 1 }]);
  });
});
