/**
 * The sockets behind the halves of plain connections, by half (row << 1 | end). One that was told as an object is that object,
 * and its times and counts are in columns as well, so that there is one way to read them. One that is kept is in columns
 * altogether (socket-columns.ts): it is made an object for who asks.
 */
import { formatIp, type IpAddress } from '../../model/ip.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketState } from '../../model/socket-state.ts';
import type { Translation } from '../../model/translation.ts';
import { ipv4FromNumber } from '../../wire/packing.ts';
import { type Addresses, isInterned } from '../core/addresses.ts';
import { holderWord } from '../core/connection-row.ts';
import { couldBeOneBirth, type Life } from './generations.ts';
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
  readonly columns = new SocketColumns();
  readonly #hosts: PlainHosts;
  readonly #addresses: Addresses;
  /** Those that are not kept. */
  readonly #objects = new Map<number, ReportedSocket>();
  /** Of those that are kept: the one process that has it under one fd at most, or all owners. */
  readonly #owners: (Process | readonly Owner[] | undefined)[] = [];
  readonly #lives: readonly [AnyLife, AnyLife] = [newLife(), newLife()];

  constructor(hosts: PlainHosts, addresses: Addresses) {
    this.#hosts = hosts;
    this.#addresses = addresses;
  }

  /** A half that begins, as an object. */
  tell(half: number, socket: ReportedSocket): void {
    const { columns } = this;
    columns.ensure(half);
    this.#objects.set(half, socket);
    columns.setDouble(half, doubleOf.opened, socket.openedAtMs);
    columns.setDouble(half, doubleOf.notBefore, socket.notBeforeMs);
    columns.setDouble(half, doubleOf.accepted, socket.acceptedMs);
    columns.setDouble(half, doubleOf.closed, socket.closedAtMs ?? Number.NaN);
    columns.setWord(half, wordOf.marks, 0);
    if (socket.counters !== null) this.count(half, socket.counters);
  }

  /** A half that begins, and is kept. @param at its place among those that are opened */
  begin(half: number, opened: OpenedColumns, at: number, epoch: number): void {
    const { columns } = this;
    columns.ensure(half);
    this.#owners[half] = opened.processes[at];
    columns.setDouble(half, doubleOf.opened, opened.openedAtMs[at]!);
    columns.setDouble(half, doubleOf.notBefore, opened.notBeforeMs[at]!);
    columns.setDouble(half, doubleOf.accepted, opened.acceptedMs);
    columns.setDouble(half, doubleOf.closed, Number.NaN);
    columns.setDouble(half, doubleOf.establishedUntil, Number.NaN);
    columns.setDouble(half, doubleOf.id, opened.id[at]!);
    columns.setWord(half, wordOf.inode, opened.inode[at]!);
    columns.setWord(half, wordOf.uid, opened.uid[at]!);
    columns.setWord(half, wordOf.fd, opened.fd[at]!);
    columns.setWord(half, wordOf.slot, opened.slot[at]!);
    columns.setWord(half, wordOf.epoch, epoch);
    columns.setWord(half, wordOf.marks, marks.kept);
  }

  /** As KeptSockets.isAs, of one that is kept. */
  isAs(half: number, ...[opened, at, isSame]: Parameters<KeptSockets['isAs']>): boolean {
    const { columns } = this;
    if (columns.double(half, doubleOf.id) !== opened.id[at]) return false;
    if (columns.word(half, wordOf.inode) !== opened.inode[at]) return false;
    if (columns.word(half, wordOf.fd) !== opened.fd[at]) return false;
    const known = this.#owners[half]!;
    return !isOwners(known) && isSame(known, opened.processes[at]!);
  }

  /** From an object to columns. @param slot, id the agent's @param epoch number of the agent's */
  keep(half: number, socket: ReportedSocket, { slot, id, epoch }: KeptAs): void {
    const { columns } = this;
    const [owner] = socket.owners;
    const isSimple = socket.owners.length === 1 && owner!.fds.length <= 1;
    this.#objects.delete(half);
    this.#owners[half] = isSimple ? owner!.process : socket.owners;
    columns.setDouble(half, doubleOf.establishedUntil, Number.NaN);
    columns.setDouble(half, doubleOf.id, id);
    columns.setWord(half, wordOf.inode, socket.inode);
    columns.setWord(half, wordOf.uid, socket.uid);
    columns.setWord(half, wordOf.fd, owner?.fds[0] ?? noFd);
    columns.setWord(half, wordOf.slot, slot);
    columns.setWord(half, wordOf.epoch, epoch);
    columns.unmark(half, marks.trackedClient | marks.trackedServer);
    columns.mark(half, marks.kept | markOf(socket.translation));
  }

  /** The reverse. @param words that have its row at `first`, such as a copy of it */
  restore(half: number, words: Int32Array, first: number): ReportedSocket {
    const socket = this.#made(half, words, first);
    this.columns.unmark(half, marks.kept);
    this.#objects.set(half, socket);
    this.#owners[half] = undefined;
    return socket;
  }

  isKept(half: number): boolean {
    return this.columns.has(half, marks.kept);
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
      if (this.#owners[half] !== undefined) this.#owners[half] = undefined;
    }
  }

  close(half: number, closedAtMs: number): void {
    this.columns.setDouble(half, doubleOf.closed, closedAtMs);
  }

  /** That it was closed was not so. */
  reopen(half: number): void {
    this.columns.setDouble(half, doubleOf.closed, Number.NaN);
  }

  /** @returns whether that is new, as do the two below */
  count(half: number, { bytesSent, bytesReceived, rttUs, retransmits }: SocketCounters): boolean {
    return this.setCounts(half, bytesSent, bytesReceived, rttUs, retransmits);
  }

  setCounts(half: number, sent: number, received: number, rttUs: number, retransmits: number): boolean {
    const { columns } = this;
    const isSame =
      columns.double(half, doubleOf.sent) === sent &&
      columns.double(half, doubleOf.received) === received &&
      columns.word(half, wordOf.rttUs) === rttUs &&
      columns.word(half, wordOf.retransmits) === retransmits;
    if (isSame && columns.has(half, marks.counted)) return false;
    columns.setDouble(half, doubleOf.sent, sent);
    columns.setDouble(half, doubleOf.received, received);
    columns.setWord(half, wordOf.rttUs, rttUs);
    columns.setWord(half, wordOf.retransmits, retransmits);
    columns.mark(half, marks.counted);
    return true;
  }

  /** As grownBy of model/socket-counters has it. */
  grow(half: number, sent: number, received: number, rttUs: number): boolean {
    const { columns } = this;
    if (!columns.has(half, marks.counted)) return this.setCounts(half, sent, received, rttUs, 0);
    return this.setCounts(
      half,
      Math.min(Number.MAX_SAFE_INTEGER, columns.double(half, doubleOf.sent) + sent),
      Math.min(Number.MAX_SAFE_INTEGER, columns.double(half, doubleOf.received) + received),
      rttUs === 0 ? columns.word(half, wordOf.rttUs) : rttUs,
      columns.word(half, wordOf.retransmits),
    );
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
    life.notBeforeMs = columns.double(half, doubleOf.notBefore);
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
    const epoch = host.epochs[columns.word(half, wordOf.epoch)]!;
    return {
      host: host.host,
      protocol: 'tcp',
      state: 'established',
      byConntrack: false,
      netns,
      local: end === 0 ? a : b,
      remote: end === 0 ? b : a,
      inode: columns.word(half, wordOf.inode),
      uid: columns.word(half, wordOf.uid),
      owners: this.ownersOf(half),
      openedAtMs: columns.double(half, doubleOf.opened),
      notBeforeMs: columns.double(half, doubleOf.notBefore),
      acceptedMs: columns.double(half, doubleOf.accepted),
      translation: this.#translationOf(half),
      counters: this.countersOf(half),
      id: `${epoch}-${columns.double(half, doubleOf.id)}`,
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
    const known = this.#owners[half]!;
    if (isOwners(known)) return known;
    const fd = this.columns.word(half, wordOf.fd);
    return [{ process: known, fds: fd === noFd ? [] : [fd] }];
  }

  #translationOf(half: number): Translation | null {
    if (this.columns.has(half, marks.trackedClient)) return { role: 'client', stages: [] };
    return this.columns.has(half, marks.trackedServer) ? { role: 'server', stages: [] } : null;
  }

  /** As last counted; null = not yet. */
  countersOf(half: number): SocketCounters | null {
    const { columns } = this;
    if (!columns.has(half, marks.counted)) return null;
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

function isOwners(known: Process | readonly Owner[]): known is readonly Owner[] {
  return Array.isArray(known);
}

function markOf(translation: Translation | null): number {
  if (translation === null) return 0;
  return translation.role === 'client' ? marks.trackedClient : marks.trackedServer;
}

function newLife(): AnyLife {
  return { openedAtMs: 0, notBeforeMs: 0, closedAtMs: null, state: 'established' };
}
