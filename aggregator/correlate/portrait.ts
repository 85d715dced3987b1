/**
 * What correlation took from a host when it last looked at it. Hosts are told changed for many reasons (a container
 * starts, a heartbeat is late); two portraits tell which of its sockets a change concerns, most often none.
 */
import type { HostState } from '../../model/document.ts';
import { formatPrefix, type IpAddress } from '../../model/ip.ts';
import type { ReportingHost } from './report.ts';

export interface Portrait {
  /** What its ends are called by. */
  readonly name: string;
  readonly state: HostState;
  readonly realm: string;
  /** What decides in which scope its sockets are. */
  readonly scope: string;
  /** Which namespace has which addresses, and on which devices. */
  readonly claims: string;
  readonly addresses: ReadonlySet<IpAddress>;
  /** By namespace. */
  readonly ephemeralPorts: ReadonlyMap<number, string>;
}

export interface Differences {
  readonly name: boolean;
  readonly state: boolean;
  readonly scope: boolean;
  readonly claims: boolean;
  /** Addresses that it claims now or did before, and not both; all where its realm or its networks are others. */
  readonly claimed: readonly IpAddress[];
  /** Addresses that it claimed before, and does not any more. */
  readonly letGoOf: ReadonlySet<IpAddress>;
  /** Addresses that it did not have before, or all of them when its name is another. */
  readonly addresses: readonly IpAddress[];
  /** Namespaces with another range of ephemeral ports. */
  readonly netns: ReadonlySet<number>;
}

export function portraitOf(host: ReportingHost): Portrait {
  const namespaces = [...host.netns.values()];
  const networks = new Set(namespaces.flatMap(({ localNetworks }) => localNetworks.map(formatPrefix)));
  const addresses = namespaces.flatMap((netns) => netns.addresses.map(({ ip }) => ip));
  return {
    name: JSON.stringify([host.name, [...host.labels]]),
    state: host.state,
    realm: host.realm,
    scope: JSON.stringify([host.realm, [...networks].sort()]),
    claims: JSON.stringify([
      host.realm,
      [...networks].sort(),
      namespaces.map((netns) => [netns.inode, netns.addresses.map(({ ip, device }) => [ip, device])]),
    ]),
    addresses: new Set(addresses),
    ephemeralPorts: new Map(namespaces.map((netns) => [netns.inode, netns.ephemeralPorts.join('-')])),
  };
}

/** @param before null = never looked */
export function differencesOf(before: Portrait | null, now: Portrait): Differences {
  const isNamedAnew = before === null || before.name !== now.name;
  const { addresses, ephemeralPorts } = now;
  const known = before?.addresses ?? new Set<IpAddress>();
  const every = [...new Set([...addresses, ...known])];
  const isMoved = before !== null && before.scope !== now.scope;
  const exchanged = every.filter((ip) => addresses.has(ip) !== known.has(ip));
  return {
    name: isNamedAnew,
    state: before?.state !== now.state,
    scope: before?.scope !== now.scope,
    claims: before?.claims !== now.claims,
    claimed: isMoved || exchanged.length === 0 ? every : exchanged,
    letGoOf: new Set([...known].filter((ip) => !addresses.has(ip))),
    addresses: isNamedAnew ? [...addresses] : [...addresses].filter((ip) => !before.addresses.has(ip)),
    netns: new Set(
      [...ephemeralPorts.keys()].filter(
        (inode) => before?.ephemeralPorts.get(inode) !== ephemeralPorts.get(inode),
      ),
    ),
  };
}
