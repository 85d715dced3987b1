/**
 * The connection tracking of each network namespace, over one socket each, which is opened when a socket of the namespace
 * is to be looked up and kept for as long as a process is there.
 */

import type { BoundedTable } from '../bounded-table.ts';
import { ConntrackMessageError, netlinkNetfilter } from '../netlink/conntrack-message.ts';
import type { ConntrackQuestion } from '../netlink/conntrack-question.ts';
import {
  type ConntrackAnswer,
  type ConntrackExchange,
  ConntrackRefusedError,
  ConntrackSocket,
} from '../netlink/conntrack-socket.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { NetlinkSocket } from '../netlink/netlink-socket.ts';
import { type NetnsEntry, NetnsRefusedError } from '../netlink/netns-entry.ts';
import { readConntrackCount } from '../procfs/nf-conntrack-count.ts';
import { isUnread, processPath, unreadIfAbsent } from '../procfs/proc-file.ts';

/** How many namespaces have a socket, which is a descriptor each; the tables of further ones are not asked. */
export const tablesMax = 1024;

interface OpenTable {
  readonly socket: ConntrackSocket;
  /** Entries, as of the round in which it was asked last. */
  entries: number;
  countedInRound: number;
}

export class ConntrackTables {
  readonly #exchange: ConntrackExchange;
  readonly #entry: NetnsEntry;
  readonly #procRoot: string;
  readonly #open = new Map<number, OpenTable>();
  #round = 0;
  #ownCount: { readonly round: number; readonly entries: number } | null = null;
  /** Why the agent may not ask at all: name of an errno; null = it may, as far as was tried. */
  refusal: string | null = null;
  /** Why other namespaces may not be entered; null = they may, as far as was tried. */
  entryRefusal: string | null = null;
  #refusedTotal = 0;

  constructor(exchange: ConntrackExchange, entry: NetnsEntry, procRoot: string) {
    this.#exchange = exchange;
    this.#entry = entry;
    this.#procRoot = procRoot;
  }

  /** Inode of the agent's own namespace. */
  get own(): number {
    return this.#entry.own;
  }

  get table(): BoundedTable {
    const { size } = this.#open;
    return { name: 'conntrack_namespaces', size, limit: tablesMax, refusedTotal: this.#refusedTotal };
  }

  /** Counts are taken anew from now on. */
  begin(): void {
    this.#round++;
  }

  /** Lets go of namespaces in which no process is. */
  keep(inhabited: ReadonlySet<number>): void {
    for (const [netns, { socket }] of this.#open) {
      if (inhabited.has(netns)) continue;
      socket.close();
      this.#open.delete(netns);
    }
  }

  /**
   * Whether anything is tracked in a namespace. Opens its table if so.
   *
   * @param pid of a process in it; null = none is known
   */
  isTracking(netns: number, pid: number | null): boolean {
    if (this.refusal !== null) return false;
    // Anybody may read the count of the own namespace, so nobody is told of a refusal where nothing is tracked.
    if (netns === this.own && this.#ownEntries() === 0) return false;
    const table = this.#open.get(netns) ?? this.#openFor(netns, pid);
    if (table === null) return false;
    if (table.countedInRound !== this.#round) {
      table.entries = this.#tried(netns, table, 0, () => table.socket.count());
      table.countedInRound = this.#round;
    }
    return table.entries > 0;
  }

  /** How many entries a namespace has that isTracking, as of when that was asked. */
  entriesOf(netns: number): number {
    return this.#open.get(netns)?.entries ?? 0;
  }

  /**
   * A socket to the table of a namespace, for calls on another thread; whoever asks closes it. Null where it is not to be
   * had.
   *
   * @param pid of a process in it; null = none is known
   */
  openAside(netns: number, pid: number | null): NetlinkSocket | null {
    return this.#openIn(netns, pid, () => NetlinkSocket.open(this.#exchange.calls, netlinkNetfilter));
  }

  /** Of a namespace that isTracking. At most questionsMax of them; all `unanswered` when the table is not to be had. */
  ask(netns: number, questions: readonly ConntrackQuestion[]): ConntrackAnswer[] {
    const unanswered = questions.map((): ConntrackAnswer => 'unanswered');
    const table = this.#open.get(netns);
    return table === undefined
      ? unanswered
      : this.#tried(netns, table, unanswered, () => table.socket.ask(questions));
  }

  /** Idempotent. */
  close(): void {
    for (const { socket } of this.#open.values()) socket.close();
    this.#open.clear();
    this.#entry.close();
  }

  #ownEntries(): number {
    if (this.#ownCount?.round !== this.#round) {
      this.#ownCount = { round: this.#round, entries: readConntrackCount(this.#procRoot) ?? 0 };
    }
    return this.#ownCount.entries;
  }

  #openFor(netns: number, pid: number | null): OpenTable | null {
    if (pid === null && netns !== this.own) return null;
    if (this.#open.size >= tablesMax) {
      this.#refusedTotal++;
      return null;
    }
    const socket = this.#openIn(netns, pid, () => ConntrackSocket.open(this.#exchange));
    if (socket === null) return null;
    const table = { socket, entries: 0, countedInRound: 0 };
    this.#open.set(netns, table);
    return table;
  }

  /** What `open` returns when it runs in that namespace. */
  #openIn<T>(netns: number, pid: number | null, open: () => T): T | null {
    if (pid === null && netns !== this.own) return null;
    try {
      if (netns === this.own) return open();
      const path = `${processPath(this.#procRoot, pid!)}/ns/net`;
      const opened = unreadIfAbsent(() => this.#entry.within(path, netns, open));
      return isUnread(opened) ? null : opened;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      if (error instanceof NetnsRefusedError) this.entryRefusal = error.reason;
      else if (netns === this.own) this.refusal = error.message;
      return null;
    }
  }

  /** A socket that failed may have answers left in its queue, so it is not used again. */
  #tried<T>(netns: number, { socket }: OpenTable, otherwise: T, ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      if (!(error instanceof NetlinkError || error instanceof ConntrackMessageError)) throw error;
      if (error instanceof ConntrackRefusedError && netns === this.own) this.refusal = error.reason;
      socket.close();
      this.#open.delete(netns);
      return otherwise;
    }
  }
}
