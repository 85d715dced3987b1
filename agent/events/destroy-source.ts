/**
 * Connections by what the kernel tells of TCP sockets that are destroyed: where eBPF is not to be had, every connection
 * that ends is heard of all the same, but not whose it was, nor when it began. One socket listens in each namespace.
 */

import type { Scan } from '../collector.ts';
import { type Libc, LibcError, type LoadLibc, loadLibc } from '../libc.ts';
import { isLittleEndian } from '../netlink/byte-order.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { receiveBuffer } from '../netlink/netlink-socket.ts';
import { NetnsEntry } from '../netlink/netns-entry.ts';
import { ReadablePoll } from '../netlink/readable.ts';
import { type DestroyedSocket, DestroyListener } from '../netlink/tcp-destroy.ts';
import { readNetnsInode } from '../procfs/pid-netns.ts';
import { readPids } from '../procfs/pids.ts';
import { isUnread, processPath } from '../procfs/proc-file.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import type { ConnectionEvent } from './connection-event.ts';
import type { EventLosses, EventSource } from './event-source.ts';

/** Namespaces with a listener, which is a descriptor each; connections in further ones are seen by scans alone. */
export const namespacesMax = 1024;

/** After so many scans a namespace that could not be entered is tried again. */
const retryScans = 30;

/** Processes between two looks at the clock. */
const processesPerLook = 100;

export interface DestroySourceOptions {
  readonly load?: LoadLibc;
  /** Room for messages that wait, per namespace; default destroyQueueBytes. */
  readonly queueBytes?: number;
}

/** Throws NetlinkError or LibcError where it is not to be had, and Node's own error where the agent has no /proc. */
export async function openDestroySource(
  procRoot: string,
  { load = loadLibc, queueBytes }: DestroySourceOptions = {},
): Promise<DestroySource> {
  if (!isLittleEndian()) throw new NetlinkError('use netlink', 'this machine is big-endian');
  return new DestroySource(await load(), procRoot, queueBytes);
}

class DestroySource implements EventSource {
  readonly name = 'destroy';
  readonly #libc: Libc;
  readonly #procRoot: string;
  readonly #queueBytes: number | undefined;
  readonly #entry: NetnsEntry;
  readonly #poll: ReadablePoll;
  /** All listeners are read one after the other. */
  readonly #bytes = receiveBuffer();
  readonly #listeners = new Map<number, DestroyListener>();
  /** What the poll is about, with their namespaces; null when that is to be told anew. */
  #polled: readonly (readonly [number, DestroyListener])[] | null = null;
  /** Why nothing is heard of a namespace, by its inode. */
  readonly #refused = new Map<number, string>();
  #scans = 0;
  /** Since the start, and of those what was declared. */
  #overruns = 0;
  #overrunsTaken = 0;

  constructor(libc: Libc, procRoot: string, queueBytes: number | undefined) {
    this.#libc = libc;
    this.#procRoot = procRoot;
    this.#queueBytes = queueBytes;
    this.#poll = new ReadablePoll(libc);
    this.#entry = NetnsEntry.open(libc);
    try {
      this.#listeners.set(this.#entry.own, this.#open(this.#entry.own));
    } catch (error) {
      this.#entry.close();
      throw error;
    }
  }

  get cannotSee(): readonly string[] {
    const sentences = [
      'Of connections that open and close between two scans the process of the client is not known, and that of the ' +
        'server only where one alone listens: eBPF would tell; to get it: Linux 5.11 or later with BTF, CAP_BPF and ' +
        'CAP_PERFMON (run as root).',
    ];
    const [reason] = this.#refused.values();
    if (reason !== undefined) {
      const { size } = this.#refused;
      const where = size === 1 ? 'one network namespace' : `${size} network namespaces`;
      sentences.push(`Connections between two scans are not seen in ${where}: ${reason}.`);
    }
    return sentences;
  }

  drain(eventsMax: number, read: (event: ConnectionEvent) => void): number {
    let left = eventsMax;
    this.#polled ??= this.#pollAll();
    for (const index of this.#poll.readable()) {
      const [netns, listener] = this.#polled[index]!;
      left -= this.#drainOne(netns, listener, left, read);
      if (left === 0) break;
    }
    return eventsMax - left;
  }

  get lostTotal(): number {
    return this.#overruns;
  }

