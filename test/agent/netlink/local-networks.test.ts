/** Which bridges lead nowhere: a row per kind of port. */
import { describe, expect, it } from 'vitest';
import type { Link } from '../../../agent/netlink/link.ts';
import { localNetworks } from '../../../agent/netlink/local-networks.ts';
import { formatPrefix } from '../../../model/ip.ts';

const bridge: Link = { index: 3, name: 'docker0', kind: 'bridge', masterIndex: null, peerNetnsId: null };
const addresses = [
  { linkIndex: 3, ip: '172.17.0.1', prefixLength: 16 },
  { linkIndex: 3, ip: 'fe80::1', prefixLength: 64 },
  { linkIndex: 2, ip: '192.0.2.2', prefixLength: 24 },
];

function port(kind: string | null, peerNetnsId: number | null = null): Link {
  return { index: 9, name: 'port', kind, masterIndex: 3, peerNetnsId };
}

/** Of namespaces, 9 alone is no container of this host. */
const leadsAway = (netnsId: number): boolean => netnsId === 9;

function networks(...links: Link[]): string[] {
  return localNetworks(
    [{ ...bridge, index: 2, name: 'eth0', kind: null }, ...links],
    addresses,
    leadsAway,
  ).map(formatPrefix);
}

describe('a bridge is host-local', () => {
  it('without ports', () => expect(networks(bridge)).toEqual(['172.17.0.0/16']));
  it('with containers alone', () => expect(networks(bridge, port('veth', 4))).toEqual(['172.17.0.0/16']));
});

describe('a bridge is not host-local', () => {
  it.each([
    ['a physical device', port(null)],
    ['a veth into the same namespace', port('veth')],
    ['a veth that leads away', port('veth', 9)],
    ['vlan', port('vlan')],
    ['bond', port('bond')],
    ['vxlan', port('vxlan', 4)],
    ['wireguard', port('wireguard')],
    ['a tap of a virtual machine', port('tun')],
  ])('with %s as a port', (_, uplink) => {
    expect(networks(bridge, port('veth', 4), uplink)).toEqual([]);
  });

  it('as a port of another bridge', () => {
    expect(networks({ ...bridge, masterIndex: 4 }, { ...bridge, index: 4, name: 'br1' })).toEqual([]);
  });
});

it('what is no bridge makes no network', () => expect(networks({ ...bridge, kind: 'dummy' })).toEqual([]));

it('has IPv6 subnets too, each once', () => {
  const two = ['fd00::1', 'fd00::2'].map((ip) => ({ linkIndex: 3, ip, prefixLength: 64 }));
  expect(localNetworks([bridge], two, leadsAway).map(formatPrefix)).toEqual(['fd00::/64']);
});
