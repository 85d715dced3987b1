/**
 * Where the veth ports of one namespace's bridges lead: into a container of this host, or to somewhere else.
 *
 * A port knows its peer's namespace by a number. A container is a namespace that has a process here; where nobody the agent
 * sees is, the veth leads away from what it sees: to the host of a host that is itself a container. A container that is
 * being made may have its network before its first process, so what is new counts as one for a while. The agent's own
 * namespace is the host's, and no container of another one.
 *
 * No I/O, no clock.
 */

/** For how long a namespace without a process counts as one that is being made. */
export const emptyGraceMs = 5_000;

/** The namespaces that have a process. */
export interface Inhabited {
  /** Folders of processes by inode of the namespace. */
  readonly namespaces: ReadonlyMap<number, readonly { readonly path: string }[]>;
  /** The agent sees every process, so that there are no others. */
  readonly isComplete: boolean;
}

export const nobodyKnown: Inhabited = { namespaces: new Map(), isComplete: false };

/** By which number this namespace knows the one of a process; null = by none; `denied` = the agent may not ask. */
export type AskNetnsId = (path: string) => number | null | 'denied';

export class PeerNamespaces {
  /** Inode of the agent's namespace where that is another one. */
  readonly #host: number | null;
  /** Inodes by number. */
  #known = new Map<number, number>();
  /** When each number was first found to be of nobody here; monotonic clock. */
  #unknown = new Map<number, number>();
  #isFirstLook = true;
  #isComplete = false;
  #nowMs = 0;

  constructor(host: number | null) {
    this.#host = host;
  }

  /** Some port leads to nobody who is known. */
  get hasUnknown(): boolean {
    return this.#unknown.size > 0;
  }

  /** When a port that counts as one to a container may stop to do so; monotonic clock. */
  get changesAtMs(): number {
    const ends = [...this.#unknown.values()].map((sinceMs) => sinceMs + emptyGraceMs);
    return Math.min(...ends.filter((endMs) => endMs > this.#nowMs), Number.POSITIVE_INFINITY);
  }

  /** To be called with the numbers of all ports, before leadsAway is asked. */
  look(ids: ReadonlySet<number>, inhabited: Inhabited, ask: AskNetnsId, nowMs: number): void {
    const { namespaces, isComplete } = inhabited;
    this.#nowMs = nowMs;
    this.#isComplete = isComplete;
    // Numbers and inodes are given to others once a namespace is gone.
    this.#known = new Map([...this.#known].filter(([, inode]) => namespaces.has(inode)));
    if ([...ids].some((id) => !this.#known.has(id))) this.#askForAll(namespaces, ask);
    const sinceMs = this.#isFirstLook ? Number.NEGATIVE_INFINITY : nowMs;
    const unknown = [...ids].filter((id) => !this.#known.has(id));
    this.#unknown = new Map(unknown.map((id) => [id, this.#unknown.get(id) ?? sinceMs]));
    this.#isFirstLook = false;
  }

  leadsAway(id: number): boolean {
    const inode = this.#known.get(id);
    if (inode !== undefined) return inode === this.#host;
    return this.#isComplete && this.#nowMs - (this.#unknown.get(id) ?? this.#nowMs) >= emptyGraceMs;
  }

  #askForAll(namespaces: Inhabited['namespaces'], ask: AskNetnsId): void {
    const answered = new Set(this.#known.values());
    for (const [inode, [process]] of namespaces) {
      if (answered.has(inode) || process === undefined) continue;
      const id = ask(process.path);
      if (id === 'denied') this.#isComplete = false;
      else if (id !== null) this.#known.set(id, inode);
    }
  }
}
