/**
 * The interfaces of many network namespaces: one route socket inside each, which reads them and hears when they change.
 * A scan in which nothing changed anywhere is one system call.
 */
import { closeSync, openSync } from 'node:fs';
import type { Libc } from '../libc.ts';
import { denied, isUnread, unreadIfAbsent } from '../procfs/proc-file.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { InterfaceReader, type Interfaces } from './interfaces.ts';
import { NetlinkError } from './netlink-error.ts';
import { receiveBuffer } from './netlink-socket.ts';
import { NetnsEntry } from './netns-entry.ts';
import { type Inhabited, nobodyKnown, PeerNamespaces } from './peer-namespaces.ts';
import { ReadablePoll } from './readable.ts';

/** How many namespaces have a socket, which is a descriptor each. */
export const watchedNetnsMax = 4096;

/** The next reading waits for this many times as long as the last one took, however much changes meanwhile. */
export const pauseAfterReading = 20;

interface Watched {
  readonly reader: InterfaceReader;
  /** Where its bridges lead. */
  readonly peers: PeerNamespaces;
  /** What was read last may not be how it is. */
  hasNews: boolean;
  /** Not read again before; monotonic clock. */
  restsUntilMs: number;
}

export class InterfaceWatch {
  readonly #libc: Libc;
  readonly #entry: NetnsEntry;
  readonly #watched = new Map<number, Watched>();
  readonly #poll: ReadablePoll;
  /** What the poll is about; null when that is to be told anew. */
  #polled: readonly Watched[] | null = null;
  #inhabited: Inhabited = nobodyKnown;
  /** All sockets are read one after the other. */
  readonly #bytes = receiveBuffer();
  readonly #watchedMax: number;
  /** Readings, and namespaces that found no room, since the start. */
  readingsTotal = 0;
  refusedTotal = 0;

  /** Throws Node's own error where the agent has no /proc. */
  constructor(libc: Libc, watchedMax: number = watchedNetnsMax) {
    this.#libc = libc;
    this.#entry = NetnsEntry.open(libc);
    this.#poll = new ReadablePoll(libc);
    this.#watchedMax = watchedMax;
  }

  /** Namespaces that have a socket. */
  get size(): number {
    return this.#watched.size;
  }

  /** Hears what changed since the last time. @param inhabited who is there now */
  listen(inhabited: Inhabited = nobodyKnown): void {
    const before = this.#inhabited.namespaces;
    this.#inhabited = inhabited;
    const isSomebodyNew = [...inhabited.namespaces.keys()].some((netns) => !before.has(netns));
    if (this.#polled === null) {
      this.#polled = [...this.#watched.values()];
      this.#poll.watch(this.#polled.map(({ reader }) => reader.fd));
    }
    for (const index of this.#poll.readable()) hear(this.#polled[index]!);
    if (isSomebodyNew) for (const one of this.#polled) if (one.peers.hasUnknown) one.hasNews = true;
  }

  /** Whether the namespace has a socket that tells of changes. */
  isHearing(netns: number): boolean {
    return this.#watched.get(netns)?.reader.isHearing ?? false;
  }

  /** Whether it is time to read the namespace again. @param nowMs monotonic clock */
  hasNews(netns: number, nowMs: number): boolean {
    const watched = this.#watched.get(netns);
    if (watched === undefined || nowMs < watched.restsUntilMs) return false;
    return watched.hasNews || nowMs >= watched.peers.changesAtMs;
  }

  /**
   * Opens a socket in the namespace unless there is one. False when the process went elsewhere. Throws NetnsRefusedError
   * where the agent may not go, NetlinkError where there is no room or sockets are not to be had, and Node's own error
   * where `path` is not there.
   *
   * @param path `/proc/PID/ns/net` of a process in the namespace
   */
  open(netns: number, path: string): boolean {
    if (this.#watched.has(netns)) return true;
    if (this.#watched.size >= this.#watchedMax) {
      this.refusedTotal++;
      throw new NetlinkError('watch interfaces', `of more than ${this.#watchedMax} network namespaces`);
    }
    const reader = this.within(netns, path, () => InterfaceReader.open(this.#libc, this.#bytes));
    if (reader === null) return false;
    const peers = new PeerNamespaces(netns === this.#entry.own ? null : this.#entry.own);
    this.#watched.set(netns, { reader, peers, hasNews: false, restsUntilMs: 0 });
    this.#polled = null;
    return true;
  }

  /** What `work` returns inside the namespace; null when the process went elsewhere. Throws as open does. */
  within<T>(netns: number, path: string, work: () => T): T | null {
    if (netns === this.#entry.own) return work();
    return this.#entry.within(path, netns, work);
  }

  /** Of a namespace that was opened. Throws NetlinkError, and the namespace is to be opened again then. */
  async read(netns: number, slice: TimeSlice): Promise<Interfaces> {
    const watched = this.#watched.get(netns)!;
    const startedAtMs = performance.now();
    try {
      const interfaces = await watched.reader.read(slice, (ids) => this.#peersOf(watched, ids));
      // What came between two messages of a dump is not left in the queue.
      watched.hasNews = watched.reader.takeNews();
      return interfaces;
    } catch (error) {
      this.drop(netns);
      throw error;
    } finally {
      this.readingsTotal++;
      const endedAtMs = performance.now();
      watched.restsUntilMs = endedAtMs + (endedAtMs - startedAtMs) * pauseAfterReading;
    }
  }

  #peersOf({ reader, peers }: Watched, ids: ReadonlySet<number>): (id: number) => boolean {
    peers.look(ids, this.#inhabited, (path) => askNetnsId(reader, path), performance.now());
    return (id) => peers.leadsAway(id);
  }

  /** Lets go of a namespace, which its socket keeps alive. */
  drop(netns: number): void {
    this.#watched.get(netns)?.reader.close();
    if (this.#watched.delete(netns)) this.#polled = null;
  }

  /** Idempotent. */
  close(): void {
    for (const netns of this.#watched.keys()) this.drop(netns);
    this.#entry.close();
  }
}

/** @param path folder of a process in the other namespace */
function askNetnsId(reader: InterfaceReader, path: string): number | null | 'denied' {
  const id = unreadIfAbsent(() => {
    const fd = openSync(`${path}/ns/net`, 'r');
    try {
      return reader.netnsId(fd);
    } finally {
      closeSync(fd);
    }
  });
  if (id === denied) return 'denied';
  return isUnread(id) ? null : id;
}

function hear(watched: Watched): void {
  try {
    if (watched.reader.takeNews()) watched.hasNews = true;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    // The next reading fails too, and its socket is replaced.
    watched.hasNews = true;
  }
}
