/**
 * The address space in which a socket's addresses are unique. Two sockets can be ends of one connection only inside one
 * scope; the scope is part of the key under which ends meet (model/four-tuple).
 *
 *   netns  a loopback address at either end: 127.0.0.1 of one namespace is nobody else's
 *   host   both ends inside one host-local bridge subnet: 172.17.0.2 exists on every host with containers
 *   realm  everything else, matched by its tuple on the wire
 *
 * The rule is per connection, not per address: a pod on a bridge that is routed elsewhere reaches other hosts untranslated.
 */
import { type IpAddress, isLoopback, type Prefix, prefixContains } from '../../model/ip.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';

export function scopeOf(socket: Pick<ReportedSocket, 'host' | 'netns' | 'local' | 'remote'>): string {
  const { host, netns, local, remote } = socket;
  if (isLoopback(local.ip) || isLoopback(remote.ip)) return netnsScope(host, netns);
  if (shareLocalNetwork(host, local.ip, remote.ip)) return hostScope(host);
  return realmScope(host);
}

/** The kind of scope of two addresses, by the host-local networks of their host. */
export function scopeAmong(
  networks: readonly Prefix[],
  local: IpAddress,
  remote: IpAddress,
): 'netns' | 'host' | 'realm' {
  if (isLoopback(local) || isLoopback(remote)) return 'netns';
  const isShared = networks.some(
    (network) => prefixContains(network, local) && prefixContains(network, remote),
  );
  return isShared ? 'host' : 'realm';
}

export function netnsScope(host: ReportingHost, netns: number): string {
  return `netns:${host.id}/${netns}`;
}

export function hostScope(host: ReportingHost): string {
  return `host:${host.id}`;
}

export function realmScope(host: ReportingHost): string {
  return `realm:${host.realm}`;
}

function shareLocalNetwork(host: ReportingHost, a: string, b: string): boolean {
  for (const netns of host.netns.values()) {
    for (const network of netns.localNetworks) {
      if (prefixContains(network, a) && prefixContains(network, b)) return true;
    }
  }
  return false;
}

/** Whether `ip` lies in a host-local bridge subnet of `host`. */
export function isHostLocal(host: ReportingHost, ip: string): boolean {
  return shareLocalNetwork(host, ip, ip);
}
