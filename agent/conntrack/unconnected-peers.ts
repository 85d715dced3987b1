/**
 * Looks at the conntrack tables of this host for the peers of UDP sockets that are connected to none.
 *
 * A look is a dump, which walks the kernel's whole hash table: 10 to 50 ms on another thread, so that tables take turns and
 * looks take a fixed share of the time. Nearly nothing is missed by that, as a UDP entry lives for half a minute at least.
 * The host's table knows the sockets of containers too; where a container tracks by itself, its own table goes before.
 */
import type { IpAddress } from '../../model/ip.ts';
import { isLoopback } from '../../model/ip.ts';
import type { Netns } from '../../model/netns.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import { isListening } from '../../model/socket-state.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { dumpDatagrams } from '../netlink/conntrack-dump.ts';
import type { ConntrackExchange } from '../netlink/conntrack-socket.ts';
import { inSlices, type TimeSlice } from '../procfs/time-slice.ts';
import type { ConntrackTables } from './conntrack-tables.ts';
import { DatagramPeers, type NamespaceOf, peersMax, type TableLook } from './datagram-peers.ts';
import type { DatagramSockets } from './datagram-sockets.ts';

/** Peers have numbers far above those of sockets and below those of flows. */
export const firstPeerId = 2 ** 51;

/** A look is made in every eighth scan at most, and rested after it 200 times as long as one takes. */
const scansPerLook = 8;
const restPerLook = 200;

/** One table that is looked at. */
interface LookedAt {
  readonly peers: DatagramPeers;
  lookedAtMs: number;
}

interface Look {
  readonly netns: number;
  /** null while it is under way. */
  result: TableLook | 'failed' | null;
}

export class UnconnectedPeers {
  readonly #exchange: ConntrackExchange;
  readonly #tables: ConntrackTables;
  readonly #sockets: DatagramSockets;
  readonly #lookedAt = new Map<number, LookedAt>();
  #look: Look | null = null;
  #scans = 0;
  #restUntilMs = 0;
  /** How long a look takes, at first guessed. One that had to wait for the machine counts for little. */
  #lookMs = 10;
  #nextId = firstPeerId;
  #refusedBefore = 0;
  /** Dumps that failed. */
  failedLooksTotal = 0;
  /** Peers told. */
  foundTotal = 0;
  /** Nothing is tracked in the agent's own namespace, although it has such sockets. */
  isUntracked = false;

  constructor(exchange: ConntrackExchange, tables: ConntrackTables, sockets: DatagramSockets) {
    this.#exchange = exchange;
    this.#tables = tables;
    this.#sockets = sockets;
  }

