/**
 * What the network interfaces of a namespace are, and whether they may have changed since they were read: by rtnetlink,
 * which tells of changes; where that is not to be had, from /proc now and then, and without host-local networks.
 */
import { networkInterfaces } from 'node:os';
import { isLoopback, parseIp } from '../../model/ip.ts';
import { defaultEphemeralPorts, type InterfaceAddress, type Netns } from '../../model/netns.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { LibcError, type LoadLibc } from '../libc.ts';
import { InterfaceWatch, watchedNetnsMax } from '../netlink/interface-watch.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { NetnsRefusedError } from '../netlink/netns-entry.ts';
import { type Inhabited, nobodyKnown } from '../netlink/peer-namespaces.ts';
import { readLocalPortRange } from '../procfs/ip-local-port-range.ts';
import { readNetnsInode } from '../procfs/pid-netns.ts';
import { denied, isUnread, unreadIfAbsent } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { readNamespaceAddresses } from './namespace-addresses.ts';
import { isRefreshDue, type Reading } from './refresh.ts';

/** Where a namespace is to be found. */
export interface NamespacePlace {
  readonly inode: number;
  /** Folders of processes in it. */
  readonly paths: readonly string[];
  /** The agent itself is in it. */
  readonly isHost: boolean;
}

export interface ReadNamespace extends Pick<Netns, 'addresses' | 'localNetworks' | 'ephemeralPorts'> {
  /** Why its host-local networks are unknown; null = they are known. */
  readonly problem: string | null;
  /** Its addresses are closed to the agent too. */
  readonly isHidden: boolean;
}

export class InterfaceSource {
  readonly #procRoot: string;
  readonly #loadLibc: LoadLibc;
  /** null before the first reading, and while it is not to be had. */
  #watch: InterfaceWatch | null = null;
  #watchProblem: string | null = null;
  #inhabited: Inhabited = nobodyKnown;

  constructor(procRoot: string, load: LoadLibc) {
    this.#procRoot = procRoot;
    this.#loadLibc = load;
  }

  get tables(): readonly BoundedTable[] {
    const { size, refusedTotal } = this.#watch ?? { size: 0, refusedTotal: 0 };
    return [{ name: 'watched_namespaces', size, limit: watchedNetnsMax, refusedTotal }];
  }

  /** Begins a scan: hears what changed since the last one. */
  listen(inhabited: Inhabited): void {
    this.#inhabited = inhabited;
    this.#watch?.listen(inhabited);
  }

  /** Whether what was read may not be how it is. Nobody tells of the port range, which is read again of the host alone. */
  isDue({ inode, isHost }: NamespacePlace, reading: Reading, nowMs: number): boolean {
    if (this.#watch?.hasNews(inode, nowMs) === true) return true;
    const isHeard = this.#watch?.isHearing(inode) === true;
    return (isHost || !isHeard) && isRefreshDue(reading, nowMs);
  }

  /** Null when none of its processes is there any more. */
  async read(place: NamespacePlace, slice: TimeSlice): Promise<ReadNamespace | null> {
    // A copy of /proc shows processes whose namespaces are nowhere.
    let problem: string | null = null;
    try {
      const read = await this.#readByNetlink(place, slice);
      if (read !== null) return read;
    } catch (error) {
      if (!(error instanceof NetlinkError || error instanceof LibcError)) throw error;
      // What is amiss everywhere is told of the host.
      if (place.isHost || error instanceof NetnsRefusedError) problem = problemOf(error);
    }
    return this.#readFromProc(place, problem);
  }

  /** Lets go of a namespace. */
  drop(inode: number): void {
    this.#watch?.drop(inode);
  }

  /** Idempotent. */
  close(): void {
    this.#watch?.close();
    this.#watch = null;
  }

  async #readByNetlink(place: NamespacePlace, slice: TimeSlice): Promise<ReadNamespace | null> {
    const watch = await this.#openWatch(place.isHost);
    let isDenied = false;
    for (const path of place.paths) {
      const ports = unreadIfAbsent(() => {
        const isOpen = watch.open(place.inode, `${path}/ns/net`);
        return isOpen ? this.#readPorts(watch, place, path) : null;
      });
      isDenied ||= ports === denied;
      if (ports === null || isUnread(ports)) continue;
      const read = await watch.read(place.inode, slice);
      return { ...read, ephemeralPorts: ports, problem: null, isHidden: false };
    }
    if (isDenied) throw new NetnsRefusedError('EACCES');
    return null;
  }

  /** Tried again with the host's own namespace, so now and then. */
  async #openWatch(isHost: boolean): Promise<InterfaceWatch> {
    if (this.#watch !== null) return this.#watch;
    if (this.#watchProblem !== null && !isHost)
      throw new NetlinkError('watch interfaces', this.#watchProblem);
    try {
      this.#watch = new InterfaceWatch(await this.#loadLibc());
      this.#watch.listen(this.#inhabited);
      this.#watchProblem = null;
      return this.#watch;
    } catch (error) {
      this.#watchProblem = (error as Error).message;
      if (error instanceof LibcError) throw error;
      throw new NetlinkError('watch interfaces', this.#watchProblem, { cause: error });
    }
  }

  /** The file shows the namespace of whoever opens it. Null when the process went elsewhere. */
  #readPorts(watch: InterfaceWatch, { inode }: NamespacePlace, path: string): Netns['ephemeralPorts'] | null {
    return watch.within(
      inode,
      `${path}/ns/net`,
      () => readLocalPortRange(this.#procRoot) ?? defaultEphemeralPorts,
    );
  }

  #readFromProc({ inode, paths, isHost }: NamespacePlace, problem: string | null): ReadNamespace | null {
    for (const path of paths) {
      const read = readNamespaceAddresses(path);
      const addresses = isUnread(read) ? [] : read;
      // Only a process that is still in the namespace has shown that namespace's addresses.
      const after = readNetnsInode(path);
      if (after !== inode && after !== denied) continue;
      return {
        addresses: addresses.length > 0 || !isHost ? addresses : addressesOfNode(),
        localNetworks: [],
        ephemeralPorts: (isHost ? readLocalPortRange(this.#procRoot) : null) ?? defaultEphemeralPorts,
        problem,
        isHidden: read === denied && !isHost,
      };
    }
    return null;
  }
}

function problemOf(error: NetlinkError | LibcError): string {
  const needs = error instanceof NetnsRefusedError ? '; this needs CAP_SYS_ADMIN and CAP_SYS_PTRACE' : '';
  return `${error.message}${needs}`;
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
