/**
 * The connections that are plain, in the core (docs/engine.md): TCP, both ends told by hosts, owned, not translated, alone
 * under their key. Whatever is more than that leaves, and is a matter of objects from then on.
 *
 * A lone half waits here for the time of grace. What is told of it meanwhile, but for its closing and its counters, makes it
 * leave before that is heard, so nothing is decided here for want of the other end.
 */
import type { SocketState } from '../../model/socket-state.ts';
import { Addresses } from '../core/addresses.ts';
import { outcomes } from '../core/block.ts';
import { ConnectionCore } from '../core/connection-core.ts';
import { facts, factsWord, holderWord, rowShift, turned } from '../core/connection-row.ts';
import { EdgeCounts } from '../core/edge-counts.ts';
import { never, tickAfter, tickBefore, tickMs } from '../core/ticks.ts';
import { Names } from '../graph/names.ts';
import { NumberedEdges } from '../graph/numbered-edges.ts';
import type { ConnectionIds } from './connection-ids.ts';
import type { MatchCounts } from './match-counts.ts';
import { PlainConclusions } from './plain-conclusions.ts';
import { countBytes, type EdgeParts, touchEdge } from './plain-edges.ts';
import { evidenceFor, isPlain, isUntranslated } from './plain-half.ts';
import { networksOf, PlainHosts } from './plain-hosts.ts';
import { PlainKeys } from './plain-keys.ts';
import { PlainListeners } from './plain-listeners.ts';
import type { PlainLimits, PlainObserver, TakeLeft } from './plain-observer.ts';
import { type PlainRow, readConnection } from './plain-reading.ts';
import { PlainRows } from './plain-rows.ts';
import { PlainSlots } from './plain-slots.ts';
import { PlainTuple } from './plain-tuples.ts';
import type { Differences } from './portrait.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';

/** Of the limit of connections: what else has a number, at most. What finds no place is kept as objects. */
const shares = { addresses: 1 / 16, listening: 1 / 16, holders: 1 / 4, edges: 1 / 16 } as const;

const trackedMask = facts.trackedA | facts.trackedB;

export class PlainConnections {
  readonly #core: ConnectionCore;
  readonly #hosts: PlainHosts;
  readonly #slots: PlainSlots;
  readonly #listeners: PlainListeners;
  readonly #tuple: PlainTuple;
  readonly #takeLeft: TakeLeft;
  readonly #originMs: number;
  readonly #lingerMs: number;
  readonly rows: PlainRows;
  readonly keys: PlainKeys;
  readonly #parts: EdgeParts;
  readonly #conclusions: PlainConclusions;
  readonly #left: PlainRow[] = [];
  #isLettingGo = false;
  #nowMs = 0;

