/** What is known of each network namespace besides its sockets: read now and then, kept across scans. */
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import { readLocalPortRange } from '../procfs/ip-local-port-range.ts';
import type { HostInterfaceSource } from './host-interfaces.ts';
import { readNamespaceAddresses } from './namespace-addresses.ts';
import { isRefreshDue, type Reading } from './refresh.ts';

/** How many namespaces are remembered; any further one is described anew in every scan. */
export const rememberedNamespacesMax = 16_384;

interface Remembered extends Reading {
  readonly netns: Netns;
  scan: number;
}

export class NamespaceTable {
  readonly #procRoot: string;
  readonly #host: HostInterfaceSource;
  readonly #remembered = new Map<number, Remembered>();
  #scan = 0;
  #hostProblem: string | null = null;

  constructor(procRoot: string, host: HostInterfaceSource) {
    this.#procRoot = procRoot;
    this.#host = host;
  }

  /** Why the host-local networks of the agent's namespace are unknown, as of the last reading; null = they are known. */
  get hostProblem(): string | null {
    return this.#hostProblem;
  }

  /** The same object as before while nothing about the namespace changed. @param path folder of a process in it. */
  async describe(inode: number, path: string, isHost: boolean, nowMs: number): Promise<Netns> {
    const known = this.#remembered.get(inode);
    if (known !== undefined && known.netns.isHost === isHost && !isRefreshDue(known, nowMs)) {
      known.scan = this.#scan;
      return known.netns;
    }
    const read = isHost ? await this.#readHost(inode, path) : readOther(inode, path);
    const netns = known !== undefined && isSameNetns(known.netns, read) ? known.netns : read;
    const firstReadAtMs = netns === known?.netns ? known.firstReadAtMs : nowMs;
    if (known !== undefined || this.#remembered.size < rememberedNamespacesMax) {
      this.#remembered.set(inode, { netns, firstReadAtMs, readAtMs: nowMs, scan: this.#scan });
    }
    return netns;
  }

  /** Ends a scan: forgets every namespace that was not described during it. */
  expire(): void {
    for (const [inode, { scan }] of this.#remembered) if (scan !== this.#scan) this.#remembered.delete(inode);
    this.#scan++;
  }

  close(): void {
    this.#host.close();
  }

  async #readHost(inode: number, path: string): Promise<Netns> {
    const { addresses, localNetworks, problem } = await this.#host.read(path);
    this.#hostProblem = problem;
    const ephemeralPorts = readLocalPortRange(this.#procRoot) ?? defaultEphemeralPorts;
    return { inode, isHost: true, addresses, localNetworks, ephemeralPorts };
  }
}

/** The port range of another namespace cannot be read from outside; it starts as the kernel's default. */
function readOther(inode: number, path: string): Netns {
  return {
    inode,
    isHost: false,
    addresses: readNamespaceAddresses(path),
    localNetworks: [],
    ephemeralPorts: defaultEphemeralPorts,
  };
}

/** Both come from the same code, so equal content has equal text. */
function isSameNetns(a: Netns, b: Netns): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
