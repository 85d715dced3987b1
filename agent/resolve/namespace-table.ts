/** What is known of each network namespace besides its sockets: read when it changed, kept across scans. */
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { LoadLibc } from '../libc.ts';
import type { Inhabited } from '../netlink/peer-namespaces.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { InterfaceSource, type NamespacePlace, type ReadNamespace } from './interface-source.ts';
import type { Reading } from './refresh.ts';

/** How many namespaces are remembered; any further one is described anew in every scan. */
export const rememberedNamespacesMax = 16_384;

/** Why the interfaces of namespaces are not watched. */
export interface InterfaceProblems {
  /** Of the agent's own; null = they are. */
  readonly host: string | null;
  /** Of the others, of how many not even the addresses are known, and one of the reasons; null = they all are. */
  readonly others: {
    readonly namespaces: number;
    readonly hidden: number;
    readonly reason: string;
  } | null;
}

interface Remembered extends Reading {
  readonly netns: Netns;
  /** Why its host-local networks are unknown; null = they are known. */
  readonly problem: string | null;
  readonly isHidden: boolean;
  scan: number;
}

export class NamespaceTable {
  readonly #source: InterfaceSource;
  readonly #remembered = new Map<number, Remembered>();
  #scan = 0;
  /** Descriptions that found no room, since the start. */
  refusedTotal = 0;

  constructor(procRoot: string, load: LoadLibc) {
    this.#source = new InterfaceSource(procRoot, load);
  }

  /** As of the last readings. */
  get problems(): InterfaceProblems {
    let host: string | null = null;
    let namespaces = 0;
    let hidden = 0;
    let reason = '';
    for (const { netns, problem, isHidden } of this.#remembered.values()) {
      if (problem === null) continue;
      if (netns.isHost) host = problem;
      else {
        namespaces++;
        if (isHidden) hidden++;
        reason = problem;
      }
    }
    return { host, others: namespaces === 0 ? null : { namespaces, hidden, reason } };
  }

  get size(): number {
    return this.#remembered.size;
  }

  get tables(): readonly BoundedTable[] {
    const { size, refusedTotal } = this;
    return [
      { name: 'namespaces', size, limit: rememberedNamespacesMax, refusedTotal },
      ...this.#source.tables,
    ];
  }

  /** Begins a scan. @param inhabited who is there */
  begin(inhabited: Inhabited): void {
    this.#source.listen(inhabited);
  }

  /**
   * The same object as before while nothing about the namespace changed; a promise only where it has to be read.
   *
   * @param nowMs monotonic clock
   */
  describe(place: NamespacePlace, nowMs: number, slice: TimeSlice): Netns | Promise<Netns> {
    return this.#known(place, nowMs) ?? this.#read(place, nowMs, slice);
  }

  /** What was read of it earlier; null when it has to be read. */
  #known(place: NamespacePlace, nowMs: number): Netns | null {
    const known = this.#remembered.get(place.inode);
    if (known?.netns.isHost !== place.isHost) return null;
    known.scan = this.#scan;
    return this.#source.isDue(place, known, nowMs) ? null : known.netns;
  }

  async #read(place: NamespacePlace, nowMs: number, slice: TimeSlice): Promise<Netns> {
    const { inode, isHost } = place;
    const known = this.#remembered.get(inode);
    const before = known?.netns.isHost === isHost ? known : undefined;
    const read = await this.#source.read(place, slice);
    // Whoever was in it has just gone: what was known stays until the next scan tells who is there.
    if (read === null) {
      // It may have been opened before they went, and nobody would ever let go of what is not remembered.
      if (known === undefined) this.#source.drop(inode);
      return before?.netns ?? netnsOf(place, nothing);
    }
    const described = netnsOf(place, read);
    const netns = before !== undefined && isSameNetns(before.netns, described) ? before.netns : described;
    const firstReadAtMs = before !== undefined && netns === before.netns ? before.firstReadAtMs : nowMs;
    const { problem, isHidden } = read;
    this.#remember({ netns, problem, isHidden, firstReadAtMs, readAtMs: nowMs, scan: this.#scan });
    return netns;
  }

  /** Ends a scan: lets go of every namespace that was not described during it. */
  expire(): void {
    for (const [inode, { scan }] of this.#remembered) {
      if (scan === this.#scan) continue;
      this.#remembered.delete(inode);
      this.#source.drop(inode);
    }
    this.#scan++;
  }

  /** Idempotent. */
  close(): void {
    this.#source.close();
  }

  #remember(remembered: Remembered): void {
    const { inode } = remembered.netns;
    if (this.#remembered.has(inode) || this.#remembered.size < rememberedNamespacesMax) {
      this.#remembered.set(inode, remembered);
      return;
    }
    this.refusedTotal++;
    this.#source.drop(inode);
  }
}

const nothing: Omit<ReadNamespace, 'problem' | 'isHidden'> = {
  addresses: [],
  localNetworks: [],
  ephemeralPorts: defaultEphemeralPorts,
};

function netnsOf(
  { inode, isHost }: NamespacePlace,
  read: Omit<ReadNamespace, 'problem' | 'isHidden'>,
): Netns {
  const { addresses, localNetworks, ephemeralPorts } = read;
  return { inode, isHost, addresses, localNetworks, ephemeralPorts };
}

/** Both come from the same code, so equal content has equal text. */
function isSameNetns(a: Netns, b: Netns): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