  /** @param originMs about now. @param matches where what is placed counts as matched */
  constructor(
    observer: PlainObserver,
    ids: ConnectionIds,
    limits: PlainLimits,
    originMs: number,
    matches: MatchCounts,
    takeLeft: TakeLeft,
  ) {
    const seed = Math.floor(Math.random() * 2 ** 32) | 0;
    const { plainMax } = limits;
    const addresses = new Addresses(seed, plainMax * shares.addresses);
    const names = new Names();
    this.#takeLeft = takeLeft;
    this.#originMs = originMs;
    this.#lingerMs = limits.lingerMs;
    this.#tuple = new PlainTuple(addresses);
    this.#hosts = new PlainHosts(plainMax * shares.holders, names, (socket) => observer.labelOf(socket));
    this.#listeners = new PlainListeners(plainMax * shares.listening, seed, this.#hosts, this.#tuple);
    const keeper = new NumberedEdges(observer.edgeTable, names, (scope) => this.#hosts.spaceOf(scope)!.realm);
    const edges = new EdgeCounts(seed, keeper, plainMax * shares.edges);
    this.#core = new ConnectionCore({
      limits: {
        rowsMax: limits.plainMax,
        graceTicks: limits.graceMs / tickMs,
        lingerTicks: limits.lingerMs / tickMs,
      },
      seed,
      holders: this.#hosts.holders,
      listening: this.#listeners.listening,
      edges,
      addresses,
      elsewhere: {
        left: (row, words) => this.#noteLeft(row, words),
        forgotten: (row) => this.#conclusions.countMatch(row, facts.over, -1),
        freed: (row) => this.#noteFreed(row),
      },
    });
    this.rows = new PlainRows(limits.plainMax, this.#core.rows, ids, this.#hosts);
    this.#slots = new PlainSlots(this.#core, this.#hosts);
    this.keys = new PlainKeys(this.#core, this.#hosts, this.#tuple, () => this.#letGo());
    this.#parts = { core: this.#core.rows, rows: this.rows, edges };
    const { begun } = keeper;
    this.#conclusions = new PlainConclusions(this.#parts, this.#listeners, begun, matches, observer);
  }

  // --- what hosts tell; each returns whether it was about a connection of the core ---

  opened(socket: ReportedSocket, nowMs: number): boolean {
    this.#nowMs = nowMs;
    if (this.keys.isBlind || !isPlain(socket)) return false;
    const netns = this.#hosts.netnsOf(socket);
    const { host } = netns;
    const scope = this.#hosts.scopeOf(netns, socket.local.ip, socket.remote.ip);
    if (!this.#tuple.fill(socket, scope)) return false;
    const holder = this.#hosts.retain(netns, socket);
    if (holder < 0) {
      this.#tuple.release();
      return false;
    }
    const slot = host.takeSlot();
    const { columns } = this.#tuple;
    columns.slot[0] = slot;
    columns.holder[0] = holder;
    columns.opened[0] = tickAfter(socket.openedAtMs, this.#originMs);
    columns.bornAfter[0] = socket.notBeforeMs === 0 ? never : tickBefore(socket.notBeforeMs, this.#originMs);
    columns.evidence[0] = evidenceFor(socket);
    this.#core.open(columns, 0, 1, host.slots, this.#tick(nowMs));
    this.#tuple.release();
    const outcome = this.#core.outcomeOf(0);
    const row = this.#core.rowOf(0);
    this.#letGo();
    if (outcome !== outcomes.lone && outcome !== outcomes.joined) {
      if (outcome === outcomes.elsewhere) this.#slots.closeSlot(host.slots, slot, 0);
      host.freeSlot(slot);
      this.#hosts.release(holder);
      return false;
    }
    socket.token = slot + 1;
    this.rows.setSocket(host.slots.get(slot), socket);
    if (outcome === outcomes.lone) this.rows.begin(row, nowMs);
    this.rows.settle(row, (this.#factsOf(row) & facts.over) !== 0, nowMs);
    if (outcome === outcomes.joined) this.#conclusions.placed(row, nowMs);
    return true;
  }

  /** Its state, inode or owners. */
  changed(socket: ReportedSocket, previousState: SocketState, nowMs: number): boolean {
    const isHeard = this.#learned(socket, nowMs);
    if (isHeard !== null) return isHeard;
    // It leaves as it was: how long it was so is for others to tell.
    const { state } = socket;
    socket.state = previousState;
    this.leave(socket, nowMs);
    socket.state = state;
    return false;
  }

  translated(socket: ReportedSocket, nowMs: number): boolean {
    this.#nowMs = nowMs;
    const row = this.#slots.rowOf(socket);
    if (row < 0) return false;
    const told = this.#turnedFor(socket, evidenceFor(socket));
    const known = this.#factsOf(row) & trackedMask;
    // What was known of it may have been this half's own, of which nothing stays then.
    const isOther = known !== 0 && (told & trackedMask & ~known) !== 0;
    const isHeard = !isOther && isUntranslated(socket) ? this.#learned(socket, nowMs) : null;
    if (isHeard !== null) return isHeard;
    this.leave(socket, nowMs);
    return false;
  }

  counted(socket: ReportedSocket): boolean {
    const row = this.#slots.rowOf(socket);
    if (row < 0) return false;
    if ((this.#factsOf(row) & facts.placed) !== 0) countBytes(this.#parts, row);
    return true;
  }

  closed(socket: ReportedSocket, nowMs: number): boolean {
    const row = this.#slots.rowOf(socket);
    if (row < 0) return false;
    const before = this.#factsOf(row);
    if (!this.rows.mayBeOfOneBirth(row)) {
      this.leave(socket, nowMs);
      return false;
    }
    this.#slots.close(socket, tickAfter(socket.closedAtMs!, this.#originMs));
    if ((before & facts.forgotten) === 0) this.#conclusions.settled(row, before, nowMs);
    return true;
  }

  /** Makes the connection of a socket leave, if it is here. */
  leave(socket: ReportedSocket, nowMs: number): void {
    const row = this.#slots.rowOf(socket);
    if (row < 0) return;
    this.#nowMs = nowMs;
    this.#leaveRow(row, socket);
    this.#letGo();
  }

  /** What a change of a host concerns leaves. */
  hostChanged(host: ReportingHost, { name, scope, netns }: Differences, nowMs: number): void {
    if (name || scope || netns.size > 0) {
      const isConcerned = (socket: ReportedSocket): boolean =>
        name || netns.has(socket.netns) || this.#hasMoved(socket);
      this.#leaveHost(host, nowMs, isConcerned);
      this.#hosts.refresh(host);
    }
    this.#hosts.prune(host, nowMs);
  }

  /** Everything of a host leaves. `drop` is to follow. */
  hostLost(host: ReportingHost, nowMs: number): void {
    this.#leaveHost(host, nowMs, () => true);
  }

  /** A host is lost, and none of its sockets is reported any more. */
  drop(host: ReportingHost, nowMs: number): void {
    this.#hosts.drop(host, nowMs);
  }

  listenerOpened(socket: ReportedSocket, nowMs: number): void {
    for (const row of this.#listeners.add(socket)) {
      const before = this.#factsOf(row);
      // One born after the connection ended says nothing about it: its port was another's before.
      const closedAtMs = this.rows.closedAtMs(row);
      if (closedAtMs !== null && socket.notBeforeMs >= closedAtMs) continue;
      this.#core.listenAnew(row);
      this.#conclusions.placedAnew(row, before, nowMs);
    }
  }

  listenerClosed(socket: ReportedSocket): void {
    this.#listeners.remove(socket);
  }

  // --- time, and answers ---

  /** @param lingerMax connections that linger here at most */
  sweep(nowMs: number, lingerMax: number): void {
    this.#nowMs = nowMs;
    for (let isMore = true; isMore; ) {
      isMore = this.#core.sweep(this.#tick(nowMs), lingerMax);
      this.#letGo();
    }
    this.#hosts.expire(nowMs, this.#lingerMs);
  }

  /** Connections that are over and linger. */
  get lingering(): number {
    return this.#core.over;
  }

  get evicted(): number {
    return this.#core.evicted;
  }

  get sizes(): Readonly<Record<string, number>> {
    return { plain: this.#core.live, plainHolders: this.#hosts.size, plainListeners: this.#listeners.size };
  }

  /** Brings the edges up to when their open connections were seen last. */
  touchEdges(): void {
    for (const row of this.rows.all()) {
      if ((this.#factsOf(row) & facts.over) === 0) touchEdge(this.#parts, row);
    }
  }

  // --- how ---

  /** Makes everything of a host leave that `concerns` finds. */
  #leaveHost(host: ReportingHost, nowMs: number, concerns: (socket: ReportedSocket) => boolean): void {
    this.#nowMs = nowMs;
    const plain = this.#hosts.known(host);
    if (plain === undefined) return;
    for (const slot of plain.slots.slots()) {
      const half = plain.slots.get(slot);
      const socket = this.rows.socketOf(half);
      if (socket !== undefined && concerns(socket)) this.#leaveRow(half >> 1, socket);
    }
    this.#letGo();
  }

  /** Whether a socket is in another address space than the core has it in, since its host changed. */
  #hasMoved(socket: ReportedSocket): boolean {
    const netns = this.#hosts.netnsOf(socket);
    const scope = this.#hosts.scopeOf(netns, socket.local.ip, socket.remote.ip, networksOf(socket.host));
    const known = this.#core.rows.words[(this.#slots.rowOf(socket) << rowShift) + 3]! >> 1;
    return scope !== known || this.#hosts.spaceOf(netns.scope)!.realm !== socket.host.realm;
  }

  #tick(nowMs: number): number {
    return tickBefore(nowMs, this.#originMs);
  }

  #factsOf(row: number): number {
    return this.#core.rows.words[(row << rowShift) + factsWord]!;
  }

  #turnedFor(socket: ReportedSocket, evidence: number): number {
    return (this.#slots.halfOf(socket) & 1) === 0 ? evidence : turned(evidence);
  }

  /** @returns whether it was about a connection of the core; null where that is to leave */
  #learned(socket: ReportedSocket, nowMs: number): boolean | null {
    const row = this.#slots.rowOf(socket);
    if (row < 0) return false;
    const before = this.#factsOf(row);
    if ((before & facts.forgotten) !== 0) return true;
    const end = this.#slots.halfOf(socket) & 1;
    const holder = this.#core.rows.words[(row << rowShift) + holderWord + end]! - 1;
    if ((before & facts.placed) === 0 || !this.#hosts.isCalled(holder, socket)) return null;
    this.#slots.learn(socket, evidenceFor(socket), this.#tick(nowMs));
    this.#conclusions.settled(row, before, nowMs);
    this.#conclusions.placedAnew(row, before, nowMs);
    return true;
  }

  #leaveRow(row: number, socket: ReportedSocket): void {
    if ((this.#factsOf(row) & facts.forgotten) === 0) this.#core.leave(row);
    else this.#slots.close(socket, 0);
  }

  #noteLeft(row: number, words: Int32Array): void {
    this.#left.push(this.rows.describe(row, words, 0));
    this.#cleanUp(row, words, 0);
  }

  #noteFreed(row: number): void {
    const first = row << rowShift;
    const { words } = this.#core.rows;
    if ((words[first + factsWord]! & facts.elsewhere) === 0) this.#cleanUp(row, words, first);
  }

  #cleanUp(row: number, words: Int32Array, first: number): void {
    const holders = [words[first + holderWord]! - 1, words[first + holderWord + 1]! - 1];
    this.#listeners.unfile(row, words, first);
    for (const holder of holders) if (holder >= 0) this.#hosts.release(holder);
    this.rows.clearSockets(row);
  }

  /** Hands on what has left, one after the other. Not in the midst of a block. */
  #letGo(): void {
    if (this.#isLettingGo) return;
    this.#isLettingGo = true;
    // What is taken may make more of them leave.
    for (const left of this.#left) {
      this.#takeLeft(readConnection(left), left, this.#nowMs);
      // Its keys are retained now: the slots need not keep them any more.
      for (const socket of left.sockets) if (socket !== undefined) this.#slots.close(socket, 0);
    }
    this.#left.length = 0;
    this.#isLettingGo = false;
  }
}