  /** All namespaces together; the limit is that of each. */
  get table(): BoundedTable {
    const tables = [...this.#lookedAt.values()].map(({ peers }) => peers.table);
    const refused = tables.reduce((sum, { refusedTotal }) => sum + refusedTotal, this.#refusedBefore);
    return {
      name: 'datagram_peers',
      size: Math.max(0, ...tables.map(({ size }) => size)),
      limit: peersMax,
      refusedTotal: refused,
    };
  }

  /** Whether some table has more peers than are told. */
  get isCrowded(): boolean {
    return [...this.#lookedAt.values()].some(({ peers }) => peers.isCrowded);
  }

  /**
   * What became different since the last round. `sockets` have noted the events; tables have begun their round.
   *
   * @param nowMs of a clock that never steps
   */
  async find(
    events: readonly SocketEvent[],
    netns: readonly Netns[],
    nowMs: number,
    unixMs: number,
    slice: TimeSlice,
  ): Promise<SocketFinding[]> {
    const findings = [...this.#endClosed(events), ...this.#letGo(netns, unixMs)];
    const look = this.#look;
    if (look?.result != null) {
      this.#look = null;
      if (look.result === 'failed') this.failedLooksTotal++;
      else {
        this.#lookMs = Math.min(look.result.finishedMs - look.result.startedMs, this.#lookMs * 1.5);
        this.#restUntilMs = nowMs + restPerLook * this.#lookMs;
        findings.push(...(await this.#apply(look.netns, look.result, netns, slice)));
      }
    }
    this.#scans++;
    if (this.#look === null && this.#scans >= scansPerLook && nowMs >= this.#restUntilMs) this.#begin(nowMs);
    for (const { kind } of findings) if (kind === 'peer-opened') this.foundTotal++;
    return findings;
  }

  #endClosed(events: readonly SocketEvent[]): SocketFinding[] {
    const closed = new Map<number, number>();
    for (const event of events) {
      if (event.kind !== 'closed' || event.socket.protocol !== 'udp' || !isListening(event.socket.state))
        continue;
      closed.set(event.id, event.closedAtMs);
    }
    if (closed.size === 0) return [];
    return [...this.#lookedAt.values()].flatMap(({ peers }) => peers.socketsClosed(closed));
  }

  /** Forgets the tables of namespaces that no process is in. */
  #letGo(netns: readonly Netns[], unixMs: number): SocketFinding[] {
    const inhabited = new Set(netns.map(({ inode }) => inode)).add(this.#tables.own);
    const findings: SocketFinding[] = [];
    for (const [inode, { peers }] of this.#lookedAt) {
      if (inhabited.has(inode)) continue;
      findings.push(...peers.clear(unixMs));
      this.#refusedBefore += peers.table.refusedTotal;
      this.#lookedAt.delete(inode);
    }
    return findings;
  }

  async #apply(
    inode: number,
    look: TableLook,
    netns: readonly Netns[],
    slice: TimeSlice,
  ): Promise<SocketFinding[]> {
    const lookedAt = this.#lookedAt.get(inode);
    if (lookedAt === undefined) return [];
    const own = this.#tables.own;
    const within = netns.filter(
      (each) => each.inode === inode || (inode === own && !this.#tracks(each.inode)),
    );
    return inSlices(lookedAt.peers.applying(look, namespaceIn(inode, within)), slice);
  }

  /** Looks at the table that has waited for it longest. */
  #begin(nowMs: number): void {
    const { own } = this.#tables;
    const candidates = [own, ...this.#sockets.namespaces()].filter((inode, i) => i === 0 || inode !== own);
    const tracked = candidates.filter((inode) => this.#tracks(inode));
    this.isUntracked = this.#sockets.hasUnconnected(own) && tracked[0] !== own;
    this.#sockets.forgetClosed(this.#oldestLookMs(nowMs));
    const waited = (inode: number): number => this.#lookedAt.get(inode)?.lookedAtMs ?? 0;
    const [next] = tracked.toSorted((a, b) => waited(a) - waited(b));
    this.#scans = 0;
    if (next === undefined) return;
    const socket = this.#tables.openAside(next, this.#sockets.pidIn(next));
    if (socket === null) return;
    const nextId = (): number => this.#nextId++;
    const lookedAt = this.#lookedAt.get(next) ?? {
      peers: new DatagramPeers(next, this.#sockets, nextId),
      lookedAtMs: nowMs,
    };
    lookedAt.lookedAtMs = nowMs;
    this.#lookedAt.set(next, lookedAt);
    const look: Look = { netns: next, result: null };
    this.#look = look;
    const startedMs = performance.now();
    void dumpDatagrams(this.#exchange, socket, this.#tables.entriesOf(next)).then(
      (dump) => {
        const finished = { finishedMs: performance.now(), finishedAtMs: Date.now() };
        look.result = { ...dump, startedMs, ...finished };
      },
      () => {
        look.result = 'failed';
      },
    );
  }

  #tracks(inode: number): boolean {
    return this.#tables.isTracking(inode, this.#sockets.pidIn(inode));
  }

  /** Closings of before it say nothing any more. */
  #oldestLookMs(nowMs: number): number {
    return Math.min(nowMs, ...Array.from(this.#lookedAt.values(), ({ lookedAtMs }) => lookedAtMs));
  }
}

/** Loopback is of the table's own namespace, and so is what several have. */
function namespaceIn(inode: number, within: readonly Netns[]): NamespaceOf {
  const holders = new Map<IpAddress, number | null>();
  for (const netns of within) {
    for (const { ip } of netns.addresses) {
      const known = holders.get(ip);
      const isOwn = netns.inode === inode || known === inode;
      holders.set(ip, known === undefined || netns.inode === known ? netns.inode : isOwn ? inode : null);
    }
  }
  return (ip) => (isLoopback(ip) ? inode : (holders.get(ip) ?? null));
}
