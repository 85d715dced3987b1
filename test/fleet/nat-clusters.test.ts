/**
 * Pods of a cluster: virtual addresses of services, ports of nodes that lead to pods elsewhere, and pods whose packets
 * travel between the nodes, by routes or over vxlan. Every connection of all set-ups is in one ledger.
 *
 *     n1, n2   nodes: pods of 10.244.N.0/24 on a bridge, routed over the other node; pods of 10.250.N.0/24 each on a cable
 *              of its own, over vxlan; services as kube-proxy sets them up
 *     h3       no node, and no rule
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container } from '../support/fleet/container.ts';
import type { Fleet } from '../support/fleet/fleet.ts';
import type { LedgerEntry } from '../support/fleet/ledger.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { Peer } from '../support/fleet/peer.ts';
import { openWatchedFleet } from '../support/fleet/watched-fleet.ts';
import type { Daemon } from '../support/fleet/whotalks.ts';

const nodes = { n1: '10.1.1.1', n2: '10.1.2.1' } as const;
type Node = keyof typeof nodes;

/** Virtual addresses, and the pods of n2 that stand behind them. */
const service = { vip: '10.96.0.1', pod: '10.244.2.5' } as const;
const routedService = { vip: '10.96.0.2', pod: '10.250.2.5' } as const;
const nodePort = 30443;

function serviceRules(node: Node): string {
  const services = `
    ip daddr ${service.vip} tcp dport 443 dnat ip to ${service.pod}:8443
    ip daddr ${routedService.vip} tcp dport 443 dnat ip to ${routedService.pod}:8443
    ip daddr ${nodes[node]} tcp dport ${nodePort} meta mark set 0x4000 dnat ip to ${service.pod}:8443`;
  return `
table ip services {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ${services}
  }
  chain output {
    type nat hook output priority -100;
    ${services}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    meta mark 0x4000 masquerade
  }
}
`;
}

describe.runIf(canMakeNamespaces)('pods of a cluster', () => {
  let fleet: Fleet;
  const agents = new Map<string, Daemon>();
  const pods = new Map<string, Container>();
  const peers = new Map<string, Peer>();

  beforeAll(async () => {
    const watched = await openWatchedFleet({
      n1: [`${nodes.n1}/16`],
      n2: [`${nodes.n2}/16`],
      h3: ['10.1.3.1/16'],
    });
    fleet = watched.fleet;
    for (const [name, agent] of watched.agents) agents.set(name, agent);
    await setUp('n1', 'n2');
    await setUp('n2', 'n1');
    await listening(`bridged.n2`, 8443);
    await listening(`routed.n2`, 8443);
  });

  afterAll(() => fleet?.close());

  /** A node as kube-proxy and a network plugin leave it. */
  async function setUp(name: Node, other: Node): Promise<void> {
    const [own, far] = [Number(name.slice(1)), Number(other.slice(1))];
    const host = fleet.host(name);
    await host.passPacketsOn();
    await host.addBridge('cni0', `10.244.${own}.1/24`);
    const bridged = await host.addContainer(`bridged.${name}`, 'cni0', `10.244.${own}.5/24`);
    await bridged.ip([`route add default via 10.244.${own}.1`]);
    const routed = await host.addPod(`routed.${name}`, [`10.250.${own}.5/32`]);
    await host.ip([
      `route add 10.244.${far}.0/24 via ${nodes[other]}`,
      // Virtual addresses are dialed from the address that leads to them.
      'route add 10.96.0.0/16 dev eth0',
      `addr add 169.254.1.1/32 dev ${routed.device}`,
      `route add 10.250.${own}.5/32 dev ${routed.device}`,
      `link add vxlan0 type vxlan id 1 local ${nodes[name]} remote ${nodes[other]} dstport 4789 dev eth0`,
      `addr add 10.250.${own}.0/32 dev vxlan0`,
      'link set vxlan0 up',
      `route add 10.250.${far}.0/24 via 10.250.${far}.0 dev vxlan0 onlink`,
    ]);
    await routed.ip(['route add 169.254.1.1 dev eth0', 'route add default via 169.254.1.1']);
    await host.nft(serviceRules(name));
    pods.set(`bridged.${name}`, bridged);
    pods.set(`routed.${name}`, routed);
  }

  async function peer(place: string): Promise<Peer> {
    const known = peers.get(place);
    if (known !== undefined) return known;
    const started = await (pods.get(place) ?? fleet.host(place)).start(`p-${place}`);
    peers.set(place, started);
    return started;
  }

  async function listening(place: string, port: number): Promise<void> {
    await (await peer(place)).listen('0.0.0.0', port);
  }

  async function dial(from: string, ip: string, port: number, to: string): Promise<LedgerEntry> {
    return fleet.connectTranslated(await peer(from), await peer(to), { ip, port });
  }

  async function expectMatched(): Promise<void> {
    await fleet.expectLedgerMatched(fleet.host('aggregator'));
  }

  test('a virtual address, dialed by a pod of another node and by the node itself', async () => {
    const byPod = await dial('bridged.n1', service.vip, 443, 'bridged.n2');
    const byNode = await dial('n1', service.vip, 443, 'bridged.n2');
    expect([byPod, byNode].map(({ server }) => server.remote!.ip)).toEqual(['10.244.1.5', nodes.n1]);
    await expectMatched();
  });

  test('a virtual address, dialed on the node where the pod is', async () => {
    await dial('n2', service.vip, 443, 'bridged.n2');
    await expectMatched();
  });

  test('a port of a node that leads to a pod elsewhere: the node has no socket of it', async () => {
    const entry = await dial('h3', nodes.n1, nodePort, 'bridged.n2');
    expect(entry.server.remote!.ip).toBe(nodes.n1);
    expect(entry.client.remote).toEqual({ ip: nodes.n1, port: nodePort });
    await expectMatched();
    // And so does one that is gone, and another that follows it from the same port.
    await fleet.disconnect(await peer('h3'), await peer('bridged.n2'), entry);
    await dial('h3', nodes.n1, nodePort, 'bridged.n2');
    await expectMatched();
  });

  test('an agent that starts anew knows what its node passes on', async () => {
    const agent = agents.get('n1')!;
    await agent.stop();
    await dial('h3', nodes.n1, nodePort, 'bridged.n2');
    agents.set('n1', await fleet.whotalks.startAgent(fleet.host('n1')));
    await expectMatched();
  });

  test('pods with routed addresses: over the bridge and over vxlan, and behind a virtual address', async () => {
    const bridged = await dial('bridged.n1', service.pod, 8443, 'bridged.n2');
    const routed = await dial('routed.n1', routedService.pod, 8443, 'routed.n2');
    const behind = await dial('routed.n1', routedService.vip, 443, 'routed.n2');
    const expected = ['10.244.1.5', '10.250.1.5', '10.250.1.5'];
    expect([bridged, routed, behind].map(({ server }) => server.remote!.ip)).toEqual(expected);
    await expectMatched();
  });
});
