/** A socket as the kernel of a simulated host has it: the truth that agents look at, and that answers are held against. */
import type { Endpoint } from '../../model/endpoint.ts';
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';

/** What stays the same for its life. */
export interface SocketIdentity {
  /** No other socket of the world has it, so that whoever is shown with it is this one. */
  readonly fd: number;
  readonly inode: number;
  /** Index of its host. */
  readonly host: number;
  readonly netns: number;
  readonly protocol: Protocol;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly uid: number;
  /** Number of its conversation; null = it waits for peers. */
  readonly conversation: number | null;
  readonly side: 'client' | 'server' | null;
  /** Simulated milliseconds. */
  readonly bornMs: number;
}

/** A stretch of scans of one run of an agent. */
export interface Sightings {
  /** Which run of the agent of its host. */
  readonly run: number;
  /** Scans that showed it, and those of them that were applied. */
  shown: number;
  /** Begin of the first scan and of the last one that showed it; simulated milliseconds. */
  readonly firstMs: number;
  lastMs: number;
}

export class TrueSocket {
  readonly identity: SocketIdentity;
  #row: OwnedSocket;
  /** When it was gone from the table; null while it is there. */
  goneMs: number | null = null;
  /** Since when nobody holds it any more; null while somebody does. */
  restsSinceMs: number | null = null;
  /** Every process that ever held it. */
  readonly pids = new Set<number>();
  /** By whom it was seen, one entry for each run of the agent. */
  readonly sightings: Sightings[] = [];
  /** Whether a scan showed it with an owner, or with an inode. */
  isNamed = false;
  /** The run of the agent at whose first scan the kernel only remembered it: that run says nothing of it. */
  remainsInRun = 0;

  constructor(identity: SocketIdentity, state: SocketState, owners: readonly Owner[], isAccepted = true) {
    const { protocol, local, remote, inode, uid, netns } = identity;
    this.identity = identity;
    const shownInode = isAccepted ? inode : 0;
    this.#row = { protocol, state, local, remote, inode: shownInode, uid, netns, owners: [] };
    this.hold(owners);
  }

  /** As a scan shows it now. */
  get row(): OwnedSocket {
    return this.#row;
  }

  get isThere(): boolean {
    return this.goneMs === null;
  }

  become(state: SocketState): void {
    if (this.isThere) this.#row = { ...this.#row, state };
  }

  /** A process takes it out of the accept queue. */
  accept(owners: readonly Owner[]): void {
    if (!this.isThere) return;
    this.#row = { ...this.#row, inode: this.identity.inode };
    this.hold(owners);
  }

  /** Others hold it from now on. */
  hold(owners: readonly Owner[]): void {
    if (!this.isThere) return;
    for (const { process } of owners) this.pids.add(process.pid);
    this.#row = { ...this.#row, owners };
  }

  /** Its last fd is closed: the kernel alone goes on with it. */
  orphan(state: SocketState, nowMs: number): void {
    this.restsSinceMs ??= nowMs;
    if (this.isThere) this.#row = { ...this.#row, state, inode: 0, uid: 0, owners: [] };
  }

  vanish(nowMs: number): void {
    this.restsSinceMs ??= nowMs;
    this.goneMs ??= nowMs;
  }
}
