/** A network namespace of one host, with what is needed to place its addresses. */
import type { IpAddress, Prefix } from './ip.ts';

export interface InterfaceAddress {
  readonly ip: IpAddress;
  readonly prefixLength: number;
  /** Interface name, or null where the source does not tell it. */
  readonly device: string | null;
}

export interface Netns {
  /** Inode of /proc/PID/ns/net: its identity on the host while it lives. */
  readonly inode: number;
  /** The namespace that the agent itself runs in. */
  readonly isHost: boolean;
  readonly addresses: readonly InterfaceAddress[];
  /**
   * Subnets of host-local bridges (every port a veth into another namespace): their addresses repeat on other hosts.
   * Empty where the agent cannot tell.
   */
  readonly localNetworks: readonly Prefix[];
  /** ip_local_port_range, both inclusive. */
  readonly ephemeralPorts: readonly [number, number];
}

/** The kernel's default ip_local_port_range, for namespaces that do not tell theirs. */
export const defaultEphemeralPorts = [32768, 60999] as const;
