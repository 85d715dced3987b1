/**
 * The UDP sockets of this host, as far as needed to tell whose a conversation is that conntrack knows. Pure.
 *
 * Datagrams go to the socket that is connected to their sender, else to an unconnected one: bound to the very address
 * before bound to all, IPv4 before both families; of several such (SO_REUSEPORT) to whichever the kernel picks.
 */
import { type Endpoint, formatEndpoint } from '../../model/endpoint.ts';
import type { FourTuple } from '../../model/four-tuple.ts';
import { isIpv6 } from '../../model/ip.ts';
import { type Owner, processKey } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketEvent } from '../../model/socket-event.ts';

export interface DatagramSocket {
  /** SocketEvent.id. */
  readonly id: number;
  readonly socket: OwnedSocket;
}

/** Who takes the datagrams that are sent to an endpoint. */
export interface Takers {
  /** SocketEvent.id of each. Never empty. */
  readonly ids: readonly number[];
  readonly uid: number;
  /** 0 where it may be one of several. */
  readonly inode: number;
  /** Nobody where it may be one of several processes; without fds where one process has several. */
  readonly owners: readonly Owner[];
}

/** How many ports of late closings are remembered one by one; when there are more, every port counts as just closed. */
export const closedPortsMax = 50_000;

const noSockets: ReadonlyMap<number, DatagramSocket> = new Map();

export class DatagramSockets {
  readonly #byId = new Map<number, DatagramSocket>();
  /** Unconnected ones by namespace and port, then by id. */
  readonly #byPlace = new Map<string, Map<number, DatagramSocket>>();
  /** Tuples of connected ones, with the number of sockets that have it. */
  readonly #connected = new Map<string, number>();
  /** When a UDP socket was last found closed, by namespace and port; and when any may have been. */
  readonly #closedAtMs = new Map<string, number>();
  #anyClosedAtMs = 0;
  /** Unconnected ones by namespace, then by id. */
  readonly #byNetns = new Map<number, Map<number, DatagramSocket>>();

  /** Takes note of what a scan made different. @param nowMs of a clock that never steps, as all times here */
  note(event: SocketEvent, nowMs: number): void {
    if (event.socket.protocol !== 'udp') return;
    const before = this.#byId.get(event.id);
    if (before !== undefined) this.#remove(before);
    if (event.kind !== 'closed') this.#add({ id: event.id, socket: event.socket });
    else this.#rememberClosed(event.socket, nowMs);
  }

  /** Namespaces with unconnected sockets. */
  namespaces(): Iterable<number> {
    return this.#byNetns.keys();
  }

  hasUnconnected(netns: number): boolean {
    return this.#byNetns.has(netns);
  }

  /** A process that holds an unconnected socket in that namespace; null = none is known. */
  pidIn(netns: number): number | null {
    for (const { socket } of (this.#byNetns.get(netns) ?? noSockets).values()) {
      const [owner] = socket.owners;
      if (owner !== undefined) return owner.process.pid;
    }
    return null;
  }

  /** Whether a connected socket has that very tuple: then no other takes its datagrams. */
  isConnected(netns: number, tuple: FourTuple): boolean {
    return this.#connected.has(tupleOf(netns, tuple));
  }

  /** The unconnected sockets that take what comes to an endpoint in that namespace; null where there is none. */
  takersOf(netns: number, endpoint: Endpoint): Takers | null {
    const there = [...(this.#byPlace.get(placeOf(netns, endpoint.port)) ?? noSockets).values()];
    const wildcards = isIpv6(endpoint.ip) ? ['::'] : ['0.0.0.0', '::'];
    for (const bound of [endpoint.ip, ...wildcards]) {
      const takers = there.filter(({ socket }) => socket.local.ip === bound);
      if (takers.length > 0) return describe(takers);
    }
    return null;
  }

  /** When a UDP socket with that port was last found closed in that namespace; 0 = it was not of late. */
  lastClosedMs(netns: number, port: number): number {
    return Math.max(this.#anyClosedAtMs, this.#closedAtMs.get(placeOf(netns, port)) ?? 0);
  }

  /** Forgets closings of before. */
  forgetClosed(beforeMs: number): void {
    for (const [place, atMs] of this.#closedAtMs) if (atMs < beforeMs) this.#closedAtMs.delete(place);
  }

  #rememberClosed({ netns, local }: OwnedSocket, nowMs: number): void {
    if (this.#closedAtMs.size >= closedPortsMax) {
      this.#closedAtMs.clear();
      this.#anyClosedAtMs = nowMs;
    }
    this.#closedAtMs.set(placeOf(netns, local.port), nowMs);
  }

  #add(added: DatagramSocket): void {
    const { id, socket } = added;
    this.#byId.set(id, added);
    if (socket.state !== 'unconnected') return count(this.#connected, tupleOf(socket.netns, socket), 1);
    file(this.#byPlace, placeOf(socket.netns, socket.local.port), added);
    file(this.#byNetns, socket.netns, added);
  }

  #remove({ id, socket }: DatagramSocket): void {
    this.#byId.delete(id);
    if (socket.state !== 'unconnected') return count(this.#connected, tupleOf(socket.netns, socket), -1);
    unfile(this.#byPlace, placeOf(socket.netns, socket.local.port), id);
    unfile(this.#byNetns, socket.netns, id);
  }
}

function describe(takers: readonly DatagramSocket[]): Takers {
  const ids = takers.map(({ id }) => id);
  const [{ socket }] = takers as [DatagramSocket];
  if (takers.length === 1) return { ids, uid: socket.uid, inode: socket.inode, owners: socket.owners };
  const processes = new Map(
    takers.flatMap((each) =>
      each.socket.owners.map(({ process }) => [processKey(process), process] as const),
    ),
  );
  const [only, ...others] = processes.values();
  const owners = only === undefined || others.length > 0 ? [] : [{ process: only, fds: [] }];
  return { ids, uid: socket.uid, inode: 0, owners };
}

function file<Key>(index: Map<Key, Map<number, DatagramSocket>>, key: Key, added: DatagramSocket): void {
  const there = index.get(key) ?? new Map<number, DatagramSocket>();
  index.set(key, there.set(added.id, added));
}

/** The last of a key takes it along. */
function unfile<Key>(index: Map<Key, Map<number, DatagramSocket>>, key: Key, id: number): void {
  const there = index.get(key)!;
  there.delete(id);
  if (there.size === 0) index.delete(key);
}

/** An entry that reaches 0 goes. */
function count(counts: Map<string, number>, key: string, change: number): void {
  const now = (counts.get(key) ?? 0) + change;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
}

function placeOf(netns: number, port: number): string {
  return `${netns}|${port}`;
}

function tupleOf(netns: number, { local, remote }: FourTuple): string {
  return `${netns}|${formatEndpoint(local)}|${formatEndpoint(remote)}`;
}
