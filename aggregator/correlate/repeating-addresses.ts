/**
 * Which addresses several hosts have by right. All others belong to one host of a realm; who claims another's has a copied
 * image, a network of its own that should be a realm of its own, or tells a lie.
 */
import { formatPrefix, type IpAddress, type Prefix, parsePrefix, prefixContains } from '../../model/ip.ts';
import type { InterfaceAddress } from '../../model/netns.ts';
import type { ReportingHost } from './report.ts';

/** Of link-local addresses each link has its own: RFC 3927 and RFC 4291, 2.5.6. */
const linkLocal: readonly Prefix[] = ['169.254.0.0/16', 'fe80::/10'].map((text) => parsePrefix(text)!);

/**
 * Devices for addresses under which many hosts answer: real servers of a balancer and anycast have theirs on `lo` or a dummy
 * device, Kubernetes in its IPVS mode has those of all services on every node.
 */
const sharedDevices = /^(?:lo|dummy\d*|kube-ipvs\d+|nodelocaldns)$/;

/** The host-local networks of a host, each once. */
export function networksAround(host: ReportingHost): readonly Prefix[] {
  const networks = new Map<string, Prefix>();
  for (const { localNetworks } of host.netns.values()) {
    for (const network of localNetworks) networks.set(formatPrefix(network), network);
  }
  return [...networks.values()];
}

/** @param networks host-local ones of the host that has it */
export function mayRepeat({ ip, device }: InterfaceAddress, networks: readonly Prefix[]): boolean {
  if (device !== null && sharedDevices.test(device)) return true;
  return isWithin(linkLocal, ip) || isWithin(networks, ip);
}

function isWithin(networks: readonly Prefix[], ip: IpAddress): boolean {
  return networks.some((network) => prefixContains(network, ip));
}
