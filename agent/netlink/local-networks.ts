/**
 * Which subnets exist on this host alone: those of bridges that lead nowhere else.
 *
 * Docker's 172.17.0.0/16 is on every host, so a connection inside it is the host's own business. The rule: a bridge is
 * host-local when every port is a veth whose peer is in another namespace; one without ports is local too. Any other
 * port (a physical device, vlan, bond, vxlan, tunnel, a veth into the same namespace, a virtual machine's tap) may lead
 * off the host, and then the bridge's addresses are like any other's.
 */
import { formatPrefix, isLoopback, type Prefix, prefixOf } from '../../model/ip.ts';
import type { LinkAddress } from './address.ts';
import type { Link } from './link.ts';

/** Link-local addresses (fe80::/10) are on every interface and make no network of their own. */
const linkLocal = /^fe[89ab]/;

/** Each subnet once. */
export function localNetworks(links: readonly Link[], addresses: readonly LinkAddress[]): Prefix[] {
  const networks = new Map<string, Prefix>();
  for (const bridge of links) {
    if (bridge.kind !== 'bridge' || !isHostLocal(bridge, links)) continue;
    for (const address of addresses) {
      if (address.linkIndex !== bridge.index || isLoopback(address.ip) || linkLocal.test(address.ip))
        continue;
      const network = prefixOf(address.ip, address.prefixLength);
      networks.set(formatPrefix(network), network);
    }
  }
  return [...networks.values()];
}

/** A bridge that is a port of another one leads there. */
function isHostLocal(bridge: Link, links: readonly Link[]): boolean {
  if (bridge.masterIndex !== null) return false;
  const ports = links.filter((link) => link.masterIndex === bridge.index);
  return ports.every((port) => port.kind === 'veth' && port.hasPeerNetns);
}
