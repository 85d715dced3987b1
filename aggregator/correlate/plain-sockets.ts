/**
 * The sockets behind the halves of plain connections, by half (row << 1 | end). One that was told as an object is that object,
 * and its times and counts are in columns as well, so that there is one way to read them. One that is kept is in columns
 * altogether (socket-columns.ts): it is made an object for who asks.
 */
import { formatIp, type IpAddress } from '../../model/ip.ts';
import type { Owner } from '../../model/process.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketState } from '../../model/socket-state.ts';
import type { Translation } from '../../model/translation.ts';
import { ipv4FromNumber } from '../../wire/packing.ts';
import { type Addresses, isInterned } from '../core/addresses.ts';
import { holderWord } from '../core/connection-row.ts';
import { couldBeOneBirth, type Life } from './generations.ts';
import { KeptOwners, noOwner, type Owners } from './kept-owners.ts';
import type { PlainHosts } from './plain-hosts.ts';
import type { KeptSockets, OpenedColumns, ReportedSocket } from './report.ts';
import { doubleOf, marks, noFd, SocketColumns, wordOf } from './socket-columns.ts';

/** A life that is filled in for every question. */
interface AnyLife extends Life {
  openedAtMs: number;
  notBeforeMs: number;
  closedAtMs: number | null;
  state: Life['state'];
}

export class PlainSockets {
  readonly columns: SocketColumns;
  readonly #hosts: PlainHosts;
  readonly #addresses: Addresses;
  /** Those that are not kept. */
  readonly #objects = new Map<number, ReportedSocket>();
  readonly #owners = new KeptOwners();
  /** By row, when the later of its ends was told, on the clock that never steps: a half that leaves is timed by that. */
  readonly #acceptedMs: Float64Array;
  readonly #lives: readonly [AnyLife, AnyLife] = [newLife(), newLife()];

  /** @param max rows */
  constructor(max: number, hosts: PlainHosts, addresses: Addresses) {
    this.columns = new SocketColumns(2 * max);
    this.#acceptedMs = new Float64Array(max);
    this.#hosts = hosts;
    this.#addresses = addresses;
  }

  /** Owners of kept ones. */
  get owners(): number {
    return this.#owners.size;
  }

  /** A half that begins, as an object. */
  tell(half: number, socket: ReportedSocket): void {
    this.#objects.set(half, socket);
    this.#acceptedMs[half >> 1] = socket.acceptedMs;
    this.columns.begin(half, socket.openedAtMs, socket.notBeforeMs);
    this.columns.setDouble(half, doubleOf.closed, socket.closedAtMs ?? Number.NaN);
    if (socket.counters !== null) this.count(half, socket.counters);
  }

  /** A half that begins, and is kept. @param at its place among those that are opened */
  begin(half: number, opened: OpenedColumns, at: number, epoch: number): void {
    const { columns } = this;
    columns.begin(half, opened.openedAtMs[at]!, opened.notBeforeMs[at]!);
    this.#acceptedMs[half >> 1] = opened.acceptedMs;
    columns.setDouble(half, doubleOf.id, opened.id[at]!);
    columns.setWord(half, wordOf.inode, opened.inode[at]!);
    columns.setWord(half, wordOf.fd, opened.fd[at]!);
    this.#own(half, this.#owners.retain(opened.processes[at]!, opened.uid[at]!, epoch));
    columns.setSlot(half, opened.slot[at]!);
    columns.mark(half, marks.kept);
  }

  /** As KeptSockets.isAs, of one that is kept. */
  isAs(half: number, ...[opened, at, isSame]: Parameters<KeptSockets['isAs']>): boolean {
    const { columns } = this;
    if (columns.double(half, doubleOf.id) !== opened.id[at]) return false;
    if (columns.word(half, wordOf.inode) !== opened.inode[at]) return false;
    if (columns.word(half, wordOf.fd) !== opened.fd[at]) return false;
    const { owners } = this.#owners.of(columns.word(half, wordOf.owner));
    return !isOwners(owners) && isSame(owners, opened.processes[at]!);
  }

  /** From an object to columns. @param slot, id the agent's @param epoch number of the agent's */
  keep(half: number, socket: ReportedSocket, { slot, id, epoch }: KeptAs): void {
    const { columns } = this;
    const [owner] = socket.owners;
    const isSimple = socket.owners.length === 1 && owner!.fds.length <= 1;
    this.#objects.delete(half);
    const owners = isSimple ? owner!.process : socket.owners;
    this.#own(half, this.#owners.retain(owners, socket.uid, epoch));
    columns.setDouble(half, doubleOf.id, id);
    columns.setWord(half, wordOf.inode, socket.inode);
    columns.setWord(half, wordOf.fd, owner?.fds[0] ?? noFd);
    columns.setSlot(half, slot);
    columns.unmark(half, marks.trackedClient | marks.trackedServer);
    columns.mark(half, marks.kept | markOf(socket.translation));
  }

  /** The reverse. @param words that have its row at `first`, such as a copy of it */
  restore(half: number, words: Int32Array, first: number): ReportedSocket {
    const socket = this.#made(half, words, first);
    this.columns.unmark(half, marks.kept);
    this.#objects.set(half, socket);
    this.#own(half, noOwner);
    return socket;
  }

  isKept(half: number): boolean {
    return this.columns.has(half, marks.kept);
  }

  /** The object of one that is there and not kept. */
  toldAt(half: number): ReportedSocket | undefined {
    return this.#objects.get(half);
  }

