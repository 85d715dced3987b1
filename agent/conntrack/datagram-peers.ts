/**
 * The peers of unconnected UDP sockets, out of the entries of one conntrack table. Pure.
 *
 *     an entry, one of its ends at an unconnected socket of ours
 *       no proof yet that a packet passed while that socket was there      remembered
 *       a new entry, or one with more time left than at the last look      told as opened
 *       gone, or its socket closed                                         told as closed
 *
 * An entry lives on for half a minute or two after the last packet, and a port is soon used again: without that proof the
 * conversation may be of whoever had the port before. A socket of that port that closed since the last look spoils it.
 */
import { formatEndpoint } from '../../model/endpoint.ts';
import type { FourTuple } from '../../model/four-tuple.ts';
import { type IpAddress, isIpv6 } from '../../model/ip.ts';
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketFinding } from '../../model/socket-event.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { ConntrackDump } from '../netlink/conntrack-dump.ts';
import type { ConntrackEntry } from '../netlink/conntrack-entry.ts';
import type { DatagramSockets, Takers } from './datagram-sockets.ts';
import { afterAnswer, beginInquiry, translationOf } from './inquiry.ts';

/** How many conversations of one table are remembered; a further one is not told, and counted. */
export const peersMax = 10_000;

/** By how much the time left of an entry may seem to grow without a packet: it is told in whole seconds. */
const roundingMs = 1_000;

/** What is looked at. */
export interface TableLook extends ConntrackDump {
  /** When it began and when it was over, on a clock that never steps. */
  readonly startedMs: number;
  readonly finishedMs: number;
  /** Unix milliseconds when it was over. */
  readonly finishedAtMs: number;
}

/** Where an address is, as far as this table may know: a namespace of this host; null = elsewhere. */
export type NamespaceOf = (ip: IpAddress) => number | null;

interface Conversation {
  readonly id: number;
  /** Of the sockets that may have it. */
  ids: readonly number[];
  socket: OwnedSocket;
}

/** One end of an entry, as a socket there would show it. */
interface Sighting {
  readonly entry: ConntrackEntry;
  readonly netns: number;
  readonly tuple: FourTuple;
}

interface Known {
  entryId: number;
  /** At the latest, as the last look showed it. */
  expiresByMs: number;
  /** The look that showed it last. */
  look: number;
  conversation: Conversation | null;
}

export class DatagramPeers {
  readonly #netns: number;
  readonly #sockets: DatagramSockets;
  readonly #nextId: () => number;
  readonly #max: number;
  readonly #known = new Map<string, Known>();
  #look = 0;
  /** Of the last look; null = it did not show everything, so what the next one shows need not be new. */
  #lastWhole: { readonly startedMs: number; readonly finishedAtMs: number } | null = null;
  #lastStartedMs = 0;
  /** Whether the last look found no room for some. */
  isCrowded = false;
  #refusedTotal = 0;

  /** @param netns inode of the namespace whose table it is */
  constructor(netns: number, sockets: DatagramSockets, nextId: () => number, max: number = peersMax) {
    this.#netns = netns;
    this.#sockets = sockets;
    this.#nextId = nextId;
    this.#max = max;
  }

