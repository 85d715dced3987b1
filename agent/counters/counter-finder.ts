/**
 * Bytes, round trips and retransmits of TCP connections, by asking the kernel for single sockets in turn: what a scan
 * spends on it is bounded, whatever the number of connections. Those that rest are asked ever less often. A namespace is asked
 * through a socket that is opened inside.
 *
 *     events → Rotation: who is next → TcpInfoSocket per namespace → findings where a counter differs from the last
 */
import { type SocketCounters, sameCounters } from '../../model/socket-counters.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { FinderFigure, SocketFinder } from '../finder.ts';
import type { Libc } from '../libc.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { NetnsEntry } from '../netlink/netns-entry.ts';
import { questionsMax, TcpInfoSocket } from '../netlink/tcp-info-socket.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import { type Counted, Rotation } from './rotation.ts';

/** Sockets that are looked at after one scan: about 2 ms of CPU. All of 20,000 have their turn in 80 scans. */
export const socketsPerScan = 256;

/**
 * The longest for which a connection is not asked, however long nothing of it has changed. A figure is so at most 10 minutes
 * old, and at most twice as old as the connection had been still before; where more are due than socketsPerScan, their
 * turn comes on top.
 */
export const restMaxMs = 600_000;

/** Namespaces with a socket of their own, which is a descriptor each; connections in further ones are not counted. */
export const namespacesMax = 1024;

export interface CounterFinderOptions {
  readonly procRoot: string;
  readonly socketsPerScan?: number;
  /** Default restMaxMs. 0 = every connection is asked in turn: what its end brings is known from the last look alone. */
  readonly restMaxMs?: number;
  /** Milliseconds of a clock that never goes back; default performance.now. */
  readonly nowMs?: () => number;
}

/** After so many scans a namespace that could not be entered is tried again. */
const retryScans = 60;

/** Events between two looks at the clock. */
const eventsPerLook = 1_000;

export class CounterFinder implements SocketFinder {
  readonly figures: readonly FinderFigure[] = [
    {
      kind: 'counter',
      name: 'counter_look_ups',
      help: 'Questions for the counters of a connection.',
      read: () => this.#lookUps,
    },
  ];
  readonly #libc: Libc;
  readonly #entry: NetnsEntry;
  readonly #procRoot: string;
  readonly #perScan: number;
  readonly #nowMs: () => number;
  readonly #rotation: Rotation;
  readonly #sockets = new Map<number, TcpInfoSocket>();
  /** Why the connections of a namespace are not counted, by its inode. */
  readonly #refused = new Map<number, string>();
  #scans = 0;
  /** Namespaces that found no room, since the start. */
  #refusedTotal = 0;
  #lookUps = 0;

  /** Throws NetlinkError where there is no sock_diag, and Node's own error where the agent has no /proc. */
  constructor(libc: Libc, options: CounterFinderOptions) {
    this.#libc = libc;
    this.#procRoot = options.procRoot;
    this.#perScan = options.socketsPerScan ?? socketsPerScan;
    this.#nowMs = options.nowMs ?? performance.now.bind(performance);
    this.#rotation = new Rotation(options.restMaxMs ?? restMaxMs);
    this.#entry = NetnsEntry.open(libc);
    try {
      this.#sockets.set(this.#entry.own, TcpInfoSocket.open(libc));
    } catch (error) {
      this.#entry.close();
      throw error;
    }
  }

  get cannotSee(): readonly string[] {
    const [reason] = this.#refused.values();
    if (reason === undefined) return [];
    const { size } = this.#refused;
    const where = size === 1 ? 'one network namespace' : `${size} network namespaces`;
    return [`Bytes and round trips are not counted for the connections of ${where}: ${reason}.`];
  }