  get lostByKind(): Readonly<Record<string, number>> {
    return { overruns: this.#overruns };
  }

  takeLosses(): EventLosses {
    const overruns = this.#overruns - this.#overrunsTaken;
    this.#overrunsTaken = this.#overruns;
    return {
      connections: 0,
      overruns,
      reason: 'connections ended faster than the agent read the messages of the kernel',
    };
  }

  async follow({ netns }: Scan): Promise<void> {
    const inhabited = new Set(netns.map(({ inode }) => inode));
    this.#letGo(inhabited);
    const wanted = new Set(
      [...inhabited].filter((inode) => !this.#listeners.has(inode) && !this.#refused.has(inode)),
    );
    if (wanted.size > 0) await this.#enter(wanted);
  }

  close(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.#polled = null;
    this.#entry.close();
  }

  #open(netns: number): DestroyListener {
    return DestroyListener.open(this.#libc, netns, this.#bytes, this.#queueBytes);
  }

  #pollAll(): [number, DestroyListener][] {
    const listeners = [...this.#listeners];
    this.#poll.watch(listeners.map(([, { fd }]) => fd));
    return listeners;
  }

  /** @returns how many messages were read */
  #drainOne(
    netns: number,
    listener: DestroyListener,
    messagesMax: number,
    read: (event: ConnectionEvent) => void,
  ): number {
    let messages = 0;
    try {
      for (; messages < messagesMax; messages++) {
        const destroyed = listener.next();
        if (destroyed === 'nothing') break;
        if (destroyed === 'overrun') this.#overruns++;
        else if (destroyed !== 'other') read(eventOf(destroyed, netns, Date.now()));
      }
    } catch (error) {
      this.#drop(netns);
      this.#overruns++;
      this.#refused.set(netns, reasonOf(error));
    }
    return messages;
  }

  /** Of the namespaces without a process: an open socket keeps them alive. */
  #letGo(inhabited: ReadonlySet<number>): void {
    for (const netns of this.#listeners.keys()) {
      if (netns !== this.#entry.own && !inhabited.has(netns)) this.#drop(netns);
    }
    this.#scans = (this.#scans + 1) % retryScans;
    for (const netns of this.#refused.keys()) {
      if (this.#scans === 0 || !inhabited.has(netns)) this.#refused.delete(netns);
    }
  }

  #drop(netns: number): void {
    this.#listeners.get(netns)?.close();
    if (this.#listeners.delete(netns)) this.#polled = null;
  }

  /** By way of any process in each of them. One that none is found in is tried again later. */
  async #enter(wanted: Set<number>): Promise<void> {
    const pids = readPids(this.#procRoot);
    const slice = new TimeSlice();
    for (const [i, pid] of isUnread(pids) ? [] : pids.entries()) {
      if (wanted.size === 0) return;
      if (i % processesPerLook === 0 && slice.isUsedUp()) await slice.rest();
      const path = processPath(this.#procRoot, pid);
      const netns = readNetnsInode(path);
      if (isUnread(netns) || !wanted.has(netns) || !this.#listen(netns, path)) continue;
      wanted.delete(netns);
    }
    for (const netns of wanted) this.#refused.set(netns, 'none of its processes is to be seen');
  }

  /** False when the process went elsewhere. */
  #listen(netns: number, path: string): boolean {
    if (this.#listeners.size >= namespacesMax) {
      this.#refused.set(netns, `${namespacesMax} namespaces are the most that are listened in`);
      return true;
    }
    try {
      const listener = this.#entry.within(`${path}/ns/net`, netns, () => this.#open(netns));
      if (listener === null) return false;
      this.#listeners.set(netns, listener);
      this.#polled = null;
    } catch (error) {
      if (isAbsent(error)) return false;
      this.#refused.set(netns, reasonOf(error));
    }
    return true;
  }
}

/** It was destroyed a moment ago: when its connection ended is not told, and may be earlier where a process kept it open. */
function eventOf(destroyed: DestroyedSocket, netns: number, nowMs: number): ConnectionEvent {
  const { local, remote, silentMs, wasEstablished, counters } = destroyed;
  return {
    kind: 'closed',
    atMs: nowMs,
    openedAtMs: null,
    aliveAtMs: silentMs === null ? 0 : nowMs - silentMs,
    local,
    remote,
    netns,
    // The kernel has forgotten whose it was.
    uid: 0,
    before: wasEstablished ? 'established' : 'syn-sent',
    holder: null,
    isInherited: false,
    counters,
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof NetlinkError || error instanceof LibcError) return error.message;
  return `cannot enter network namespaces: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
}

/** The process is gone. */
function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
