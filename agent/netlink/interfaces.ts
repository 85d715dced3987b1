/** Addresses and host-local networks of one network namespace, by rtnetlink. Inside it no privilege is needed. */
import { isLoopback, type Prefix } from '../../model/ip.ts';
import type { InterfaceAddress } from '../../model/netns.ts';
import type { Libc } from '../libc.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { addressDump, type LinkAddress } from './address.ts';
import { isLittleEndian } from './byte-order.ts';
import { type Link, linkDump } from './link.ts';
import { localNetworks, peerNetnsIds } from './local-networks.ts';
import { NetlinkError } from './netlink-error.ts';
import { encodeGetNetnsId, getNetnsId, parseNetnsId } from './netns-id.ts';
import { RouteSocket, routeGroups } from './route-socket.ts';

export interface Interfaces {
  /** Without the loopback addresses, which are the same everywhere. */
  readonly addresses: readonly InterfaceAddress[];
  readonly localNetworks: readonly Prefix[];
}

/** Everything that can change what is read here. */
const watchedGroups = routeGroups.link | routeGroups.ipv4Address | routeGroups.ipv6Address;

/** Tells which of these numbers of namespaces are of no container. */
export type PeersOf = (ids: ReadonlySet<number>) => (id: number) => boolean;

const plainPeers: PeersOf = () => () => false;

/** Reads the interfaces again and again over one socket, and hears when they change. */
export class InterfaceReader {
  readonly #socket: RouteSocket;
  /** False where the machine does not tell of changes. */
  readonly isHearing: boolean;

  private constructor(socket: RouteSocket, isHearing: boolean) {
    this.#socket = socket;
    this.isHearing = isHearing;
  }

  /**
   * In the namespace that the calling thread is in. Throws NetlinkError where the socket is not to be had.
   *
   * @param bytes for datagrams; may be shared with other readers that read one after the other
   */
  static open(libc: Libc, bytes: Buffer): InterfaceReader {
    if (!isLittleEndian()) throw new NetlinkError('use netlink', 'this machine is big-endian');
    try {
      return new InterfaceReader(RouteSocket.open(libc, { bytes, groups: watchedGroups }), true);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      // Some sandboxes answer questions and have no multicast.
      return new InterfaceReader(RouteSocket.open(libc, { bytes }), false);
    }
  }

  /** For poll(2): readable when there may be news. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** Whether anything changed since this was asked last, or may have. Throws NetlinkError. */
  takeNews(): boolean {
    return this.#socket.takeNews();
  }

  /** One at a time. Throws NetlinkError. @param peers is asked where ports of bridges lead */
  async read(slice: TimeSlice, peers: PeersOf = plainPeers): Promise<Interfaces> {
    const links = await this.#socket.dump(linkDump, slice);
    const addresses = await this.#socket.dump(addressDump, slice);
    return {
      addresses: interfaceAddresses(links, addresses),
      localNetworks: localNetworks(links, addresses, peers(peerNetnsIds(links))),
    };
  }

  /**
   * By which number this namespace knows another one; null = by none. Throws NetlinkError.
   *
   * @param fd open on /proc/PID/ns/net of that one
   */
  netnsId(fd: number): number | null {
    const answer = this.#socket.ask(getNetnsId, encodeGetNetnsId(fd));
    return answer === null ? null : parseNetnsId(answer);
  }

  /** Idempotent. An open socket keeps its namespace alive. */
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
