/** Addresses of any network namespace, from the files that a process in it shows. No netlink, no setns, no privilege. */
import { isIpv6, isLoopback, prefixContains } from '../../model/ip.ts';
import type { InterfaceAddress } from '../../model/netns.ts';
import { readLocalAddresses } from '../procfs/net-fib-trie.ts';
import { readIfInet6 } from '../procfs/net-if-inet6.ts';
import { type ConnectedRoute, readConnectedRoutes } from '../procfs/net-route.ts';
import { denied, isUnread, type Unread } from '../procfs/proc-file.ts';

/** IPv4 then IPv6, without the loopback addresses; `denied` where the agent may read neither. */
export function readNamespaceAddresses(path: string): InterfaceAddress[] | Unread {
  const ipv4 = readLocalAddresses(path);
  const routes = readConnectedRoutes(path);
  const ipv6 = readIfInet6(path);
  if (ipv4 === denied && ipv6 === denied) return denied;
  const located = isUnread(ipv4) ? [] : ipv4.map((ip) => locate(ip, isUnread(routes) ? [] : routes));
  return [...located, ...(isUnread(ipv6) ? [] : ipv6)].filter(({ ip }) => !isLoopback(ip));
}

/** Prefix length and device of the narrowest connected route around the address; a bare host where there is none. */
function locate(ip: string, routes: readonly ConnectedRoute[]): InterfaceAddress {
  const around = routes
    .filter(({ destination }) => !isIpv6(destination.ip) && prefixContains(destination, ip))
    .toSorted((a, b) => b.destination.length - a.destination.length)[0];
  return { ip, prefixLength: around?.destination.length ?? 32, device: around?.device ?? null };
}
