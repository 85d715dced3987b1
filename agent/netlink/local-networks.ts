/**
 * Which subnets exist on this host alone: those of bridges that lead nowhere else.
 *
 * Docker's 172.17.0.0/16 is on every host, so a connection inside it is the host's own business. The rule: a bridge is
 * host-local when every port is a veth into a container; one without ports is local too. Any other port (a physical device,
 * vlan, bond, vxlan, tunnel, a veth into the same namespace or into none of this host, a virtual machine's tap) may lead off
 * the host, and then the bridge's addresses are like any other's.
 */
import { formatPrefix, isLoopback, type Prefix, prefixOf } from '../../model/ip.ts';
import type { LinkAddress } from './address.ts';
import type { Link } from './link.ts';

/** Link-local addresses (fe80::/10) are on every interface and make no network of their own. */
const linkLocal = /^fe[89ab]/;

/**
 * Each subnet once.
 *
 * @param leadsAway whether the namespace of that number is no container of this host
 */
export function localNetworks(
  links: readonly Link[],
  addresses: readonly LinkAddress[],
  leadsAway: (netnsId: number) => boolean,
): Prefix[] {
  const networks = new Map<string, Prefix>();
  const ports = portsByBridge(links);
  for (const bridge of links) {
    if (bridge.kind !== 'bridge' || bridge.masterIndex !== null) continue;
    if (!(ports.get(bridge.index) ?? []).every((port) => isIntoContainer(port, leadsAway))) continue;
    for (const address of addresses) {
      if (address.linkIndex !== bridge.index || isLoopback(address.ip) || linkLocal.test(address.ip))
        continue;
      const network = prefixOf(address.ip, address.prefixLength);
      networks.set(formatPrefix(network), network);
    }
  }
  return [...networks.values()];
}

/** The numbers of the namespaces that ports of bridges lead into. */
export function peerNetnsIds(links: readonly Link[]): Set<number> {
  const ids = new Set<number>();
  for (const ports of portsByBridge(links).values()) {
    for (const { kind, peerNetnsId } of ports)
      if (kind === 'veth' && peerNetnsId !== null) ids.add(peerNetnsId);
  }
  return ids;
}

/** By index of the bridge. A bridge that is a port of another one leads there, and not by a veth. */
function portsByBridge(links: readonly Link[]): Map<number, Link[]> {
  const bridges = new Map(
    links.filter(({ kind }) => kind === 'bridge').map(({ index }) => [index, [] as Link[]]),
  );
  for (const link of links) if (link.masterIndex !== null) bridges.get(link.masterIndex)?.push(link);
  return bridges;
}

function isIntoContainer({ kind, peerNetnsId }: Link, leadsAway: (netnsId: number) => boolean): boolean {
  return kind === 'veth' && peerNetnsId !== null && !leadsAway(peerNetnsId);
}
