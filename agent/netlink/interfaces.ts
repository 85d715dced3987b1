/** Addresses and host-local networks of the agent's own network namespace, by rtnetlink. No privilege is needed. */
import { isLoopback, type Prefix } from '../../model/ip.ts';
import type { InterfaceAddress } from '../../model/netns.ts';
import type { Libc } from '../libc.ts';
import { encodeGetAddress, getAddress, type LinkAddress, parseLinkAddress } from './address.ts';
import { isLittleEndian } from './byte-order.ts';
import { encodeGetLink, getLink, type Link, parseLink } from './link.ts';
import { localNetworks } from './local-networks.ts';
import { NetlinkError } from './netlink-error.ts';
import { RouteSocket } from './route-socket.ts';

export interface Interfaces {
  /** Without the loopback addresses, which are the same everywhere. */
  readonly addresses: readonly InterfaceAddress[];
  readonly localNetworks: readonly Prefix[];
}

/** Reads the interfaces again and again over one socket. */
export class InterfaceReader {
  readonly #socket: RouteSocket;

  private constructor(socket: RouteSocket) {
    this.#socket = socket;
  }

  /** Throws NetlinkError where the socket is not to be had. */
  static open(libc: Libc): InterfaceReader {
    if (!isLittleEndian()) throw new NetlinkError('use netlink', 'this machine is big-endian');
    return new InterfaceReader(RouteSocket.open(libc));
  }

  /** Throws NetlinkError. */
  read(): Interfaces {
    const links = parsed(this.#socket.dump(getLink, encodeGetLink()).map(parseLink));
    const addresses = parsed(this.#socket.dump(getAddress, encodeGetAddress()).map(parseLinkAddress));
    return {
      addresses: interfaceAddresses(links, addresses),
      localNetworks: localNetworks(links, addresses),
    };
  }

  close(): void {
    this.#socket.close();
  }
}

function interfaceAddresses(links: readonly Link[], addresses: readonly LinkAddress[]): InterfaceAddress[] {
  const names = new Map(links.map((link) => [link.index, link.name]));
  return addresses
    .filter(({ ip }) => !isLoopback(ip))
    .map(({ ip, prefixLength, linkIndex }) => ({ ip, prefixLength, device: names.get(linkIndex) ?? null }));
}

function parsed<T>(entries: readonly (T | null)[]): T[] {
  return entries.filter((entry) => entry !== null);
}
