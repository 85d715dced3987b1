/**
 * The connections that are plain, in the core (docs/engine.md): TCP, both ends told by hosts, owned, not translated, alone
 * under their key. Whatever is more than that leaves, and is a matter of objects from then on.
 *
 * A lone half waits here for the time of grace. What is told of it meanwhile, but for its closing and its counters, makes it
 * leave before that is heard, so nothing is decided here for want of the other end.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import type { SocketState } from '../../model/socket-state.ts';
import { Addresses } from '../core/addresses.ts';
import { ConnectionCore } from '../core/connection-core.ts';
import { facts, factsWord, holderWord, rowShift, turned } from '../core/connection-row.ts';
import { EdgeCounts } from '../core/edge-counts.ts';
import { tickAfter, tickBefore, tickMs } from '../core/ticks.ts';
import { Names } from '../graph/names.ts';
import { NumberedEdges } from '../graph/numbered-edges.ts';
import type { ConnectionIds } from './connection-ids.ts';
import { Lives } from './lives.ts';
import type { MatchCounts } from './match-counts.ts';
import { PlainConclusions } from './plain-conclusions.ts';
import { PlainCounting } from './plain-counting.ts';
import type { EdgeParts } from './plain-edges.ts';
import { evidenceFor, isPlain, isUntranslated } from './plain-half.ts';
import { PlainHosts } from './plain-hosts.ts';
import { KeptOfHost, restoreEnds } from './plain-kept.ts';
import { PlainKeys } from './plain-keys.ts';
import { PlainListeners } from './plain-listeners.ts';
import type { PlainLimits, PlainObserver, TakeLeft } from './plain-observer.ts';
import { PlainOpening } from './plain-opening.ts';
import type { KeptParts } from './plain-parts.ts';
import { type PlainRow, readConnection } from './plain-reading.ts';
import { PlainRows } from './plain-rows.ts';
import { PlainSlots } from './plain-slots.ts';
import { PlainTuple } from './plain-tuples.ts';
import { rowsWaitingAt } from './plain-waiting.ts';
import type { Differences } from './portrait.ts';
import type { KeptSockets, ReportedSocket, ReportingHost, TakeBack } from './report.ts';

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
  /** Of the halves here, and of all others. */
  readonly lives = new Lives();
  readonly #lingerMs: number;
  readonly rows: PlainRows;
  readonly keys: PlainKeys;
  readonly edgeParts: EdgeParts;
  readonly #conclusions: PlainConclusions;
  readonly #opening: PlainOpening;
  readonly #kept: KeptParts;
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
    const { plainMax, graceMs, lingerMs } = limits;
    const addresses = new Addresses(seed, plainMax * shares.addresses);
    const names = new Names();
    this.#takeLeft = takeLeft;
    this.#originMs = originMs;
    this.#lingerMs = lingerMs;
    this.#tuple = new PlainTuple(addresses);
    this.#hosts = new PlainHosts(plainMax * shares.holders, names, (...end) => observer.labelOf(...end));
    this.#listeners = new PlainListeners(plainMax * shares.listening, seed, this.#hosts, this.#tuple);
    const keeper = new NumberedEdges(observer.edgeTable, names, (scope) => this.#hosts.spaceOf(scope)!.realm);
    const edges = new EdgeCounts(seed, keeper, plainMax * shares.edges);
    this.#core = new ConnectionCore({
      limits: { rowsMax: plainMax, graceTicks: graceMs / tickMs, lingerTicks: lingerMs / tickMs },
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
    this.rows = new PlainRows(plainMax, this.#core.rows, ids, this.#hosts, addresses, this.lives);
    this.#slots = new PlainSlots(this.#core, this.#hosts);
    this.keys = new PlainKeys(this.#core, this.#hosts, this.#tuple, () => this.#letGo());
    this.edgeParts = { core: this.#core.rows, rows: this.rows, edges };
    const { begun } = keeper;
    this.#conclusions = new PlainConclusions(this.edgeParts, this.#listeners, begun, matches, observer);
    this.#kept = {
      hosts: this.#hosts,
      slots: this.#slots,
      lives: this.lives,
      originMs,
      edges: this.edgeParts,
      conclusions: this.#conclusions,
      counting: new PlainCounting(this.edgeParts),
    };
    const opening = { ...this.#kept, core: this.#core, tuple: this.#tuple, keys: this.keys };
    this.#opening = new PlainOpening(opening, (nowMs) => {
      this.#nowMs = nowMs;
      this.#letGo();
    });
  }

  // --- what hosts tell; each returns whether it was about a connection of the core ---

  opened(socket: ReportedSocket, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return !this.keys.isBlind && isPlain(socket) && this.#opening.open(socket, nowMs);
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
    const half = this.#slots.halfOf(socket);
    if (half < 0) return false;
    if (this.rows.sockets.count(half, socket.counters!)) this.#kept.counting.counted(half);
    return true;
  }

  closed(socket: ReportedSocket, nowMs: number): boolean {
    const half = this.#slots.halfOf(socket);
    if (half < 0) return false;
    const row = half >> 1;
    const before = this.#factsOf(row);
    this.rows.sockets.close(half, socket.closedAtMs!);
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

  /** Lone halves that wait here, and have an end at one of these, leave. */
  callIn(endpoints: readonly Endpoint[], nowMs: number): void {
    this.#nowMs = nowMs;
    for (const row of rowsWaitingAt(this.#core, this.#tuple, endpoints)) this.#core.leave(row);
    this.#letGo();
  }

  /** What a change of a host concerns leaves. */
  hostChanged(host: ReportingHost, { name, scope, netns }: Differences, nowMs: number): void {
    if (this.#hosts.takeAddresses(host) || name || scope || netns.size > 0) {
      const scopeIn = (row: number): number => this.#core.rows.words[(row << rowShift) + 3]! >> 1;
      const isConcerned = (socket: ReportedSocket, row: number): boolean =>
        name || netns.has(socket.netns) || this.#hosts.hasMoved(socket, scopeIn(row));
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

  /** The sockets of a host that are kept as columns. @param left takes those that are not kept any more */
  keptOf(host: ReportingHost, left: TakeBack): KeptSockets {
    return new KeptOfHost(this.#kept, this.#opening, host, left);
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
    return {
      plain: this.#core.live,
      plainHolders: this.#hosts.size,
      plainListeners: this.#listeners.size,
      plainOwners: this.rows.sockets.owners,
    };
  }

  // --- how ---

  /** Makes everything of a host leave that `concerns` finds. */
  #leaveHost(
    host: ReportingHost,
    nowMs: number,
    concerns: (socket: ReportedSocket, row: number) => boolean,
  ): void {
    this.#nowMs = nowMs;
    const plain = this.#hosts.known(host);
    if (plain === undefined) return;
    for (const slots of [plain.slots, plain.keptSlots]) {
      for (const slot of slots.slots()) {
        const half = slots.get(slot);
        const socket = this.rows.socketOf(half);
        if (socket !== undefined && concerns(socket, half >> 1)) this.#leaveRow(half >> 1, socket);
      }
    }
    this.#letGo();
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
    this.#opening.storeBegun(row);
    restoreEnds(this.#kept, row, words);
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
    this.rows.sockets.clear(row);
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