  get tables(): readonly BoundedTable[] {
    const { size } = this.#sockets;
    return [{ name: 'counted_namespaces', size, limit: namespacesMax, refusedTotal: this.#refusedTotal }];
  }

  async find(events: readonly SocketEvent[]): Promise<readonly SocketFinding[]> {
    const slice = new TimeSlice();
    for (const [i, event] of events.entries()) {
      if (i % eventsPerLook === 0 && slice.isUsedUp()) await slice.rest();
      this.#rotation.apply(event);
    }
    this.#letGo();
    const findings: SocketFinding[] = [];
    for (const [netns, due] of byNetns(this.#rotation.take(this.#perScan, this.#nowMs()))) {
      const socket = this.#socketOf(netns, due);
      for (let at = 0; socket !== null && at < due.length; at += questionsMax) {
        if (!this.#read(netns, socket, due.slice(at, at + questionsMax), findings)) break;
        if (slice.isUsedUp()) await slice.rest();
      }
    }
    return findings;
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
    this.#entry.close();
  }

  /** Of the namespaces in which nothing is to be counted any more: an open socket would keep them alive. */
  #letGo(): void {
    for (const [netns, socket] of this.#sockets) {
      if (netns === this.#entry.own || this.#rotation.hasNetns(netns)) continue;
      socket.close();
      this.#sockets.delete(netns);
    }
    this.#scans = (this.#scans + 1) % retryScans;
    for (const netns of this.#refused.keys()) {
      if (this.#scans === 0 || !this.#rotation.hasNetns(netns)) this.#refused.delete(netns);
    }
  }

  /** False when the kernel stopped answering in that namespace. */
  #read(netns: number, socket: TcpInfoSocket, due: readonly Counted[], findings: SocketFinding[]): boolean {
    try {
      this.#lookUps += due.length;
      const answers = socket.read(due.map((counted) => counted.socket));
      for (const [n, counted] of due.entries()) {
        const answer = answers[n]!;
        if (answer === null || answer.inode !== counted.socket.inode) continue;
        if (isSame(counted.counters, answer.counters)) continue;
        this.#rotation.count(counted.id, answer.counters);
        findings.push({ kind: 'counted', id: counted.id, counters: answer.counters });
      }
      return true;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      socket.close();
      this.#sockets.delete(netns);
      this.#refused.set(netns, error.message);
      return false;
    }
  }

  #socketOf(netns: number, due: readonly Counted[]): TcpInfoSocket | null {
    const known = this.#sockets.get(netns);
    if (known !== undefined || this.#refused.has(netns)) return known ?? null;
    if (this.#sockets.size >= namespacesMax) {
      this.#refusedTotal++;
      this.#refused.set(netns, `${namespacesMax} namespaces are the most that are asked`);
      return null;
    }
    const socket = this.#open(netns, due);
    if (socket !== null) this.#sockets.set(netns, socket);
    return socket;
  }

  /** By way of a process that holds a socket there; null when none of them is in that namespace itself. */
  #open(netns: number, due: readonly Counted[]): TcpInfoSocket | null {
    const pids = new Set(due.flatMap(({ socket }) => socket.owners.map(({ process }) => process.pid)));
    for (const pid of pids) {
      try {
        const path = `${this.#procRoot}/${pid}/ns/net`;
        const socket = this.#entry.within(path, netns, () => TcpInfoSocket.open(this.#libc));
        if (socket !== null) return socket;
      } catch (error) {
        if (isAbsent(error)) continue;
        this.#refused.set(netns, reasonOf(error));
        return null;
      }
    }
    return null;
  }
}

function byNetns(due: readonly Counted[]): Map<number, Counted[]> {
  const groups = new Map<number, Counted[]>();
  for (const counted of due) {
    const { netns } = counted.socket;
    const group = groups.get(netns);
    if (group === undefined) groups.set(netns, [counted]);
    else group.push(counted);
  }
  return groups;
}

function isSame(before: SocketCounters | null, now: SocketCounters): boolean {
  return before !== null && sameCounters(before, now);
}

function reasonOf(error: unknown): string {
  if (error instanceof NetlinkError) return error.message;
  return `cannot enter network namespaces: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
}

/** The process is gone. */
function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
