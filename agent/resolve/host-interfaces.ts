/** Addresses and local networks of the agent's own namespace: by netlink, else without the local networks. */
import { networkInterfaces } from 'node:os';
import { isLoopback, parseIp } from '../../model/ip.ts';
import type { InterfaceAddress } from '../../model/netns.ts';
import { LibcError, type LoadLibc } from '../libc.ts';
import { InterfaceReader, type Interfaces } from '../netlink/interfaces.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { readNamespaceAddresses } from './namespace-addresses.ts';

export interface HostInterfaces extends Interfaces {
  /** Why the local networks are unknown; null when netlink answered. */
  readonly problem: string | null;
}

/** Keeps a netlink socket; opens it anew after it failed. */
export class HostInterfaceSource {
  readonly #loadLibc: LoadLibc;
  #reader: InterfaceReader | null = null;

  constructor(load: LoadLibc) {
    this.#loadLibc = load;
  }

  /** @param path folder of a process in the agent's namespace, for the fallback. */
  async read(path: string): Promise<HostInterfaces> {
    try {
      this.#reader ??= InterfaceReader.open(await this.#loadLibc());
      return { ...this.#reader.read(), problem: null };
    } catch (error) {
      if (!(error instanceof NetlinkError || error instanceof LibcError)) throw error;
      this.close();
      return { addresses: addressesWithoutNetlink(path), localNetworks: [], problem: error.message };
    }
  }

  /** Idempotent. */
  close(): void {
    this.#reader?.close();
    this.#reader = null;
  }
}

function addressesWithoutNetlink(path: string): InterfaceAddress[] {
  const addresses = readNamespaceAddresses(path);
  return addresses.length > 0 ? addresses : addressesOfNode();
}

/** getifaddrs(3) through Node; leaves out interfaces that are down. It asks netlink too, so it may fail as well. */
function addressesOfNode(): InterfaceAddress[] {
  const addresses: InterfaceAddress[] = [];
  for (const [device, entries] of Object.entries(interfacesOfNode())) {
    for (const { address, cidr } of entries ?? []) {
      const ip = parseIp(address);
      if (ip === null || cidr === null || isLoopback(ip)) continue;
      addresses.push({ ip, prefixLength: Number(cidr.slice(cidr.lastIndexOf('/') + 1)), device });
    }
  }
  return addresses;
}

function interfacesOfNode(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}