  get table(): BoundedTable {
    const { size } = this.#known;
    return { name: 'datagram_peers', size, limit: this.#max, refusedTotal: this.#refusedTotal };
  }

  /** Applies a look, one step for each entry. */
  *applying(look: TableLook, namespaceOf: NamespaceOf): Generator<void, SocketFinding[]> {
    const findings: SocketFinding[] = [];
    this.#look++;
    const late: Sighting[] = [];
    for (const sighting of sightingsIn(look, namespaceOf)) {
      yield;
      if (!this.#see(sighting, look, findings)) late.push(sighting);
    }
    if (look.isWhole) this.#forgetMissing(look, findings);
    this.isCrowded = false;
    for (const sighting of late) {
      yield;
      if (this.#see(sighting, look, findings)) continue;
      this.#refusedTotal++;
      this.isCrowded = true;
    }
    const { startedMs, finishedAtMs } = look;
    this.#lastStartedMs = startedMs;
    this.#lastWhole = look.isWhole && !this.isCrowded ? { startedMs, finishedAtMs } : null;
    return findings;
  }

  /** Ends the conversations of sockets that are closed. @param closed unix milliseconds by SocketEvent.id */
  socketsClosed(closed: ReadonlyMap<number, number>): SocketFinding[] {
    const findings: SocketFinding[] = [];
    for (const known of this.#known.values()) {
      const { conversation } = known;
      const last = conversation?.ids.findLast((id) => closed.has(id));
      if (conversation === null || last === undefined) continue;
      conversation.ids = conversation.ids.filter((id) => !closed.has(id));
      if (conversation.ids.length === 0) findings.push(...close(known, closed.get(last)!));
    }
    return findings;
  }

  /** Ends everything: the table is not looked at any more. */
  clear(nowMs: number): SocketFinding[] {
    const findings = [...this.#known.values()].flatMap((known) => close(known, nowMs));
    this.#known.clear();
    this.#lastWhole = null;
    return findings;
  }

  #forgetMissing({ finishedAtMs }: TableLook, findings: SocketFinding[]): void {
    for (const [key, known] of this.#known) {
      if (known.look === this.#look) continue;
      this.#known.delete(key);
      findings.push(...close(known, finishedAtMs));
    }
  }

  /** False where there is no room for it. */
  #see({ entry, netns, tuple }: Sighting, look: TableLook, findings: SocketFinding[]): boolean {
    const takers = this.#sockets.isConnected(netns, tuple)
      ? null
      : this.#sockets.takersOf(netns, tuple.local);
    if (takers === null) return true;
    const key = `${netns}|${formatEndpoint(tuple.local)}|${formatEndpoint(tuple.remote)}`;
    const known = this.#known.get(key) ?? this.#remember(key);
    if (known === null) return false;
    const isNew = known.entryId !== entry.id;
    const hasPassed = this.#hasPassed(known, entry, look);
    known.entryId = entry.id;
    known.expiresByMs = look.finishedMs + entry.expiresInS! * 1000 + roundingMs;
    known.look = this.#look;
    if (known.conversation !== null) {
      if (takers.ids.some((id) => known.conversation!.ids.includes(id))) {
        findings.push(...update(known.conversation, takers));
        return true;
      }
      findings.push(...close(known, look.finishedAtMs));
    }
    const isUndisturbed = this.#sockets.lastClosedMs(netns, tuple.local.port) < this.#lastStartedMs;
    if (!hasPassed || !isUndisturbed) return true;
    const socket = rowOf(tuple, netns, takers);
    const id = this.#nextId();
    known.conversation = { id, ids: takers.ids, socket };
    const notBeforeMs = isNew ? (this.#lastWhole?.finishedAtMs ?? 0) : 0;
    findings.push({ kind: 'peer-opened', id, socket, openedAtMs: look.finishedAtMs, notBeforeMs });
    const translation = translationOf(afterAnswer(beginInquiry(tuple, [this.#netns]), entry));
    if (translation !== null) findings.push({ kind: 'translated', id, translation });
    return true;
  }

  /** Whether a packet passed since the last look, for sure. */
  #hasPassed({ entryId, expiresByMs, look: seenIn }: Known, entry: ConntrackEntry, look: TableLook): boolean {
    const wasSeen = seenIn > 0 && seenIn === this.#look - 1;
    if (entryId !== entry.id) return wasSeen || (seenIn === 0 && this.#lastWhole !== null);
    return wasSeen && look.startedMs + entry.expiresInS! * 1000 > expiresByMs;
  }

  /** Null where there is no room. */
  #remember(key: string): Known | null {
    if (this.#known.size >= this.#max) return null;
    const known: Known = { entryId: -1, expiresByMs: 0, look: 0, conversation: null };
    this.#known.set(key, known);
    return known;
  }
}

/** The ends of entries that may be at a socket of this host. */
function* sightingsIn({ entries }: TableLook, namespaceOf: NamespaceOf): Generator<Sighting> {
  for (const entry of entries) {
    if (entry.protocol !== 'udp' || entry.zone !== 0 || entry.expiresInS === null) continue;
    for (const tuple of endsOf(entry)) {
      const netns = isGroup(tuple.remote.ip) ? null : namespaceOf(tuple.local.ip);
      if (netns !== null) yield { entry, netns, tuple };
    }
  }
}

/** The tuples of both ends as their sockets show them. */
function endsOf({ original, reply }: ConntrackEntry): readonly FourTuple[] {
  return [
    { local: original.source, remote: original.destination },
    { local: reply.source, remote: reply.destination },
  ];
}

function close(known: Known, closedAtMs: number): SocketFinding[] {
  const { conversation } = known;
  known.conversation = null;
  return conversation === null ? [] : [{ kind: 'peer-closed', id: conversation.id, closedAtMs }];
}

function update(conversation: Conversation, takers: Takers): SocketFinding[] {
  conversation.ids = takers.ids;
  const { inode, owners } = takers;
  if (conversation.socket.inode === inode && hasSameOwners(conversation.socket.owners, owners)) return [];
  conversation.socket = { ...conversation.socket, inode, owners };
  return [{ kind: 'peer-changed', id: conversation.id, socket: conversation.socket }];
}

/** By identity of their processes, which stay the same objects from scan to scan. */
function hasSameOwners(a: readonly Owner[], b: readonly Owner[]): boolean {
  return a.length === b.length && a.every(({ process }, i) => process === b[i]!.process);
}

function rowOf({ local, remote }: FourTuple, netns: number, { uid, inode, owners }: Takers): OwnedSocket {
  return { protocol: 'udp', state: 'established', local, remote, inode, uid, netns, owners };
}

/** Many at once: multicast (224.0.0.0/4, ff00::/8), or everybody on the network. */
function isGroup(ip: IpAddress): boolean {
  if (isIpv6(ip)) return ip.startsWith('ff');
  const first = Number.parseInt(ip, 10);
  return (first >= 224 && first < 240) || ip === '255.255.255.255';
}
