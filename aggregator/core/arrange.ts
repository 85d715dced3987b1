/**
 * From the rows of one agent's message to halves of the core: its numbers for addresses, namespaces and processes become ours,
 * ages become ticks, states become evidence. One loop, no objects. The scope of a half is that of correlate/scope.ts.
 */
import type { OpenColumns } from '../../wire/agent-batch.ts';
import { neverLooked } from '../../wire/protocol.ts';
import { facts } from './connection-row.ts';
import type { Halves } from './halves.ts';
import { never, tickAfter, tickBefore } from './ticks.ts';

/** What one agent's numbers stand for. Arrays are by the agent's dictionary ids, which the reader of its stream has checked. */
export interface AgentNumbers {
  /** Words of addresses.ts, each held once for the dictionary. */
  readonly addresses: readonly number[];
  /** In which host-local networks an IPv6 address lies, a bit for each: see `loopback`. */
  readonly networks6: readonly number[];
  /** Host-local IPv4 networks, as signed numbers. */
  readonly networks4: readonly { readonly address: number; readonly mask: number }[];
  /** Holders by process. */
  readonly processes: readonly number[];
  /** Holders of the sockets that nobody owns, and scopes of loopback addresses, by namespace. */
  readonly ownerless: readonly number[];
  readonly netnsScopes: readonly number[];
  readonly hostScope: number;
  readonly realmScope: number;
}

/** The bit of networks6 for an address that is loopback; the others are for one host-local network each. */
export const loopback = 1 << 31;

/** Of open_meta (wire/packing.ts): what has a bit beyond these is no plain socket, such as an end that only conntrack tells of. */
const plainMetaBits = 17;

/** Kernel states of sockets that wait for peers: TCP LISTEN and unconnected UDP. */
const listen = 10;
const unconnected = 7;

/**
 * Puts the rows that are halves of connections into `halves`, `rows` telling which they are. What else there is, listeners
 * mostly, is for the caller, as long as `halves.count` is less than the rows.
 *
 * @param baseMs Unix milliseconds, on our clock, from which ages count back
 */
export function arrange(
  opens: OpenColumns,
  numbers: AgentNumbers,
  baseMs: number,
  originMs: number,
  halves: Halves,
): void {
  const { slot, localAddress, remoteAddress, ports, meta, netns, process, ageMs, unseenMs } = opens;
  let count = 0;
  for (let row = 0; row < slot.length; row++) {
    const described = meta[row]!;
    const state = described & 0xff;
    const udp = ((described >>> 8) & 0xff) === 17 ? 1 : 0;
    if (udp === 1 ? state === unconnected : state === listen) continue;
    if (described >>> plainMetaBits !== 0) continue;
    if ((ports[row]! & 0xffff) === 0 && remoteAddress[row] === 0) continue;
    const v6 = (described & (1 << 16)) !== 0;
    const local = v6 ? numbers.addresses[localAddress[row]!]! : localAddress[row]! | 0;
    const remote = v6 ? numbers.addresses[remoteAddress[row]!]! : remoteAddress[row]! | 0;
    const owner = process[row]!;
    const openedMs = baseMs - ageMs[row]!;
    const unseen = unseenMs[row]!;
    halves.rows[count] = row;
    halves.slot[count] = slot[row]!;
    halves.local[count] = local;
    halves.remote[count] = remote;
    halves.ports[count] = ports[row]!;
    halves.place[count] = (scopeOf(numbers, opens, row, v6) << 1) | udp;
    halves.holder[count] = owner === 0 ? numbers.ownerless[netns[row]!]! : numbers.processes[owner]!;
    halves.opened[count] = tickAfter(openedMs, originMs);
    halves.bornAfter[count] = unseen === neverLooked ? never : tickBefore(openedMs - unseen, originMs);
    halves.evidence[count++] = evidenceOf(state);
  }
  halves.count = count;
}

function scopeOf(numbers: AgentNumbers, opens: OpenColumns, row: number, v6: boolean): number {
  const local = opens.localAddress[row]!;
  const remote = opens.remoteAddress[row]!;
  const { networks4, networks6 } = numbers;
  if (v6) {
    const [one, other] = [networks6[local]!, networks6[remote]!];
    if (((one | other) & loopback) !== 0) return numbers.netnsScopes[opens.netns[row]!]!;
    return (one & other) === 0 ? numbers.realmScope : numbers.hostScope;
  }
  if (local >>> 24 === 127 || remote >>> 24 === 127) return numbers.netnsScopes[opens.netns[row]!]!;
  for (const { address, mask } of networks4) {
    if ((local & mask) === address && (remote & mask) === address) return numbers.hostScope;
  }
  return numbers.realmScope;
}

/** By the kernel's number of a TCP state; UDP with a peer has that of an established one. */
const synSent = 2;
const synRecv = 3;
const timeWait = 6;
const closed = 7;
const newSynRecv = 12;

/** What a state tells, as facts about end a of a half that is end a. */
export function evidenceOf(state: number): number {
  if (state === synSent) return facts.dialedA;
  if (state === synRecv || state === newSynRecv) return facts.dialedB;
  if (state === closed) return facts.restingA;
  return state === timeWait ? facts.established | facts.restingA : facts.established;
}

/** A column of a message as the core reads columns: the same memory, signed. */
export function signed(column: ArrayLike<number>): Int32Array {
  if (column instanceof Uint32Array) return new Int32Array(column.buffer, column.byteOffset, column.length);
  return Int32Array.from(column);
}

/** When the sockets of a message closed, as ticks. @param baseMs as in `arrange` */
export function closedTicks(ageMs: ArrayLike<number>, baseMs: number, originMs: number): Int32Array {
  const ticks = new Int32Array(ageMs.length);
  for (let row = 0; row < ticks.length; row++) ticks[row] = tickAfter(baseMs - ageMs[row]!, originMs);
  return ticks;
}
