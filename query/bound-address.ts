/** Where a bound socket is reached. Pure. */
import { type IpAddress, isIpv6, isUnspecified } from '../model/ip.ts';

/** What agents leave out of a namespace's addresses, since every namespace has them. */
const loopbackAddresses: readonly IpAddress[] = ['127.0.0.1', '::1'];

/**
 * The addresses besides its own that reach a socket: none when it is bound to one address. Bound to the unspecified one
 * it is reached at all of its namespace, loopback included, of the family it is bound in; `::` takes IPv4 too.
 * @param addresses of its namespace
 */
export function reachableAt(bound: IpAddress, addresses: Iterable<IpAddress>): readonly IpAddress[] {
  if (!isUnspecified(bound)) return [];
  const all = [...addresses, ...loopbackAddresses];
  return isIpv6(bound) ? all : all.filter((ip) => !isIpv6(ip));
}