  /** The one that was told, or one that is made for whoever asks; undefined where that end is unseen. @param words as in restore */
  at(half: number, words: Int32Array, first: number): ReportedSocket | undefined {
    if (words[first + holderWord + (half & 1)] === 0) return undefined;
    return this.#objects.get(half) ?? this.#made(half, words, first);
  }

  /** The connection is gone. */
  clear(row: number): void {
    for (const half of [row << 1, (row << 1) | 1]) {
      this.#objects.delete(half);
      this.#own(half, noOwner);
    }
  }

  #own(half: number, owner: number): void {
    this.#owners.release(this.columns.word(half, wordOf.owner));
    this.columns.setWord(half, wordOf.owner, owner);
  }

  close(half: number, closedAtMs: number): void {
    this.columns.setDouble(half, doubleOf.closed, closedAtMs);
  }

  /** That it was closed was not so. */
  reopen(half: number): void {
    this.columns.setDouble(half, doubleOf.closed, Number.NaN);
  }

  /** @returns whether that is new */
  count(half: number, { bytesSent, bytesReceived, rttUs, retransmits }: SocketCounters): boolean {
    return this.columns.setCounts(half, bytesSent, bytesReceived, rttUs, retransmits);
  }

  acceptedMs(row: number): number {
    return this.#acceptedMs[row]!;
  }

  /** Whether two halves may be one connection by their times alone. */
  mayBeOfOneBirth(one: number, other: number): boolean {
    const [a, b] = this.#lives;
    this.#fill(a, one);
    this.#fill(b, other);
    return couldBeOneBirth(a, b);
  }

  #fill(life: AnyLife, half: number): void {
    const { columns } = this;
    const closedAtMs = columns.double(half, doubleOf.closed);
    life.openedAtMs = columns.double(half, doubleOf.opened);
    life.notBeforeMs = columns.notBeforeMs(half);
    life.closedAtMs = Number.isNaN(closedAtMs) ? null : closedAtMs;
    life.state = this.stateOf(half);
  }

  stateOf(half: number): SocketState {
    return this.isKept(half) ? 'established' : this.#objects.get(half)!.state;
  }

  #made(half: number, words: Int32Array, first: number): ReportedSocket {
    const { columns } = this;
    const end = half & 1;
    const { inode: netns, host } = this.#hosts.netnsOfHolder(words[first + holderWord + end]! - 1);
    const ports = words[first + 2]!;
    const a = { ip: this.ipOf(words[first]!), port: ports >>> 16 };
    const b = { ip: this.ipOf(words[first + 1]!), port: ports & 0xffff };
    const closedAtMs = columns.double(half, doubleOf.closed);
    const { uid, epoch } = this.#owners.of(columns.word(half, wordOf.owner));
    return {
      host: host.host,
      protocol: 'tcp',
      state: 'established',
      byConntrack: false,
      netns,
      local: end === 0 ? a : b,
      remote: end === 0 ? b : a,
      inode: columns.word(half, wordOf.inode),
      uid,
      owners: this.ownersOf(half),
      openedAtMs: columns.double(half, doubleOf.opened),
      notBeforeMs: columns.notBeforeMs(half),
      acceptedMs: this.#acceptedMs[half >> 1]!,
      translation: this.#translationOf(half),
      counters: this.countersOf(half),
      id: `${host.epochs[epoch]!}-${columns.double(half, doubleOf.id)}`,
      closedAtMs: Number.isNaN(closedAtMs) ? null : closedAtMs,
      token: undefined,
    };
  }

  /** Of the word of an address that is in use. */
  ipOf(address: number): IpAddress {
    if (!isInterned(address)) return ipv4FromNumber(address >>> 0);
    const bytes = new DataView(new ArrayBuffer(16));
    for (const [i, word] of this.#addresses.wordsOf(address).entries()) bytes.setInt32(4 * i, word);
    return formatIp(new Uint8Array(bytes.buffer));
  }

  /** Of the one that was told, or is made, as that has them. */
  ownersOf(half: number): readonly Owner[] {
    const told = this.#objects.get(half);
    if (told !== undefined) return told.owners;
    const { owners } = this.#owners.of(this.columns.word(half, wordOf.owner));
    if (isOwners(owners)) return owners;
    const fd = this.columns.word(half, wordOf.fd);
    return [{ process: owners, fds: fd === noFd ? [] : [fd] }];
  }

  #translationOf(half: number): Translation | null {
    if (this.columns.has(half, marks.trackedClient)) return { role: 'client', stages: [] };
    return this.columns.has(half, marks.trackedServer) ? { role: 'server', stages: [] } : null;
  }

  /** As last counted; null = not yet. */
  countersOf(half: number): SocketCounters | null {
    const { columns } = this;
    if (!columns.isCounted(half)) return null;
    return {
      bytesSent: columns.double(half, doubleOf.sent),
      bytesReceived: columns.double(half, doubleOf.received),
      rttUs: columns.word(half, wordOf.rttUs),
      retransmits: columns.word(half, wordOf.retransmits),
    };
  }
}

/** What its agent calls a socket that is kept. */
export interface KeptAs {
  readonly slot: number;
  readonly id: number;
  readonly epoch: number;
}

function isOwners(known: Owners): known is readonly Owner[] {
  return Array.isArray(known);
}

function markOf(translation: Translation | null): number {
  if (translation === null) return 0;
  return translation.role === 'client' ? marks.trackedClient : marks.trackedServer;
}

function newLife(): AnyLife {
  return { openedAtMs: 0, notBeforeMs: 0, closedAtMs: null, state: 'established' };
}
